//! Logins, seen and ended: one's own, and for admins those of others.
use super::view::sessions::{EndedView, PasswordLinkView, SessionView};
use crate::{
    error::Result,
    handlers::{
        idempotency::Once,
        nodes::ListPage,
        page::{self, Page},
        principal::{LoginsRead, LoginsWrite, May, Person, Reach},
        problem::Problem,
        query::Params,
    },
    models::{Named, SessionId},
    services::{
        Services,
        callers::{Caller, Whose},
    },
};
use actix_web::{
    HttpResponse, delete, get, post,
    web::{Data, Path},
};
use utoipa_actix_web::service_config::ServiceConfig;

/// The routes.
pub fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.service(list_own)
        .service(end_own)
        .service(end_own_others)
        .service(list_of_user)
        .service(end_of_user)
        .service(end_all_of_user)
        .service(password_link);
}

async fn listed(
    by: &Caller,
    whose: Whose,
    who: &Named,
    app: &Services,
    query: &ListPage,
) -> Result<HttpResponse> {
    let limit = page::limit(query.limit)?;
    let before = page::cursor(query.cursor.as_deref())?;
    let rows = app.logins.list(whose, who, before, limit + 1).await?;
    let page = Page::new(rows, limit, |row| row.id, |row| SessionView::of(row, by));
    Ok(HttpResponse::Ok().json(page))
}

fn itself(by: &Person) -> Named {
    Named::Id(by.user_id.map(|id| id.0).unwrap_or_default())
}

/// List one's own logins, newest first.
#[utoipa::path(tag = "auth", params(ListPage), responses((status = 200, body = Page<SessionView>)))]
#[get("/auth/sessions")]
async fn list_own(
    by: Person,
    app: Data<Services>,
    query: Params<ListPage>,
) -> Result<HttpResponse> {
    listed(&by, Whose::All, &itself(&by), &app, &query.0).await
}

/// End one of one's own logins, from the answer on.
#[utoipa::path(tag = "auth", params(("session" = SessionId, Path)), responses((status = 204, description = "Ended"), (status = 404, body = Problem)))]
#[delete("/auth/sessions/{session}")]
async fn end_own(
    by: Person,
    app: Data<Services>,
    session: Path<SessionId>,
) -> Result<HttpResponse> {
    let (who, session) = (itself(&by), session.into_inner());
    app.logins.revoke(&by, Whose::All, &who, session).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// End all of one's own logins but this one.
#[utoipa::path(tag = "auth", responses((status = 200, body = EndedView)))]
#[delete("/auth/sessions")]
async fn end_own_others(by: Person, app: Data<Services>) -> Result<HttpResponse> {
    let who = itself(&by);
    let ended = app.logins.revoke_others(&by, Whose::All, &who).await?;
    Ok(HttpResponse::Ok().json(EndedView { ended }))
}

/// List a user's logins, newest first.
#[utoipa::path(tag = "auth", params(("user" = String, Path, description = "Id or name"), ListPage), responses((status = 200, body = Page<SessionView>), (status = 404, body = Problem)))]
#[get("/users/{user}/sessions")]
async fn list_of_user(
    by: Reach<LoginsRead>,
    app: Data<Services>,
    user: Path<String>,
    query: Params<ListPage>,
) -> Result<HttpResponse> {
    let who = Named::from(user.as_str());
    listed(&by, by.whose, &who, &app, &query.0).await
}

/// End a login of a user, from the answer on.
#[utoipa::path(tag = "auth", params(("user" = String, Path, description = "Id or name"), ("session" = SessionId, Path)), responses((status = 204, description = "Ended"), (status = 404, body = Problem)))]
#[delete("/users/{user}/sessions/{session}")]
async fn end_of_user(
    by: Reach<LoginsWrite>,
    app: Data<Services>,
    path: Path<(String, SessionId)>,
) -> Result<HttpResponse> {
    let who = Named::from(path.0.as_str());
    app.logins.revoke(&by, by.whose, &who, path.1).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// End all logins of a user, but the caller's own.
#[utoipa::path(tag = "auth", params(("user" = String, Path, description = "Id or name")), responses((status = 200, body = EndedView), (status = 404, body = Problem)))]
#[delete("/users/{user}/sessions")]
async fn end_all_of_user(
    by: Reach<LoginsWrite>,
    app: Data<Services>,
    user: Path<String>,
) -> Result<HttpResponse> {
    let who = Named::from(user.as_str());
    let ended = app.logins.revoke_others(&by, by.whose, &who).await?;
    Ok(HttpResponse::Ok().json(EndedView { ended }))
}

/// Make a link by which a user sets a new password; it is valid for 10 minutes, once.
#[utoipa::path(tag = "auth", params(Once, ("user" = String, Path, description = "Id or name")), responses((status = 201, body = PasswordLinkView), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
#[post("/users/{user}/password-link")]
async fn password_link(
    by: May<LoginsWrite>,
    app: Data<Services>,
    once: Once,
    user: Path<String>,
) -> Result<HttpResponse> {
    let who = Named::from(user.as_str());
    once.created::<_, PasswordLinkView>(&app, async |keep| {
        app.logins.password_link(&by, &who, keep).await
    })
    .await
}
