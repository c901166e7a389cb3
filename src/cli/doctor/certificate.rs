//! The certificate of our own HTTPS, where one is set.
use super::finding::Finding;
use crate::{config::Settings, tls::Certificate};

/// Reads it as the server would.
pub fn look(settings: &Settings) -> Option<Finding> {
    const CHECK: &str = "certificate";
    let (cert, key) = (
        settings.server.tls_cert.as_deref()?,
        settings.server.tls_key.as_deref()?,
    );
    Some(match Certificate::open(cert, key) {
        Ok(_) => Finding::pass(CHECK, format!("{} fits its key", cert.display())),
        Err(why) => Finding::fail(CHECK, format!("{why:#}")),
    })
}
