//! Every route, in one table. The hook's stand apart (`handlers/hook`): they take no middleware.
use crate::handlers::{
    admin, aliases, audit, auth, devices, docs, edge::edge, events, groups, hysteria, keys, later,
    live, logs, nodes, plans, problem, public, quarantine, stats, system, tokens, traffic, users,
    webhooks,
};
use actix_web::{middleware::from_fn, web};
use utoipa_actix_web::{scope::scope, service_config::ServiceConfig};

/// The routes as the server takes them.
pub fn routes(cfg: &mut web::ServiceConfig) {
    api(&mut ServiceConfig::new(cfg));
    aliases::routes(cfg);
    docs::routes(cfg);
    // what has its place at the root; no other scope can stand after it
    let root = web::scope("")
        .app_data(problem::path())
        .wrap(from_fn(edge))
        .configure(auth::aliases)
        .configure(auth::pages)
        .default_service(web::to(problem::no_route));
    cfg.service(root)
        .default_service(web::to(problem::no_route));
}

/// The same routes, as they can describe themselves.
pub fn api(cfg: &mut ServiceConfig<'_>) {
    cfg.configure(system::open_routes).service(
        scope("/api/v1")
            .app_data(problem::path())
            .wrap(from_fn(edge))
            .wrap(from_fn(aliases::canonical))
            .configure(auth::routes)
            .configure(users::routes)
            .configure(devices::routes)
            .configure(nodes::routes)
            .configure(groups::routes)
            .configure(plans::routes)
            .configure(hysteria::routes)
            .configure(public::routes)
            .configure(later::routes)
            .configure(tokens::routes)
            .configure(traffic::routes)
            .configure(events::routes)
            .configure(quarantine::routes)
            .configure(audit::routes)
            .configure(keys::routes)
            .configure(webhooks::routes)
            .configure(admin::routes)
            .configure(logs::routes)
            .configure(live::routes)
            .configure(stats::routes)
            .configure(system::routes),
    );
}
