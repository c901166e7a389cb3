//! The last lines of this instance's log over HTTP.
use super::{
    events::{ListEvents, list},
    page::{self, Page},
    principal::{AdminRead, EventsRead, May},
    problem::Problem,
    query::Params,
};
use crate::{
    error::Result,
    services::{Services, events::News},
    telemetry::ring::{Of, RING},
};
use actix_web::{HttpResponse, get, web::Data};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

/// The routes.
pub fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.service(list_log)
        .service(list_access_log)
        .service(list_error_log)
        .service(list_event_log)
        .service(list_admin_events);
}

/// Levels of the log.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl From<Level> for tracing::Level {
    fn from(level: Level) -> Self {
        match level {
            Level::Error => Self::ERROR,
            Level::Warn => Self::WARN,
            Level::Info => Self::INFO,
            Level::Debug => Self::DEBUG,
            Level::Trace => Self::TRACE,
        }
    }
}

/// Which lines.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListLog {
    /// At most 100.
    pub limit: Option<i64>,
    /// The `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// This level and graver ones.
    pub level: Option<Level>,
    /// Only what belongs to this request, by its `X-Request-Id`.
    pub request_id: Option<Uuid>,
    /// Only of this part of the program, such as `hywarden::api`.
    pub target: Option<String>,
}

/// A line of the log.
#[derive(Debug, Serialize, ToSchema)]
pub struct LogLineView {
    pub number: u64,
    /// `ts`, `level`, `target`, `msg` and the call's own fields.
    pub line: Value,
}

fn lines(query: ListLog, target: Option<&str>, graver: Option<Level>) -> Result<HttpResponse> {
    let limit = page::limit(query.limit)?;
    let level = query.level.unwrap_or(Level::Trace);
    let level = graver.map_or(level, |graver| level.min(graver));
    let of = Of {
        level: level.into(),
        target: target.map(str::to_owned).or(query.target),
        request_id: query.request_id.map(|id| id.to_string()),
        before: page::cursor(query.cursor.as_deref())?,
        limit: usize::try_from(limit + 1).unwrap_or(0),
    };
    let view = |(number, line)| LogLineView { number, line };
    let page = Page::new(RING.list(&of), limit, |(number, _)| *number, view);
    Ok(HttpResponse::Ok().json(page))
}

/// The last lines of this instance's log, newest first, as far as it remembers.
#[utoipa::path(tag = "admin", params(ListLog), responses((status = 200, body = Page<LogLineView>), (status = 422, body = Problem)))]
#[get("/admin/logs")]
async fn list_log(_may: May<AdminRead>, query: Params<ListLog>) -> Result<HttpResponse> {
    lines(query.0, None, None)
}

/// The last requests of the API.
#[utoipa::path(tag = "admin", params(ListLog), responses((status = 200, body = Page<LogLineView>), (status = 422, body = Problem)))]
#[get("/logs/access")]
async fn list_access_log(_may: May<AdminRead>, query: Params<ListLog>) -> Result<HttpResponse> {
    lines(query.0, Some("hywarden::api"), None)
}

/// The last warnings and errors.
#[utoipa::path(tag = "admin", params(ListLog), responses((status = 200, body = Page<LogLineView>), (status = 422, body = Problem)))]
#[get("/logs/error")]
async fn list_error_log(_may: May<AdminRead>, query: Params<ListLog>) -> Result<HttpResponse> {
    lines(query.0, None, Some(Level::Warn))
}

/// The same as `/events`.
#[utoipa::path(tag = "events", params(ListEvents), responses((status = 200, body = Page<News>), (status = 422, body = Problem)))]
#[get("/logs/events")]
async fn list_event_log(
    _may: May<EventsRead>,
    app: Data<Services>,
    query: Params<ListEvents>,
) -> Result<HttpResponse> {
    list(&app, query.0).await
}

/// The same as `/events`.
#[utoipa::path(tag = "events", params(ListEvents), responses((status = 200, body = Page<News>), (status = 422, body = Problem)))]
#[get("/admin/events")]
async fn list_admin_events(
    _may: May<EventsRead>,
    app: Data<Services>,
    query: Params<ListEvents>,
) -> Result<HttpResponse> {
    list(&app, query.0).await
}
