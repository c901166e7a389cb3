//! Logins over HTTP: coming in and going out (`login`), what a person sets up (`own`), logins seen and ended (`sessions`),
//! invitations, the first superadmin and lost passwords (`doors`), the pages for those without the panel (`pages`), and the
//! paths of other panels (`aliases`).
mod aliases;
mod doors;
mod login;
mod own;
mod pages;
mod sessions;
mod view;

pub use aliases::routes as aliases;
pub use pages::routes as pages;

use utoipa_actix_web::service_config::ServiceConfig;

/// The routes below the API's prefix.
pub fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.configure(login::routes)
        .configure(own::routes)
        .configure(sessions::routes)
        .configure(doors::routes);
}
