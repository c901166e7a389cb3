use crate::support::{api::Api, house::House};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn k5_without_postgresql_the_answer_is_503_and_comes_soon() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    api.post("/users", json!({"name": "bob"})).await.is(201);
    let name = &house.test.name;
    // nobody may connect any more, and who is connected is thrown out
    let admin = crate::support::database::empty_database().await;
    admin
        .execute(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false"))
        .await;
    admin
        .execute(&format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
        ))
        .await;
    let since = std::time::Instant::now();
    for answer in [
        api.get("/users/bob").await,
        api.post("/users/bob/suspend", json!({})).await,
        api.post("/users", json!({"name": "eve"})).await,
    ] {
        let problem = answer.refused(503, "unavailable");
        assert!(problem.get("detail").is_none(), "{problem}");
        // K5: what happened inside is told to the log, not to whoever asks
        let members: Vec<_> = problem.as_object().unwrap().keys().collect();
        let known = ["code", "request_id", "status", "title", "type"];
        assert_eq!(members, known, "{problem}");
    }
    assert!(since.elapsed().as_secs() < 20, "{:?}", since.elapsed());
    admin
        .execute(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true"))
        .await;
    // the pool heals by itself, the directory follows again
    let healed = async {
        loop {
            if api.post("/users/bob/suspend", json!({})).await.status == 200 {
                return;
            }
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), healed)
        .await
        .unwrap();
    api.get("/users/eve").await.refused(404, "not_found");
}
