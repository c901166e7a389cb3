//! The live channel: security.md W1, W2.
mod ends;
mod entry;
mod fanout;
mod follow;
mod missed;
mod unread;

use crate::support::{api::Api, house::House};
use serde_json::{Value, json};
use std::time::Duration;

/// How long anybody may stay who may no longer be there.
const SOON: Duration = Duration::from_secs(1);

async fn token(local: &Api, house: &House, name: &str, scopes: &[&str]) -> Api {
    let made = local
        .post("/tokens", json!({"name": name, "scopes": scopes}))
        .await
        .is(201);
    Api::remote(house, made["secret"].as_str())
}

fn is(kind: &str) -> impl Fn(&Value) -> bool {
    move |message| message["type"] == kind
}
