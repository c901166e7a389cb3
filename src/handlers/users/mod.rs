//! Users over HTTP: `more` is what hangs on one, `batch` one verb on many.
mod batch;
mod more;
mod view;

pub(super) use more::credentials;
pub use view::{CreateUserBody, ExplainView, ListUsers, RefusalView, UserView};

use super::{
    etag::{IfMatch, tag},
    idempotency::Once,
    json::Json,
    page::{self, Page, Shown},
    principal::{May, Reach, UsersRead, UsersWrite},
    problem::Problem,
    query::Params,
};
use crate::{
    error::{Error, Result},
    models::Named,
    services::{
        Services,
        callers::{Caller, Whose},
        users::{After, Filter, Sort, UserDetail},
    },
};
use actix_web::{
    HttpResponse, delete, get, post, put, route,
    web::{Data, Path},
};
use utoipa_actix_web::service_config::ServiceConfig;
use view::{DeleteUser, EditUserBody, Effect, RuleBody};

/// The routes.
pub fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.service(list_users)
        .service(create_user)
        .service(show_user)
        .service(edit_user)
        .service(delete_user)
        .service(suspend_user)
        .service(activate_user)
        .service(reset_user)
        .service(explain_user)
        .service(set_rule)
        .service(remove_rule)
        .configure(more::routes)
        .configure(batch::routes);
}

fn tagged(user: UserDetail) -> HttpResponse {
    tag(HttpResponse::Ok(), user.user.version).json(UserView::from(user))
}

/// List users.
#[utoipa::path(tag = "users", params(ListUsers), responses((status = 200, body = Page<UserView>), (status = 422, body = Problem)))]
#[get("/users")]
async fn list_users(
    _may: May<UsersRead>,
    app: Data<Services>,
    query: Params<ListUsers>,
) -> Result<HttpResponse> {
    page_of(&app, query.0).await
}

/// One page of users.
pub(super) async fn page_of(app: &Services, query: ListUsers) -> Result<HttpResponse> {
    let limit = page::limit(query.limit)?;
    let shown = Shown::of(query.fields.as_deref(), UserView::FIELDS)?;
    let sort = match (query.sort, &query.search, &query.group) {
        (Some(sort), ..) => sort,
        (None, Some(_), _) => Sort::Name,
        (None, None, Some(_)) => Sort::Number,
        (None, None, None) => Sort::default(),
    };
    let after = page::cursor::<After>(query.cursor.as_deref())?;
    if after.as_ref().is_some_and(|after| !after.fits(sort)) {
        return Err(Error::field("cursor", "is of another order"));
    }
    let filter = Filter {
        sort,
        after,
        prefix: query.search,
        group: None,
        status: query.status,
        limit: limit + 1,
    };
    let group = query.group.as_deref().map(Named::from);
    let listed = app.users.list(filter, group.as_ref(), query.total);
    let (rows, rest, total) = listed.await?;
    let key = |row: &UserDetail| After::row(sort, &row.user);
    let page = Page::new(rows, limit, key, UserView::from)
        .going_on(rest.as_ref())
        .counted(total);
    page.answer(shown.as_ref())
}

/// Make a user.
#[utoipa::path(tag = "users", params(Once), request_body = CreateUserBody, responses((status = 201, body = UserView), (status = 409, body = Problem), (status = 422, body = Problem)))]
#[post("/users")]
async fn create_user(
    by: May<UsersWrite>,
    once: Once,
    app: Data<Services>,
    body: Json<CreateUserBody>,
) -> Result<HttpResponse> {
    make(&by, &app, once, body.0).await
}

/// Makes a user.
pub(super) async fn make(
    by: &Caller,
    app: &Services,
    once: Once,
    body: CreateUserBody,
) -> Result<HttpResponse> {
    let create = body.into();
    once.created::<_, UserView>(app, async |keep| app.users.create(by, &create, keep).await)
        .await
}

/// Show a user.
#[utoipa::path(tag = "users", params(("user" = String, Path, description = "Id or name")), responses((status = 200, body = UserView), (status = 404, body = Problem)))]
#[get("/users/{user}")]
async fn show_user(
    by: Reach<UsersRead>,
    app: Data<Services>,
    user: Path<String>,
) -> Result<HttpResponse> {
    let mut user = app.users.find(&Named::from(user.as_str())).await?;
    if by.whose != Whose::All {
        // what admins note is for admins
        user.user.note.clear();
    }
    Ok(tagged(user))
}

/// Change a user: what is absent stays, `null` removes.
#[utoipa::path(tag = "users", params(IfMatch, ("user" = String, Path, description = "Id or name")), request_body = EditUserBody, responses((status = 200, body = UserView), (status = 404, body = Problem), (status = 422, body = Problem), (status = 412, body = Problem)))]
#[route("/users/{user}", method = "PATCH", method = "PUT")]
async fn edit_user(
    by: May<UsersWrite>,
    app: Data<Services>,
    user: Path<String>,
    seen: IfMatch,
    body: Json<EditUserBody>,
) -> Result<HttpResponse> {
    let (user, edit) = (Named::from(user.as_str()), body.0.into());
    let done = app.users.edit(&by, &user, &edit, &seen.0).await?;
    Ok(tagged(done))
}

