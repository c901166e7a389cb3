//! Every route, in one table.
use actix_web::web::ServiceConfig;

/// The API's routes.
pub fn routes(_: &mut ServiceConfig) {}
