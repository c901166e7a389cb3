//! The configuration file through the API.
use crate::support::{api::Api, house::House};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn the_configuration_is_shown_without_secrets_and_read_again() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("config.toml");
    std::fs::write(&file, "[log]\nlevel = \"info\"\n").unwrap();
    let house = House::with_file(&file, &[]).await;
    let api = Api::local(&house);
    let shown = api.get("/config").await.is(200);
    assert_eq!(
        (&shown["log"]["level"], &shown["database"]["url"]),
        (&json!("info"), &json!("<redacted>"))
    );
    let look = async || api.get("/config/validate").await.is(200);
    assert_eq!(
        look().await,
        json!({"valid": true, "error": null, "reloadable": [], "needs_restart": []})
    );
    std::fs::write(
        &file,
        "[log]\nlevel = \"debug\"\n[maintenance]\ndeny_logins = true\n[hook]\nguess_burst = 31\n",
    )
    .unwrap();
    let seen = json!({"valid": true, "error": null, "reloadable": ["log.level", "maintenance.deny_logins"], "needs_restart": ["hook.guess_burst"]});
    assert_eq!(look().await, seen);
    assert_eq!(api.post("/config/reload", json!({})).await.is(200), seen);
    let after = look().await;
    assert_eq!(
        (&after["reloadable"], &after["needs_restart"]),
        (&json!([]), &json!(["hook.guess_burst"]))
    );
    assert!(
        house
            .parts()
            .memory
            .maintenance
            .load(std::sync::atomic::Ordering::SeqCst)
    );
    std::fs::write(&file, "[log]\nlevle = \"debug\"\n").unwrap();
    let broken = look().await;
    assert_eq!(broken["valid"], false);
    assert!(
        broken["error"].as_str().unwrap().contains("levle"),
        "{broken}"
    );
    assert_eq!(
        api.post("/config/reload", json!({})).await.is(200)["valid"],
        false
    );
}
