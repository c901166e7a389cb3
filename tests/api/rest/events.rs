use crate::support::{api::Api, house::House};
use diesel_async::SimpleAsyncConnection;
use serde_json::{Value, json};

fn kinds(page: &Value) -> Vec<&str> {
    let items = page["items"].as_array().unwrap();
    items.iter().map(|e| e["kind"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_gets_each_event_once_whatever_order_they_commit_in() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    let follow = async |page: &Value, wait: u32| {
        let cursor = page["next_cursor"].as_str().unwrap();
        api.get(&format!("/events?limit=2&wait={wait}&after={cursor}"))
            .await
            .is(200)
    };
    let first = api.get("/events").await.is(200);
    assert_eq!(kinds(&first), [] as [&str; 0]);
    // a transaction that takes its number first and commits last
    let insert = |kind: &str| {
        format!(
            "INSERT INTO events (kind, severity, actor, at) VALUES ('{kind}', 'info', 'test', now())"
        )
    };
    let mut slow = house.test.connect().await;
    slow.batch_execute(&format!("BEGIN; {}", insert("slow")))
        .await
        .unwrap();
    for kind in ["one", "two", "three"] {
        house.test.execute(&insert(kind)).await;
    }
    let second = follow(&first, 0).await;
    assert_eq!(kinds(&second), ["one", "two"]);
    slow.batch_execute("COMMIT").await.unwrap();
    let third = follow(&second, 0).await;
    assert_eq!(kinds(&third), ["three"], "the batch ends where it began to");
    let fourth = follow(&third, 0).await;
    assert_eq!(kinds(&fourth), ["slow"], "not missed");
    let fifth = follow(&fourth, 0).await;
    assert_eq!(kinds(&fifth), [] as [&str; 0], "not twice");

    // waits for what happens meanwhile, without holding a connection
    let cursor = fifth["next_cursor"].as_str().unwrap();
    let path = format!("/events?wait=30&after={cursor}");
    let waiting = api.get(&path);
    let made = async {
        Api::local(&house)
            .post("/users", json!({"name": "bob"}))
            .await
            .is(201)
    };
    let since = std::time::Instant::now();
    let (page, made) = tokio::join!(waiting, made);
    assert!(
        since.elapsed().as_secs() < 20,
        "as soon as it happened: {:?}",
        since.elapsed()
    );
    let page = page.is(200);
    assert_eq!(kinds(&page), ["user.created"]);
    let event = &page["items"][0];
    assert_eq!(
        (&event["user"], &event["user_id"]),
        (&json!("bob"), &made["id"])
    );
    assert!(event["actor"].as_str().unwrap().starts_with("cli:"));

    let whole = api.get("/events?after=start&limit=100").await.is(200);
    assert_eq!(
        kinds(&whole),
        ["slow", "one", "two", "three", "user.created"]
    );
    let latest = api.get("/events?limit=1").await.is(200);
    assert_eq!(kinds(&latest), ["user.created"]);
    api.get("/events?wait=31").await.wrong(&["wait"]);
    api.get("/events?after=garbage").await.wrong(&["cursor"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_is_written_down_with_its_principal() {
    let house = House::start(&[]).await;
    let local = Api::local(&house);
    let token = json!({"name": "t", "scopes": ["*"]});
    let token = local.post("/tokens", token).await.is(201);
    let api = Api::remote(&house, token["secret"].as_str());
    api.post("/users", json!({"name": "bob"})).await.is(201);
    let made = api
        .post("/users/bob/devices", json!({"name": "d"}))
        .await
        .is(201);
    let device = format!("/devices/{}", made["id"].as_str().unwrap());
    for verb in ["block", "unblock", "rotate", "kick"] {
        api.post(&format!("{device}/{verb}"), json!({}))
            .await
            .is(200);
    }
    for verb in ["suspend", "activate", "reset-data"] {
        api.post(&format!("/users/bob/{verb}"), json!({}))
            .await
            .is(200);
    }
    api.delete(&device).await.is(200);
    api.delete("/users/bob?hard=true").await;
    // refused and failed ones leave nothing
    api.post("/users/bob/suspend", json!({}))
        .await
        .refused(404, "not_found");
    #[derive(diesel::QueryableByName)]
    struct Row {
        #[diesel(sql_type = diesel::sql_types::Text)]
        line: String,
    }
    use diesel_async::RunQueryDsl;
    let mut conn = house.test.connect().await;
    let rows: Vec<Row> = diesel::sql_query(
        "SELECT action AS line FROM audit WHERE principal LIKE 'token:%' ORDER BY number",
    )
    .load(&mut conn)
    .await
    .unwrap();
    let actions: Vec<&str> = rows.iter().map(|r| r.line.as_str()).collect();
    assert_eq!(
        actions,
        [
            "user.create",
            "device.create",
            "device.block",
            "device.unblock",
            "device.rotate",
            "device.kick",
            "user.suspend",
            "user.activate",
            "user.reset",
            "device.remove",
            "user.erase"
        ]
    );
    let query = "SELECT (count(*) = (SELECT count(*) FROM audit))::text AS line FROM events";
    let rows: Vec<Row> = diesel::sql_query(query).load(&mut conn).await.unwrap();
    assert_eq!(rows[0].line, "true", "an event and an audit row a change");
}
