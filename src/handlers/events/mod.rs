//! Events and refusals over HTTP.
mod view;

pub use view::ListEvents;

use super::{
    page::{self, Page},
    principal::{EventsRead, May, UsersRead},
    problem::Problem,
    query::Params,
    users::RefusalView,
};
use crate::{
    error::{Error, Result},
    models::Named,
    services::{
        Services,
        events::{LONGEST_WAIT, News, Place},
    },
};
use actix_web::{HttpResponse, get, web::Data};
use std::time::Duration;
use utoipa_actix_web::service_config::ServiceConfig;
use view::ListDecisions;

/// The routes.
pub fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.service(list_events).service(list_decisions);
}

/// List events, or follow them: `next_cursor` is always given, and leads to what comes next.
#[utoipa::path(tag = "events", params(ListEvents), responses((status = 200, body = Page<News>), (status = 422, body = Problem)))]
#[get("/events")]
async fn list_events(
    _may: May<EventsRead>,
    app: Data<Services>,
    query: Params<ListEvents>,
) -> Result<HttpResponse> {
    list(&app, query.0).await
}

/// The page that was asked for.
pub(super) async fn list(app: &Services, query: ListEvents) -> Result<HttpResponse> {
    let limit = page::limit(query.limit)?;
    let wait = Duration::from_secs(query.wait.unwrap_or(0));
    if wait > LONGEST_WAIT {
        return Err(Error::field("wait", "must be at most 30 seconds"));
    }
    let place = match query.after.or(query.cursor).as_deref() {
        None => None,
        Some("start") => Some(Place::start()),
        cursor => page::cursor::<Place>(cursor)?,
    };
    let (events, next) = match place {
        None => app.events.latest(limit).await?,
        Some(place) => app.events.after(&place, limit, wait).await?,
    };
    Ok(HttpResponse::Ok().json(Page {
        items: events.into_iter().map(News::from).collect(),
        next_cursor: page::encode(&next),
        total: None,
    }))
}

/// List the last refusals of a user, or of credentials that nobody has, newest first, as far as this instance remembers.
#[utoipa::path(tag = "events", params(ListDecisions), responses((status = 200, body = Page<RefusalView>), (status = 404, body = Problem), (status = 422, body = Problem)))]
#[get("/decisions")]
async fn list_decisions(
    _may: May<UsersRead>,
    app: Data<Services>,
    query: Params<ListDecisions>,
) -> Result<HttpResponse> {
    let Params(query) = query;
    let limit = usize::try_from(page::limit(query.limit)?).unwrap_or(0);
    let who = query.user.as_deref().map(Named::from);
    if who.is_some() == query.unknown {
        return Err(Error::field("user", "give either user or unknown=true"));
    }
    let refusals = app.users.decisions(who.as_ref(), limit).await?;
    Ok(HttpResponse::Ok().json(Page {
        items: refusals.into_iter().map(RefusalView::from).collect(),
        next_cursor: None,
        total: None,
    }))
}
