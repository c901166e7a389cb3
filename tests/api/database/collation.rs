//! Lists by name on a database that sorts as a language does: they are by code point everywhere.
use crate::support::database::database_in;
use chrono::Utc;
use diesel_async::SimpleAsyncConnection;
use hywarden::{
    models::Status,
    repositories::{
        devices,
        users::{self, After, Filter, Sort},
    },
};

/// In the order in which they are listed.
const NAMES: [&str; 8] = [
    "ev-a", "ev_b", "eva1", "EVA2", "Evb", "eve", "ew", "évelyne",
];

#[tokio::test]
async fn names_are_listed_by_code_point_whatever_the_collation() {
    let test = database_in("en-US").await;
    let mut conn = test.connect().await;
    // every other one was noted by a sweep, so that a page is put together of two
    conn.batch_execute(&format!(
        "INSERT INTO users (id, name, window_started_at, created_at, updated_at, expires_at, lapsed_at)
         SELECT gen_random_uuid(), name, now(), now(), now(), now() - interval '1 day', CASE n % 2 WHEN 0 THEN now() END
         FROM unnest(ARRAY['{}']) WITH ORDINALITY AS u (name, n);
         INSERT INTO devices (id, user_no, name, created_at, updated_at)
         SELECT gen_random_uuid(), 1, name, now(), now() FROM users",
        NAMES.join("','")
    ))
    .await
    .unwrap();
    for status in [None, Some(Status::Expired)] {
        for limit in 1..=8 {
            let mut filter = Filter {
                sort: Sort::Name,
                status,
                limit,
                ..Filter::default()
            };
            let mut listed = Vec::new();
            loop {
                let page = users::list(&mut conn, &filter, Utc::now())
                    .await
                    .unwrap()
                    .users;
                let Some(last) = page.last() else { break };
                filter.after = Some(After::row(Sort::Name, last));
                listed.extend(page.into_iter().map(|user| user.name));
            }
            assert_eq!(listed, NAMES, "{status:?}, {limit} a page");
        }
    }
    let filter = Filter {
        sort: Sort::Name,
        prefix: Some("EV".to_owned()),
        limit: 100,
        ..Filter::default()
    };
    let found = users::list(&mut conn, &filter, Utc::now())
        .await
        .unwrap()
        .users;
    let found: Vec<_> = found.iter().map(|user| user.name.as_str()).collect();
    assert_eq!(found, NAMES[..6]);

    let mut filter = devices::Filter {
        prefix: Some("ev".to_owned()),
        limit: 2,
        ..devices::Filter::default()
    };
    let mut listed = Vec::new();
    loop {
        let page = devices::list(&mut conn, &filter).await.unwrap();
        let Some((last, ..)) = page.last() else { break };
        filter.after = Some(devices::After::Name(last.name.clone(), last.id.0));
        listed.extend(page.into_iter().map(|(device, ..)| device.name));
    }
    assert_eq!(listed, NAMES[..6]);
}
