//! Switches as they lie in the database, and the instance that reads them.
use crate::support::{api::Api, house::House, until};
use hywarden::repositories::settings;
use serde_json::json;

async fn write(house: &House, value: &str) {
    let put = format!("UPDATE settings SET value = '{value}' WHERE key = 'switches'");
    house.test.execute(&put).await;
}

/// A read that began before maintenance and ends after it began is no news.
#[tokio::test(flavor = "multi_thread")]
async fn an_older_read_does_not_end_maintenance() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    for enabled in [true, false, true] {
        let body = json!({ "enabled": enabled });
        api.post("/admin/maintenance", body).await.is(200);
    }
    let switches = &house.services().switches;
    assert_eq!(switches.now().version, 3);
    write(&house, r#"{"maintenance": false, "version": 2}"#).await;
    assert!(!switches.refresh().await.unwrap());
    assert!(switches.now().maintenance);
    write(&house, r#"{"maintenance": false, "version": 4}"#).await;
    // the job may have read it first
    until(async || switches.refresh().await.is_ok() && !switches.now().maintenance).await;
}

/// What cannot be read is left alone: it does not end maintenance, and no change is made on top of it.
#[tokio::test(flavor = "multi_thread")]
async fn switches_that_cannot_be_read_stay_as_they_are() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    let on = json!({"enabled": true});
    api.post("/admin/maintenance", on).await.is(200);
    write(&house, r#"{"maintenance": "yes"}"#).await;
    let switches = &house.services().switches;
    assert!(switches.refresh().await.is_err());
    assert!(switches.now().maintenance);
    let off = json!({"enabled": false});
    api.post("/admin/maintenance", off)
        .await
        .refused(500, "internal");
    api.post("/users", json!({"name": "bob"}))
        .await
        .refused(503, "maintenance");
    let mut conn = house.parts().db.get().await.unwrap();
    let row = settings::find(&mut conn, "switches").await.unwrap();
    assert_eq!(row.unwrap()["maintenance"], "yes");
}