/// Delete a user; `activate` restores it unless `hard` is given.
#[utoipa::path(tag = "users", params(("user" = String, Path, description = "Id or name"), DeleteUser), responses((status = 200, body = UserView), (status = 204, description = "Erased"), (status = 404, body = Problem), (status = 409, body = Problem)))]
#[delete("/users/{user}")]
async fn delete_user(
    by: May<UsersWrite>,
    app: Data<Services>,
    user: Path<String>,
    query: Params<DeleteUser>,
) -> Result<HttpResponse> {
    remove(&by, &app, &user, query.0.hard).await
}

/// Deletes a user.
pub(super) async fn remove(
    by: &Caller,
    app: &Services,
    user: &str,
    hard: bool,
) -> Result<HttpResponse> {
    let user = Named::from(user);
    if hard {
        app.users.erase(by, &user).await?;
        return Ok(HttpResponse::NoContent().finish());
    }
    let user = app.users.delete(by, &user).await?;
    Ok(HttpResponse::Ok().json(UserView::from(user)))
}

/// Suspend a user: refused from the answer on, and kicked.
#[utoipa::path(tag = "users", params(("user" = String, Path, description = "Id or name")), responses((status = 200, body = UserView), (status = 404, body = Problem)))]
#[post("/users/{user}/suspend")]
async fn suspend_user(
    by: May<UsersWrite>,
    app: Data<Services>,
    user: Path<String>,
) -> Result<HttpResponse> {
    let user = Named::from(user.as_str());
    let user = app.users.suspend(&by, &user).await?;
    Ok(HttpResponse::Ok().json(UserView::from(user)))
}

/// End a suspension, or restore a deleted user.
#[utoipa::path(tag = "users", params(("user" = String, Path, description = "Id or name")), responses((status = 200, body = UserView), (status = 404, body = Problem)))]
#[post("/users/{user}/activate")]
async fn activate_user(
    by: May<UsersWrite>,
    app: Data<Services>,
    user: Path<String>,
) -> Result<HttpResponse> {
    let user = Named::from(user.as_str());
    let user = app.users.activate(&by, &user).await?;
    Ok(HttpResponse::Ok().json(UserView::from(user)))
}

/// Start a user's window now: what was used so far no longer counts against the quota.
#[utoipa::path(tag = "users", params(("user" = String, Path, description = "Id or name")), responses((status = 200, body = UserView), (status = 404, body = Problem)))]
#[post("/users/{user}/reset-data")]
async fn reset_user(
    by: May<UsersWrite>,
    app: Data<Services>,
    user: Path<String>,
) -> Result<HttpResponse> {
    let user = Named::from(user.as_str());
    let user = app.users.reset(&by, &user).await?;
    Ok(HttpResponse::Ok().json(UserView::from(user)))
}

/// Why was a user refused?
#[utoipa::path(tag = "users", params(("user" = String, Path, description = "Id or name")), responses((status = 200, body = ExplainView), (status = 404, body = Problem)))]
#[get("/users/{user}/explain")]
async fn explain_user(
    _may: Reach<UsersRead>,
    app: Data<Services>,
    user: Path<String>,
) -> Result<HttpResponse> {
    let explained = app.users.explain(&Named::from(user.as_str())).await?;
    Ok(HttpResponse::Ok().json(ExplainView::from(explained)))
}

/// Allow or deny a node to a user, whatever its groups say.
#[utoipa::path(tag = "users", params(("user" = String, Path, description = "Id or name"), ("node" = String, Path, description = "Id or name")), request_body = RuleBody, responses((status = 204, description = "Set"), (status = 404, body = Problem)))]
#[put("/users/{user}/nodes/{node}")]
async fn set_rule(
    by: May<UsersWrite>,
    app: Data<Services>,
    path: Path<(String, String)>,
    body: Json<RuleBody>,
) -> Result<HttpResponse> {
    let (user, node) = (Named::from(path.0.as_str()), Named::from(path.1.as_str()));
    let allowed = body.0.effect == Effect::Allow;
    let done = app.users.permit(&by, &user, &node, Some(allowed));
    done.await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Let the groups decide about a node again.
#[utoipa::path(tag = "users", params(("user" = String, Path, description = "Id or name"), ("node" = String, Path, description = "Id or name")), responses((status = 204, description = "Removed"), (status = 404, body = Problem)))]
#[delete("/users/{user}/nodes/{node}")]
async fn remove_rule(
    by: May<UsersWrite>,
    app: Data<Services>,
    path: Path<(String, String)>,
) -> Result<HttpResponse> {
    let (user, node) = (Named::from(path.0.as_str()), Named::from(path.1.as_str()));
    app.users.permit(&by, &user, &node, None).await?;
    Ok(HttpResponse::NoContent().finish())
}
