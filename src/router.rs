//! Every route, in one table. The hook's stand apart (`handlers/hook`): they take no middleware.
use crate::handlers::{
    admin, aliases, audit, devices, edge::edge, events, groups, hysteria, keys, later, live, logs,
    nodes, plans, problem, public, quarantine, stats, system, tokens, traffic, users, webhooks,
};
use actix_web::{middleware::from_fn, web};
use utoipa_actix_web::{scope::scope, service_config::ServiceConfig};

/// The routes as the server takes them.
pub fn routes(cfg: &mut web::ServiceConfig) {
    api(&mut ServiceConfig::new(cfg));
    aliases::routes(cfg);
    cfg.default_service(web::to(problem::no_route));
}

/// The same routes, as they can describe themselves.
pub fn api(cfg: &mut ServiceConfig<'_>) {
    cfg.configure(system::open_routes).service(
        scope("/api/v1")
            .app_data(problem::path())
            .wrap(from_fn(edge))
            .wrap(from_fn(aliases::canonical))
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
