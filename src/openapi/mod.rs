//! The API's own description: OpenAPI 3.1, written to `docs/openapi.json` by `make api`, and held to the routes by a test.
//!
//! What belongs to one route stands beside its handler; what holds for all of them is added by `promises`.
mod promises;

use crate::{
    handlers::{logs, problem::Problem, stats},
    router,
};
use actix_web::App;
use std::collections::HashMap;
use utoipa::{OpenApi, openapi::OpenApi as Document};
use utoipa_actix_web::AppExt;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Hywarden",
        description = "Decides who may connect to a fleet of Hysteria2 servers, counts what they use, and cuts them off the moment they may not. Errors are application/problem+json with stable codes; lists are pages of at most 100; bytes are whole numbers; times are UTC.",
    ),
    components(schemas(Problem, stats::StepWord, logs::Level)),
    tags(
        (name = "auth", description = "People who log in"),
        (name = "users", description = "Accounts"),
        (name = "devices", description = "Clients of users, each with a credential of its own"),
        (name = "nodes", description = "Hysteria2 servers"),
        (name = "groups", description = "Who may use which node"),
        (name = "plans", description = "Bundles of limits that users are given"),
        (name = "hysteria", description = "What clients are configured with"),
        (name = "later", description = "Named by a source design and not built yet: 501"),
        (name = "tokens", description = "Secrets by which machines speak to this API"),
        (name = "traffic", description = "What was counted, and who is connected"),
        (name = "events", description = "What happened, and who was refused"),
        (name = "quarantine", description = "Counters that were read and not credited"),
        (name = "admin", description = "Reports, logs, switches, configuration"),
        (name = "audit", description = "Who did what, in a chain that shows what was changed"),
        (name = "keys", description = "The keys that never lie in the database"),
        (name = "live", description = "What happens, as it happens"),
        (name = "webhooks", description = "Who is told of events over HTTP"),
        (name = "system", description = "This instance"),
    )
)]
struct Described;

/// The document.
pub fn document() -> Document {
    let (_, mut document) = App::new()
        .into_utoipa_app()
        .openapi(Described::openapi())
        .configure(router::api)
        .split_for_parts();
    promises::add(&mut document);
    document
}

/// The document as it is committed.
pub fn json() -> serde_json::Result<String> {
    document().to_pretty_json().map(|text| text + "\n")
}

/// The methods that each path has, as `Allow` says them.
pub fn methods() -> HashMap<String, String> {
    let mut document = document();
    let paths = document.paths.paths.iter_mut();
    paths
        .map(|(path, item)| {
            let methods: Vec<_> = promises::operations(item).map(|(word, _)| word).collect();
            (path.clone(), methods.join(", "))
        })
        .collect()
}
