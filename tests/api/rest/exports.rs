//! Exports that nobody reads, and those whose reader may no longer.
use crate::support::{api::Api, deaf::Deaf, house::House, until};
use serde_json::json;

const EXPORT: &str = "/traffic/export";
/// Of nothing, which ends at once.
const NOTHING: &str = "/traffic/export?from=2001-01-01T00:00:00Z&to=2001-01-02T00:00:00Z";

/// More than all buffers between here and there hold.
async fn much(house: &House) {
    let rows = "INSERT INTO usage_hourly SELECT d, d, 1, date_trunc('hour', now()) - h * interval '1 hour', d + h, h
                FROM generate_series(1, 150) d, generate_series(1, 1000) h";
    house.test.execute(rows).await;
}

/// The secret of a new token that may export.
async fn secret(local: &Api, name: &str) -> String {
    let made = json!({"name": name, "scopes": ["traffic:read"]});
    let made = local.post("/tokens", made).await.is(201);
    made["secret"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_keeps_others_from_their_exports() {
    let house = House::start(&[]).await;
    let local = Api::local(&house);
    much(&house).await;
    let (anna, bob) = (secret(&local, "anna").await, secret(&local, "bob").await);
    let mut held = Vec::new();
    for secret in [&anna, &anna, &bob, &bob] {
        held.push(Deaf::parts(&house, secret, EXPORT).await);
    }
    let api = Api::remote(&house, Some(&anna));
    api.get(NOTHING).await.refused(409, "state");
    local.get(NOTHING).await.refused(503, "unavailable");
    drop(held);
    until(async || api.get(NOTHING).await.status == 200).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_nothing_of_an_export_loses_it() {
    let house = House::start(&[("server.reader_timeout", "300ms")]).await;
    let local = Api::local(&house);
    much(&house).await;
    let (anna, bob) = (secret(&local, "anna").await, secret(&local, "bob").await);
    let mut all = Vec::new();
    for secret in [&anna, &anna, &bob, &bob] {
        all.push(Deaf::parts(&house, secret, EXPORT).await);
    }
    // whoever reads has all the time it needs
    until(async || local.get(NOTHING).await.status == 200).await;
    let whole = local.get(EXPORT).await;
    assert_eq!((whole.status, whole.text.lines().count()), (200, 150_001));
    until(async || all.iter().all(Deaf::is_cut)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_ends_with_the_right_to_read_it() {
    let house = House::start(&[]).await;
    let local = Api::local(&house);
    much(&house).await;
    let secret = secret(&local, "t").await;
    let export = Deaf::parts(&house, &secret, EXPORT).await;
    local.delete("/tokens/t").await.is(200);
    let (rest, _) = export.rest().await;
    assert!(!rest.ends_with(b"\r\n0\r\n\r\n"), "it is not whole");
    let gone = Api::remote(&house, Some(&secret));
    gone.get(NOTHING).await.refused(401, "unauthenticated");
}
