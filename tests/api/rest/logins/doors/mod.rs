//! How people come in: by a link, by an invitation, by a password; and who stays outside.
mod other_panels;
mod passwords;
mod ranks;
mod refusals;
mod registration;
mod setup;

use serde_json::Value;

pub(super) fn token_of(link: &Value) -> String {
    let url = link["url"].as_str().unwrap();
    url.split('#').nth(1).unwrap().to_owned()
}
