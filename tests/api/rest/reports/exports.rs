//! Usage as a file.
use super::with_usage;
use crate::support::{api::Api, house::House};
use serde_json::{Value, json};

/// C7: an export is complete, in both forms, and no name becomes a formula.
#[tokio::test(flavor = "multi_thread")]
async fn c7_exports_are_whole_and_hold_no_formula() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    with_usage(&house, &api).await;
    let csv = api.get("/traffic/export").await;
    assert_eq!(csv.status, 200);
    let lines: Vec<&str> = csv.text.split("\r\n").filter(|l| !l.is_empty()).collect();
    assert_eq!(
        lines[0],
        "at,user_id,user,device_id,device,node_id,node,tx,rx"
    );
    assert_eq!(lines.len(), 6_001, "several parts, no row lost, none twice");
    let mut sorted = lines.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(sorted.len(), 6_001);
    assert!(
        lines[1].contains(",\"'=cmd()\",") && lines[1].contains(",\"'-phone\","),
        "{}",
        lines[1]
    );
    assert!(csv.text.contains(",\"bob, \"\"the\"\" 2nd\","));
    let ndjson = api
        .get("/traffic/export?format=ndjson&step=day&user=%3Dcmd()")
        .await;
    let rows: Vec<Value> = ndjson
        .text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!((125..=127).contains(&rows.len()), "{}", rows.len());
    let total: i64 = rows
        .iter()
        .map(|r| r["tx"].as_i64().unwrap() + r["rx"].as_i64().unwrap())
        .sum();
    assert_eq!(total, (0..3_000).map(|h| 110 * h + 3).sum::<i64>());
    assert_eq!(
        (&rows[0]["user"], &rows[0]["device"], &rows[0]["node"]),
        (&json!("=cmd()"), &json!("-phone"), &json!("n1"))
    );
    let none = api
        .get("/traffic/export?from=2001-01-01T00:00:00Z&to=2001-01-02T00:00:00Z")
        .await;
    assert_eq!(
        none.text,
        "at,user_id,user,device_id,device,node_id,node,tx,rx\r\n"
    );
    api.get("/traffic/export?format=xml")
        .await
        .wrong(&["format"]);
    api.get("/traffic/export?node=nowhere")
        .await
        .refused(404, "not_found");
    let erased =
        "DELETE FROM usage_hourly; INSERT INTO usage_hourly VALUES (999, 999, 999, now(), 1, 2)";
    house.test.execute(erased).await;
    let orphan = api.get("/traffic/export?format=ndjson").await;
    let orphan: Value = serde_json::from_str(&orphan.text).unwrap();
    assert_eq!(
        (&orphan["user"], &orphan["tx"]),
        (&json!(null), &json!(1)),
        "what outlived its names"
    );
}
