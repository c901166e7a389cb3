//! Paths by which the source designs name our routes: below the API's prefix they are rewritten before a route is looked
//! for; those outside it are a few routes of their own that do what ours do.
use super::{
    edge::edge,
    idempotency::Once,
    json::Json,
    nodes,
    principal::{May, NodesRead, NodesWrite, Reach, Scope, SystemWrite, UsersRead, UsersWrite},
    public,
    query::Params,
    users,
};
use crate::{
    error::{Error, Result},
    services::{Services, callers::Whose, store::Seen},
};
use actix_web::{
    HttpResponse,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    guard::fn_guard,
    http::{Method, Uri, uri::PathAndQuery},
    middleware::{Next, from_fn},
    web::{self, Data, Path},
};
use serde::Deserialize;
use std::future::{Ready, ready};

/// A name of old and ours, as the first segments after the prefix.
const NAMES: &[(&str, &str)] = &[("/servers", "/nodes")];
/// A noun, a name and a verb of old, and ours.
const VERBS: &[[&str; 4]] = &[
    ["/users/", "/reset-usage", "/users/", "/reset-data"],
    ["/server/", "/config", "/nodes/", "/flags"],
];
const PREFIX: &str = "/api/v1";

/// Rewrites a path of old to ours.
pub async fn canonical<B: MessageBody>(
    mut req: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, actix_web::Error> {
    if let Some(path) = ours(req.path()) {
        let query = req.query_string();
        let path = match query {
            "" => path,
            query => format!("{path}?{query}"),
        };
        let mut parts = req.uri().clone().into_parts();
        if let Ok(path) = PathAndQuery::try_from(path) {
            parts.path_and_query = Some(path);
        }
        if let Ok(uri) = Uri::from_parts(parts) {
            req.match_info_mut().get_mut().update(&uri);
            req.head_mut().uri = uri;
        }
    }
    next.call(req).await
}

fn ours(path: &str) -> Option<String> {
    let rest = path.strip_prefix(PREFIX)?;
    for (old, new) in NAMES {
        if let Some(below) = rest.strip_prefix(old)
            && (below.is_empty() || below.starts_with('/'))
        {
            return Some([PREFIX, new, below].concat());
        }
    }
    VERBS.iter().find_map(|[noun, verb, our_noun, our_verb]| {
        let one = rest.strip_prefix(noun)?.strip_suffix(verb)?;
        (!one.contains('/')).then(|| [PREFIX, our_noun, one, our_verb].concat())
    })
}

/// The paths outside the prefix.
pub fn routes(cfg: &mut web::ServiceConfig) {
    // only with these methods: others may have routes at the same paths
    let at = |path: &str, methods: &[Method]| {
        let methods = methods.to_vec();
        web::resource(path).guard(fn_guard(move |ctx| methods.contains(&ctx.head().method)))
    };
    cfg.service(
        at("/users", &[Method::GET, Method::POST])
            .get(list_users)
            .post(create_user)
            .wrap(from_fn(edge)),
    )
    .service(
        at("/users/{user}", &[Method::DELETE])
            .delete(delete_user)
            .wrap(from_fn(edge)),
    )
    .service(
        at("/servers", &[Method::GET])
            .get(list_servers)
            .wrap(from_fn(edge)),
    )
    .service(
        at("/server/{host}/config", &[Method::PATCH])
            .patch(set_flags)
            .wrap(from_fn(edge)),
    )
    .service(
        at("/heartbeat", &[Method::POST])
            .post(heartbeat)
            .wrap(from_fn(edge)),
    );
}

async fn list_users(
    _may: May<UsersRead>,
    app: Data<Services>,
    query: Params<users::ListUsers>,
) -> Result<HttpResponse> {
    users::page_of(&app, query.0).await
}

async fn create_user(
    by: May<UsersWrite>,
    app: Data<Services>,
    once: Once,
    body: Json<users::CreateUserBody>,
) -> Result<HttpResponse> {
    users::make(&by, &app, once, body.0).await
}

async fn delete_user(
    by: May<UsersWrite>,
    app: Data<Services>,
    user: Path<String>,
) -> Result<HttpResponse> {
    users::remove(&by, &app, &user, false).await
}

/// Which servers.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WhichServers {
    /// The admin's view of all of them.
    #[serde(default)]
    all_servers: bool,
    limit: Option<i64>,
    cursor: Option<String>,
}

async fn list_servers(
    by: Reach<NodesRead>,
    app: Data<Services>,
    query: Params<WhichServers>,
) -> Result<HttpResponse> {
    let Params(query) = query;
    if query.all_servers {
        if by.whose != Whose::All {
            return Err(Error::Forbidden(NodesRead::NAME));
        }
        nodes::page_of(&app, query.limit, query.cursor.as_deref()).await
    } else {
        public::servers(&by, &app).await
    }
}

async fn set_flags(
    by: May<NodesWrite>,
    app: Data<Services>,
    host: Path<String>,
    body: Json<nodes::FlagsBody>,
) -> Result<HttpResponse> {
    nodes::flag(&by, &app, &host, &Seen::Anything, body.0).await
}

fn heartbeat(_may: May<SystemWrite>) -> Ready<Result<HttpResponse>> {
    ready(Err(Error::NotBuilt("the agent on nodes")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_names_are_rewritten() {
        for (path, becomes) in [
            ("/api/v1/servers", Some("/api/v1/nodes")),
            ("/api/v1/servers/a/health", Some("/api/v1/nodes/a/health")),
            (
                "/api/v1/server/192.0.2.1/config",
                Some("/api/v1/nodes/192.0.2.1/flags"),
            ),
            ("/api/v1/serversx", None),
            (
                "/api/v1/users/a/reset-usage",
                Some("/api/v1/users/a/reset-data"),
            ),
            ("/api/v1/users/reset-usage", None),
            ("/servers", None),
        ] {
            assert_eq!(ours(path).as_deref(), becomes, "{path}");
        }
    }
}
