use crate::support::{
    api::Api,
    house::{House, device, user},
};
use hywarden::services::{callers::Caller, idempotency::Keep};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn sums_and_their_parts_agree() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    let (a, b) = (house.node("a", 9).await, house.node("b", 10).await);
    let phone = house.device(user("bob"), device("phone")).await;
    let tv = house
        .services()
        .devices
        .create(
            &Caller::trusted("test"),
            &"bob".into(),
            &device("tv"),
            &Keep::nothing(),
        )
        .await
        .unwrap();
    house.device(user("eve"), device("pc")).await;
    let (u, p, t) = (
        phone.detail.device.user_no,
        phone.detail.device.number,
        tv.detail.device.number,
    );
    let (a, b) = (a.detail.node.number, b.detail.node.number);
    house
        .test
        .execute(&format!(
            "INSERT INTO usage_totals VALUES ({u}, {p}, {a}, 100, 10), ({u}, {p}, {b}, 1, 2), ({u}, {t}, {a}, 5, 5);
             INSERT INTO usage_hourly VALUES
                ({u}, {p}, {a}, '2030-01-01T10:00Z', 60, 6), ({u}, {p}, {a}, '2030-01-01T11:00Z', 40, 4),
                ({u}, {p}, {b}, '2030-01-01T11:00Z', 1, 2);
             -- a day whose hours are gone, and one whose hours are still there
             INSERT INTO usage_daily VALUES ({u}, {p}, {a}, '2029-06-01', 1000, 0), ({u}, {p}, {a}, '2030-01-01', 100, 10)"
        ))
        .await;
    let sum = async |path: &str| {
        let t = api.get(&format!("/traffic/{path}")).await.is(200);
        assert_eq!(
            t["total"],
            t["tx"].as_i64().unwrap() + t["rx"].as_i64().unwrap()
        );
        t
    };
    let bob = sum("users/bob").await;
    assert_eq!((&bob["tx"], &bob["rx"]), (&json!(106), &json!(17)));
    let names = |t: &Value, of: &str| -> Vec<(String, i64)> {
        let parts = t[of].as_array().unwrap().iter();
        parts
            .map(|p| {
                (
                    p["name"].as_str().unwrap().to_owned(),
                    p["total"].as_i64().unwrap(),
                )
            })
            .collect()
    };
    let part = |name: &str, total| (name.to_owned(), total);
    assert_eq!(names(&bob, "nodes"), [part("a", 120), part("b", 3)]);
    assert_eq!(names(&bob, "devices"), [part("phone", 113), part("tv", 10)]);
    let node = sum("nodes/a").await;
    assert_eq!(names(&node, "users"), [part("bob", 120)]);
    let device = sum(&format!("devices/{}", tv.detail.device.id)).await;
    assert_eq!(
        (&device["tx"], names(&device, "nodes")),
        (&json!(5), vec![part("a", 10)])
    );
    assert_eq!(sum("users/eve").await["total"], 0);

    let day = sum("users/bob?from=2030-01-01T00:00:00Z&to=2030-01-02T00:00:00Z").await;
    assert_eq!(
        day["tx"], 101,
        "a day's roll-up stands beside its hours only once they are gone"
    );
    let hour = sum("users/bob?from=2030-01-01T11:30:00Z&to=2030-01-01T12:00:00Z").await;
    assert_eq!(
        (&hour["tx"], &hour["from"]),
        (&json!(41), &json!("2030-01-01T11:00:00Z"))
    );
    assert_eq!(sum("users/bob?from=2029-01-01T00:00:00Z").await["tx"], 1101);
    api.get("/traffic/users/bob?from=2030-01-02T00:00:00Z&to=2030-01-01T00:00:00Z")
        .await
        .wrong(&["to"]);
    api.get("/traffic/users/bob?from=yesterday")
        .await
        .wrong(&["from"]);
    api.get("/traffic/users/nobody")
        .await
        .refused(404, "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_listed_by_what_they_are() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    let node = house.node("a", 9).await.detail.node.number;
    let phone = house.device(user("bob"), device("phone")).await;
    let d = &phone.detail.device;
    house
        .test
        .execute(&format!(
            "INSERT INTO connections (id, node_no, user_no, device_no, credential_version, generation, base_tx, prev_tx, cur_tx,
                cur_rx, client_addr, admitted_at, online_at, kicked_at, ended_at)
             SELECT format('c%s', n), {node}, {u}, {d}, 1, 1, 1, 2, 3, 9, '192.0.2.1', '2030-01-01T00:00Z',
                CASE WHEN n > 1 THEN '2030-01-01T00:01Z'::timestamptz END,
                CASE WHEN n > 3 THEN now() END, CASE WHEN n > 4 THEN now() END
             FROM generate_series(1, 5) n",
            u = d.user_no,
            d = d.number
        ))
        .await;
    let online = api.all("/stats/connections", 2).await;
    let ids = |items: &[Value]| -> Vec<String> {
        items
            .iter()
            .map(|c| c["id"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(ids(&online), ["c2", "c3", "c4"]);
    let c = &online[0];
    for (field, value) in [
        ("device", json!(d.id)),
        ("user", json!("bob")),
        ("node", json!("a")),
        ("tx", json!(6)),
        ("rx", json!(9)),
        ("online", json!(true)),
        ("kick_pending", json!(false)),
        ("client_addr", json!("192.0.2.1")),
        ("since", json!("2030-01-01T00:00:00Z")),
    ] {
        assert_eq!(c[field], value, "{field}");
    }
    assert_eq!(online[2]["kick_pending"], true);
    let all = api
        .all("/stats/connections?all=true&user=bob&node=a", 100)
        .await;
    assert_eq!(all.len(), 5);
    assert_eq!(
        (&all[4]["online"], &all[4]["kick_pending"]),
        (&json!(false), &json!(false))
    );
    assert_eq!(
        api.all(&format!("/stats/connections?device={}", d.id), 100)
            .await
            .len(),
        3
    );

    let kicked = api
        .post(&format!("/devices/{}/kick", d.id), json!({}))
        .await
        .is(200);
    assert_eq!(
        kicked["connections"], 3,
        "open ones that are not marked yet"
    );
    let online = api.all("/stats/connections", 100).await;
    assert!(online.iter().all(|c| c["kick_pending"] == true));
    let again = api.post("/nodes/a/kick", json!({})).await.is(200);
    assert_eq!(again["connections"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn quarantine_is_decided_once() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    let node = house.node("a", 9).await.detail.node.number;
    house
        .test
        .execute(&format!(
            "INSERT INTO quarantine (node_no, connection_id, generation, reason, tx, rx, first_seen_at, last_seen_at)
             SELECT {node}, format('x%s', n), 1, 'mac', n, 0, now(), now() FROM generate_series(1, 3) n"
        ))
        .await;
    let open = api.all("/quarantine", 2).await;
    assert_eq!(open.len(), 3);
    assert_eq!(
        (&open[0]["node"], &open[0]["reason"]),
        (&json!("a"), &json!("mac"))
    );
    let path = format!("/quarantine/{}", open[0]["number"]);
    api.post(&format!("{path}/credit"), json!({}))
        .await
        .refused(409, "state");
    let dropped = api.post(&format!("{path}/drop"), json!({})).await.is(200);
    assert_eq!(dropped["resolution"], "dropped");
    api.post(&format!("{path}/drop"), json!({}))
        .await
        .refused(409, "state");
    assert_eq!(api.all("/quarantine?node=a", 100).await.len(), 2);
    assert_eq!(api.all("/quarantine?all=true", 100).await.len(), 3);
    api.post("/quarantine/999/drop", json!({}))
        .await
        .refused(404, "not_found");
}
