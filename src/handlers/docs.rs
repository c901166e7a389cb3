//! The document for people: Swagger UI at `/docs/`, out of the binary, off unless the operator wants it.
use super::{edge::edge, problem};
use crate::error::Result;
use actix_web::{
    HttpResponse, get,
    http::header::{CONTENT_SECURITY_POLICY, LOCATION},
    middleware::from_fn,
    web::{self, Data, Path, ServiceConfig},
};
use anyhow::anyhow;
use std::sync::Arc;
use utoipa_swagger_ui::Config;

/// What is shown; nothing where the operator did not ask for it.
#[derive(Clone, Debug, Default)]
pub struct Docs(pub Option<Arc<str>>);

/// Its own scripts and styles, and the API behind them; pictures stand in its style as `data:`. The hash is that of the one
/// style that its logo carries inside; what else has a style of its own gets it through the object model.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'sha256-RL3ie0nH+Lzz2YNqQN83mnU0J1ot4QL7b99vMdIX99w='; img-src 'self' data:; connect-src 'self'; base-uri 'none'; object-src 'none'; form-action 'none'; frame-ancestors 'none'";
const DOCUMENT: &str = "openapi.json";

/// The routes, at the root.
pub fn routes(cfg: &mut ServiceConfig) {
    let scope = web::scope("/docs").wrap(from_fn(edge));
    cfg.service(scope.service(begin).service(file));
}

#[get("")]
async fn begin(docs: Data<Docs>) -> HttpResponse {
    if docs.0.is_none() {
        return problem::nothing();
    }
    // what the page asks for, it asks for beside itself
    HttpResponse::PermanentRedirect()
        .insert_header((LOCATION, "/docs/"))
        .finish()
}

#[get("/{file:.*}")]
async fn file(docs: Data<Docs>, file: Path<String>) -> Result<HttpResponse> {
    let Some(document) = &docs.0 else {
        return Ok(problem::nothing());
    };
    let mut answer = HttpResponse::Ok();
    answer.insert_header((CONTENT_SECURITY_POLICY, POLICY));
    if *file == DOCUMENT {
        let text = document.to_string();
        return Ok(answer.content_type("application/json").body(text));
    }
    // nobody else is asked whether the document is valid
    let config = Config::from(DOCUMENT).validator_url("none");
    let found = utoipa_swagger_ui::serve(&file, Arc::new(config));
    let found = found.map_err(|why| anyhow!("the assets of /docs: {why}"))?;
    Ok(match found {
        Some(found) => answer
            .content_type(found.content_type)
            .body(found.bytes.into_owned()),
        None => problem::nothing(),
    })
}
