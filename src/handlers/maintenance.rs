//! What is answered while the API takes no changes.
use super::problem::Problem;
use crate::services::Services;
use actix_web::{dev::ServiceRequest, http::StatusCode, web::Data};

/// What goes on beside all reading: ending maintenance, logging in and out, verifying, following live. Everything that
/// is not named here is refused, also what begins like it.
const GOES_ON: [(&str, &str); 13] = [
    ("POST", "/api/v1/admin/maintenance"),
    ("POST", "/api/v1/admin/audit/verify"),
    ("POST", "/api/v1/auth/login"),
    ("POST", "/api/v1/auth/login/code"),
    ("POST", "/api/v1/auth/refresh"),
    ("POST", "/api/v1/auth/logout"),
    ("POST", "/api/v1/auth/confirm"),
    ("DELETE", "/api/v1/auth/sessions"),
    ("DELETE", "/api/v1/auth/sessions/{session}"),
    ("DELETE", "/api/v1/users/{user}/sessions"),
    ("DELETE", "/api/v1/users/{user}/sessions/{session}"),
    ("POST", "/api/v1/ws-ticket"),
    ("POST", "/token"),
];

/// The refusal of a change to this route.
pub fn refused(req: &ServiceRequest, route: &str) -> Option<Problem> {
    let method = req.method();
    let goes_on = method.is_safe() || GOES_ON.contains(&(method.as_str(), route));
    let services: &Data<Services> = req.app_data()?;
    (!goes_on && services.switches.now().maintenance).then(|| {
        let mut problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "maintenance", "");
        problem.detail = Some("maintenance: no changes are taken for now".to_owned());
        problem
    })
}
