//! Every route, in one table. The hook's stand apart (`handlers/hook`): they take no middleware.
use crate::handlers::{
    aliases, devices, edge::edge, events, groups, hysteria, later, nodes, plans, problem, public,
    quarantine, system, tokens, traffic, users,
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
            .configure(system::routes),
    );
}
