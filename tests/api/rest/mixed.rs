//! Lists by two filters at once, or by one in another order than its own (security check I7): nothing is left out, nothing
//! comes twice. How many rows a page reads is told by `database::lists`.
use crate::support::{api::Api, house::House};
use serde_json::Value;
use std::collections::BTreeSet;

/// 24,000 people: a half is suspended, a third is in `big`, and nobody is both but the 36th; a few are in `few`.
const PEOPLE: &str = "
    INSERT INTO groups (id, name, created_at) SELECT gen_random_uuid(), name, now() FROM unnest('{big,few}'::text[]) name;
    INSERT INTO users (id, name, window_started_at, created_at, updated_at, expires_at, lapsed_at, suspended_at)
    SELECT gen_random_uuid(), CASE WHEN n % 2 = 0 THEN 'even' ELSE 'odd' END || lpad(n::text, 5, '0'), now(),
        now() - n % 500 * interval '1 hour', now(),
        CASE n % 6 WHEN 1 THEN now() + n * interval '1 minute' WHEN 3 THEN now() - n * interval '1 minute' END,
        CASE WHEN n % 6 = 3 AND n % 18 > 3 THEN now() END, CASE WHEN n % 2 = 0 THEN now() END
    FROM generate_series(1, 24000) n;
    INSERT INTO group_users SELECT g.number, u.number FROM groups g, users u, LATERAL (SELECT right(u.name, 5)::int n) o
    WHERE g.name = 'big' AND (n % 6 IN (1, 3) OR n % 36 = 0) OR g.name = 'few' AND n % 100 = 0;
    ANALYZE users, group_users";

/// Whether a person is shown, by its number.
type Whom = fn(u32) -> bool;

/// What is asked for, and whom it shows.
const FILTERS: [(&str, Whom); 8] = [
    ("group=big&status=suspended", |n| n % 36 == 0),
    ("group=few&status=suspended", |n| n % 100 == 0),
    ("group=few&status=active", |_| false),
    ("group=big&status=expired", |n| n % 6 == 3),
    ("group=big&search=even", |n| n % 36 == 0),
    ("search=even", |n| n % 2 == 0),
    ("search=odd&status=expired", |n| n % 6 == 3),
    ("search=even0&group=big&status=suspended", |n| {
        n % 36 == 0 && n < 10_000
    }),
];

/// Rows that a page looks at before it comes short, or more.
const LOOKED_AT: usize = 2_000;

/// All pages, and whether one came short although others followed.
async fn pages(api: &Api, query: &str) -> (Vec<Value>, bool) {
    let (mut all, mut cursor, mut short) = (Vec::new(), String::new(), false);
    for _ in 0..24_000 / LOOKED_AT + 24_000 / 100 + 2 {
        let page = api.get(&format!("{query}&limit=100{cursor}")).await;
        let page = page.is(200);
        let items = page["items"].as_array().unwrap();
        all.extend(items.iter().cloned());
        let Some(next) = page["next_cursor"].as_str() else {
            return (all, short);
        };
        short |= items.len() < 100;
        cursor = format!("&cursor={next}");
    }
    panic!("{query} does not end");
}

#[tokio::test(flavor = "multi_thread")]
async fn i7_two_filters_at_once_leave_nobody_out() {
    let house = House::start(&[]).await;
    house.test.execute(PEOPLE).await;
    let api = Api::local(&house);
    let mut came_short = 0;
    for (query, whom) in FILTERS {
        let name = |n| format!("{}{n:05}", if n % 2 == 0 { "even" } else { "odd" });
        let dated = |n: &u32| n % 6 == 1 || n % 6 == 3;
        let them = (1..=24_000).filter(|n| whom(*n));
        for sort in ["id", "name", "created_at", "expires_at", ""] {
            let order = if sort.is_empty() {
                String::new()
            } else {
                format!("&sort={sort}")
            };
            let (found, short) = pages(&api, &format!("/users?{query}{order}")).await;
            came_short += usize::from(short);
            let names: BTreeSet<_> = found.iter().map(|u| u["name"].as_str().unwrap()).collect();
            assert_eq!(names.len(), found.len(), "{query}{order}");
            let wanted = them.clone().filter(|n| sort != "expires_at" || dated(n));
            let wanted: BTreeSet<_> = wanted.map(name).collect();
            let wanted = wanted.iter().map(String::as_str).collect();
            assert_eq!(names, wanted, "{query}{order}");
            let keys: Vec<_> = found.iter().map(|user| user[sort].to_string()).collect();
            assert!(sort.is_empty() || keys.is_sorted(), "{query}{order}");
        }
        let counted = api.get(&format!("/users?{query}&limit=1&total=true")).await;
        assert_eq!(
            counted.is(200)["total"],
            them.count().min(10_000),
            "{query}"
        );
    }
    assert!(came_short > 0, "no page had to stop before it was full");
}

/// Of 10,000 rows one principal did every other thing of one kind, and of the other kind the oldest three.
const DEEDS: &str = "
    INSERT INTO audit (principal, action, subject, detail, at)
    SELECT CASE WHEN n % 2 = 1 OR n IN (2, 4, 6) THEN 'token:a' ELSE 'token:b' END,
        CASE WHEN n % 2 = 1 THEN 'thing.make' ELSE 'thing.break' END, 'thing:' || n, '{}',
        '2026-01-01'::timestamptz + n * interval '1 second'
    FROM generate_series(1, 10000) n;
    ANALYZE audit";

#[tokio::test(flavor = "multi_thread")]
async fn i7_two_filters_of_the_audit_leave_nothing_out() {
    let house = House::start(&[]).await;
    house.test.execute(DEEDS).await;
    let api = Api::local(&house);
    let subjects = |found: &[Value]| -> Vec<String> {
        let subject = |row: &Value| row["subject"].as_str().unwrap().to_owned();
        found.iter().map(subject).collect()
    };
    // two large sets that meet at the very end
    let (found, short) = pages(&api, "/audit?principal=token:a&action=thing.break").await;
    assert_eq!(subjects(&found), ["thing:6", "thing:4", "thing:2"]);
    assert!(short, "no page had to stop before it was full");
    // two that are the same but for those: every page is full
    let (found, short) = pages(&api, "/audit?principal=token:b&action=thing.").await;
    let wanted = (4..=5_000).rev().map(|n| format!("thing:{}", 2 * n));
    assert_eq!(subjects(&found), wanted.collect::<Vec<_>>());
    assert!(!short);
    // few of one
    let (found, short) = pages(&api, "/audit?principal=token:b&subject=thing:8").await;
    assert_eq!((subjects(&found).len(), short), (1, false));
}
