//! A page of a list reads about as many rows as it shows: whatever the filter, there is an index for it.
use crate::support::database::database;
use chrono::Utc;
use diesel::{
    QueryableByName, sql_query,
    sql_types::{BigInt, Text},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use hywarden::{
    models::{self, Status, User},
    repositories::{
        devices::{self, State},
        groups,
        users::{self, After, Filter, Sort},
    },
};

/// One user in so many has each of the rare statuses, or is in the small group.
const RARE: i64 = 1_000;
const USERS: i64 = 20_000;
const PAGE: i64 = 10;

#[derive(QueryableByName)]
struct Rows {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

/// Rows that this transaction has read of the table so far, by whatever way.
async fn rows_read(conn: &mut AsyncPgConnection, table: &str) -> i64 {
    let read = "SELECT coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) AS n FROM pg_stat_xact_user_tables WHERE relname = $1";
    let read: Rows = sql_query(read)
        .bind::<Text, _>(table)
        .get_result(conn)
        .await
        .unwrap();
    read.n
}

async fn page(conn: &mut AsyncPgConnection, filter: &Filter) -> Vec<User> {
    conn.batch_execute("BEGIN").await.unwrap();
    let before = rows_read(conn, "users").await;
    let page = users::list(conn, filter, Utc::now()).await.unwrap();
    let read = rows_read(conn, "users").await - before;
    conn.batch_execute("COMMIT").await.unwrap();
    // a rare status is found whole, sorted, and cut
    let most = USERS / RARE + 4 * PAGE;
    assert!(read <= most, "{read} rows read of users for {filter:?}");
    page.users
}

#[tokio::test]
async fn a_page_of_users_reads_what_it_shows() {
    let test = database().await;
    let mut conn = test.connect().await;
    conn.batch_execute(&format!(
        "INSERT INTO users (id, name, window_started_at, created_at, updated_at, quota, used, on_hold, suspended_at, deleted_at, expires_at)
         SELECT gen_random_uuid(), 'u' || i, now(), now() + make_interval(secs => i), now(), 1000,
             CASE i % {RARE} WHEN 1 THEN 2000 ELSE 0 END, i % {RARE} = 2, CASE i % {RARE} WHEN 3 THEN now() END,
             CASE i % {RARE} WHEN 4 THEN now() END, now() + CASE i % {RARE} WHEN 5 THEN interval '-1 day' ELSE '1 year' END
         FROM generate_series(1, {USERS}) i;
         INSERT INTO groups (id, name, created_at) VALUES (gen_random_uuid(), 'small', now());
         INSERT INTO group_users (group_no, user_no) SELECT g.number, u.number FROM groups g, users u
         WHERE g.name = 'default' OR u.number % {RARE} = 7;
         ANALYZE"
    ))
    .await
    .unwrap();
    let statuses = [
        None,
        Some(Status::Active),
        Some(Status::OnHold),
        Some(Status::Limited),
        Some(Status::Expired),
        Some(Status::Suspended),
        Some(Status::Deleted),
    ];
    let rare = usize::try_from(USERS / RARE).unwrap();
    for status in statuses {
        let mut seen = 0;
        let mut filter = Filter {
            status,
            limit: PAGE,
            ..Filter::default()
        };
        loop {
            let rows = page(&mut conn, &filter).await;
            assert!(
                rows.iter()
                    .all(|u| { status.is_none_or(|status| status == u.status(Utc::now())) })
            );
            seen += rows.len();
            match rows.last() {
                Some(last) if seen < 2 * rare => filter.after = Some(After::row(Sort::Id, last)),
                _ => break,
            }
        }
        let all = matches!(status, None | Some(Status::Active));
        assert_eq!(seen, if all { 2 * rare } else { rare }, "{status:?}");
    }
    for sort in [Sort::Id, Sort::Name, Sort::CreatedAt, Sort::ExpiresAt] {
        let mut filter = Filter {
            sort,
            limit: PAGE,
            ..Filter::default()
        };
        let first = page(&mut conn, &filter).await;
        filter.after = first.last().map(|last| After::row(sort, last));
        assert_eq!(page(&mut conn, &filter).await.len(), 10);
        filter.status = Some(Status::Suspended);
        assert_eq!(page(&mut conn, &filter).await.len(), 10);
    }
    for (group, shown) in [("default", 10), ("small", 10)] {
        let name = models::Named::Name(group.to_owned());
        let found = groups::find(&mut conn, &name).await.unwrap();
        let filter = Filter {
            sort: Sort::Number,
            group: found.map(|group| group.number),
            limit: PAGE,
            ..Filter::default()
        };
        assert_eq!(page(&mut conn, &filter).await.len(), shown, "{group}");
    }
    let filter = Filter {
        sort: Sort::Name,
        prefix: Some("U1234".to_owned()),
        limit: PAGE,
        ..Filter::default()
    };
    assert_eq!(page(&mut conn, &filter).await.len(), 10, "u1234, u12340 …");
}

/// Where two large sets do not meet, a page looks at so many rows, and says where to go on.
#[tokio::test]
async fn a_page_by_two_filters_reads_no_more_than_it_may() {
    let test = database().await;
    let mut conn = test.connect().await;
    conn.batch_execute(&format!(
        "INSERT INTO users (id, name, window_started_at, created_at, updated_at, suspended_at, expires_at)
         SELECT gen_random_uuid(), 'u' || i, now(), now() + make_interval(secs => i), now(),
             CASE WHEN i % 2 = 0 THEN now() END, now() + make_interval(days => i)
         FROM generate_series(1, {USERS}) i;
         INSERT INTO group_users (group_no, user_no) SELECT 1, number FROM users WHERE number % 2 = 1;
         ANALYZE"
    ))
    .await
    .unwrap();
    let orders = [
        Sort::Id,
        Sort::Name,
        Sort::CreatedAt,
        Sort::ExpiresAt,
        Sort::Number,
    ];
    for sort in orders {
        let filter = Filter {
            sort,
            group: Some(models::GroupNo(1)),
            status: Some(Status::Suspended),
            limit: PAGE,
            ..Filter::default()
        };
        conn.batch_execute("BEGIN").await.unwrap();
        let before = rows_read(&mut conn, "users").await;
        let page = users::list(&mut conn, &filter, Utc::now()).await.unwrap();
        let read = rows_read(&mut conn, "users").await - before;
        conn.batch_execute("COMMIT").await.unwrap();
        assert!(page.users.is_empty() && page.rest.is_some(), "{sort:?}");
        // 1,000 to see whether they are few, 4,000 on the way
        assert!(
            read <= 5_000 + 4 * PAGE,
            "{read} rows read of users by {sort:?}"
        );
    }
}

/// Counted bytes change with every read: no index may make that dear.
#[tokio::test]
async fn moving_bytes_writes_no_index_of_users() {
    let test = database().await;
    let mut conn = test.connect().await;
    conn.batch_execute(
        "INSERT INTO users (id, name, window_started_at, created_at, updated_at, quota)
         SELECT gen_random_uuid(), 'u' || i, now(), now(), now(), 1000 FROM generate_series(1, 100) i;
         BEGIN;
         UPDATE users SET used_total = used_total + 1, used = used + 1 WHERE number <= 5",
    )
    .await
    .unwrap();
    let hot = "SELECT n_tup_hot_upd AS n FROM pg_stat_xact_user_tables WHERE relname = 'users'";
    let hot: Rows = sql_query(hot).get_result(&mut conn).await.unwrap();
    assert_eq!(hot.n, 5, "updates that left the indexes alone");
}

/// Names are looked for along their own index, in every state.
#[tokio::test]
async fn a_page_of_devices_by_name_reads_what_it_shows() {
    let test = database().await;
    let mut conn = test.connect().await;
    conn.batch_execute(&format!(
        "INSERT INTO users (id, name, window_started_at, created_at, updated_at) VALUES (gen_random_uuid(), 'u', now(), now(), now());
         INSERT INTO devices (id, user_no, name, created_at, updated_at, blocked_at, removed_at)
         SELECT gen_random_uuid(), 1, 'd' || i, now(), now(), CASE i % 4 WHEN 1 THEN now() END, CASE i % 4 WHEN 2 THEN now() END
         FROM generate_series(1, {USERS}) i;
         ANALYZE"
    ))
    .await
    .unwrap();
    for state in [State::Live, State::Blocked, State::Removed, State::Any] {
        let mut filter = devices::Filter {
            state,
            prefix: Some("D1".to_owned()),
            limit: PAGE,
            ..devices::Filter::default()
        };
        for _ in 0..2 {
            conn.batch_execute("BEGIN").await.unwrap();
            let before = rows_read(&mut conn, "devices").await;
            let page = devices::list(&mut conn, &filter).await.unwrap();
            let read = rows_read(&mut conn, "devices").await - before;
            conn.batch_execute("COMMIT").await.unwrap();
            assert_eq!(page.len(), 10, "{state:?}");
            // once to find them, once for what hangs on them
            assert!(read <= 5 * PAGE, "{read} rows read for {filter:?}");
            let last = &page.last().unwrap().0;
            filter.after = Some(devices::After::Name(last.name.clone(), last.id.0));
        }
    }
}

/// A total is counted along the names, too: that none of those which are shown begins so is found at once, however many others
/// do.
#[tokio::test]
async fn a_total_of_devices_by_name_reads_no_others() {
    let test = database().await;
    let mut conn = test.connect().await;
    conn.batch_execute(&format!(
        "INSERT INTO users (id, name, window_started_at, created_at, updated_at) VALUES (gen_random_uuid(), 'u', now(), now(), now());
         INSERT INTO devices (id, user_no, name, created_at, updated_at, removed_at)
         SELECT gen_random_uuid(), 1, CASE i % 2 WHEN 1 THEN 'old' ELSE 'new' END || i, now(), now(), CASE i % 2 WHEN 1 THEN now() END
         FROM generate_series(1, {USERS}) i;
         ANALYZE"
    ))
    .await
    .unwrap();
    let filter = devices::Filter {
        prefix: Some("old".to_owned()),
        ..devices::Filter::default()
    };
    conn.batch_execute("BEGIN").await.unwrap();
    let before = rows_read(&mut conn, "devices").await;
    let counted = devices::count(&mut conn, &filter, PAGE).await.unwrap();
    let read = rows_read(&mut conn, "devices").await - before;
    conn.batch_execute("COMMIT").await.unwrap();
    assert_eq!(counted, 0);
    assert!(read < PAGE, "{read} rows read");
}
