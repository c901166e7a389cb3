//! How the loops of an instance go.
use crate::support::{api::Api, house::House, until};
use serde_json::json;

/// What each loop of the instance did last, and what went wrong.
#[tokio::test(flavor = "multi_thread")]
async fn loops_say_how_they_go() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    let names = [
        "audit",
        "census",
        "grace",
        "keys",
        "lapses",
        "live",
        "outbox",
        "partitions",
        "poller",
        "refusals",
        "retention",
        "sums",
        "switches",
        "webhooks",
        "windows",
    ];
    let of = async |name: &str| {
        let jobs = api.get("/admin/jobs").await.is(200);
        let mut loops = jobs["loops"].as_array().unwrap().iter();
        loops
            .find(|l| l["name"] == name)
            .cloned()
            .unwrap_or_default()
    };
    for name in names {
        until(async || of(name).await["runs"].as_u64().is_some_and(|runs| runs > 0)).await;
        let one = of(name).await;
        assert!(
            one["last_at"].is_string() && one["late"].is_number(),
            "{one}"
        );
        assert_eq!(
            (&one["failures"], &one["last_error"]),
            (&json!(0), &json!(null)),
            "{name}"
        );
    }
    house
        .test
        .execute("ALTER TABLE settings RENAME TO away")
        .await;
    until(async || of("switches").await["failures"].as_u64() > Some(0)).await;
    house
        .test
        .execute("ALTER TABLE away RENAME TO settings")
        .await;
    let failed = of("switches").await;
    assert!(
        failed["failed_at"].is_string() && failed["last_error"].is_string(),
        "{failed}"
    );
}
