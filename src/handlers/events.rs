//! Events and refusals over HTTP.
use super::{
    page::{self, Page},
    principal::{EventsRead, May, UsersRead},
    problem::Problem,
    query::Params,
    users::RefusalView,
};
use crate::{
    error::{Error, Result},
    models::{DeviceId, Named, NodeId, Severity, UserId},
    services::{
        Services,
        events::{EventDetail, LONGEST_WAIT, Place},
    },
};
use actix_web::{HttpResponse, get, web::Data};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::Duration;
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

/// The routes.
pub fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.service(list_events).service(list_decisions);
}

/// Something that happened.
#[derive(Debug, Serialize, ToSchema)]
pub struct EventView {
    /// Numbers may be delivered out of order; each comes once.
    pub number: i64,
    /// `noun.happened`.
    pub kind: String,
    pub severity: Severity,
    /// Who caused it.
    pub actor: String,
    /// The user's name.
    pub user: Option<String>,
    pub user_id: Option<UserId>,
    /// The device's name.
    pub device: Option<String>,
    pub device_id: Option<DeviceId>,
    /// The node's name.
    pub node: Option<String>,
    pub node_id: Option<NodeId>,
    pub data: Value,
    pub at: DateTime<Utc>,
}

impl From<EventDetail> for EventView {
    fn from(detail: EventDetail) -> Self {
        let (user_id, user) = detail.user.unzip();
        let (device_id, device) = detail.device.unzip();
        let (node_id, node) = detail.node.unzip();
        let event = detail.event;
        Self {
            number: event.number,
            kind: event.kind,
            severity: event.severity,
            actor: event.actor,
            user,
            user_id,
            device,
            device_id,
            node,
            node_id,
            data: event.data,
            at: event.at,
        }
    }
}

/// From where on.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListEvents {
    /// At most 100.
    pub limit: Option<i64>,
    /// The `next_cursor` of the answer before, or `start`; absent: the newest ones.
    pub after: Option<String>,
    /// The same as `after`.
    pub cursor: Option<String>,
    /// Seconds to wait for something to happen, at most 30.
    pub wait: Option<u64>,
}

/// List events, or follow them: `next_cursor` is always given, and leads to what comes next.
#[utoipa::path(tag = "events", params(ListEvents), responses((status = 200, body = Page<EventView>), (status = 422, body = Problem)))]
#[get("/events")]
async fn list_events(
    _may: May<EventsRead>,
    app: Data<Services>,
    query: Params<ListEvents>,
) -> Result<HttpResponse> {
    let Params(query) = query;
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
        items: events.into_iter().map(EventView::from).collect(),
        next_cursor: page::encode(&next),
    }))
}

/// Whose refusals.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListDecisions {
    /// At most 100.
    pub limit: Option<i64>,
    /// Id or name: that user's last refusals.
    pub user: Option<String>,
    /// Refusals of credentials that nobody has.
    #[serde(default)]
    pub unknown: bool,
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
    }))
}
