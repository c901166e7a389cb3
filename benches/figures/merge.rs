//! Merging a report beside a plain upsert of the same rows into the same three tables.
use crate::{ground::connect, report::Report};
use anyhow::Result;
use chrono::{DateTime, Timelike, Utc};
use diesel_async::{AsyncConnection, AsyncPgConnection};
use hywarden::{
    clock::{Clock, SystemClock},
    models::NodeNo,
    repositories::usage::{Counted, Step, merge},
};
use std::time::{Duration, Instant};

const CONNECTIONS: i64 = 5_000;
const ROUNDS: i64 = 20;
const MERGED: NodeNo = NodeNo(1);
const UPSERTED: NodeNo = NodeNo(2);

/// The same rows as a merge writes, without its questions.
const PLAIN: [&str; 3] = [
    "INSERT INTO connections AS c (id, node_no, user_no, device_no, credential_version, generation, cur_tx, cur_rx, moved_at)
     SELECT id, $1, u, d, 1, 1, tx, rx, now() FROM unnest($2::text[], $3::int8[], $4::int8[], $5::int8[], $6::int8[]) r (id, u, d, tx, rx)
     ON CONFLICT (id) DO UPDATE SET cur_tx = excluded.cur_tx, cur_rx = excluded.cur_rx, moved_at = excluded.moved_at",
    "INSERT INTO usage_totals AS t (user_no, device_no, node_no, tx, rx)
     SELECT u, d, $1, tx, rx FROM unnest($2::text[], $3::int8[], $4::int8[], $5::int8[], $6::int8[]) r (id, u, d, tx, rx)
     ON CONFLICT (user_no, device_no, node_no) DO UPDATE SET tx = t.tx + excluded.tx, rx = t.rx + excluded.rx",
    "INSERT INTO usage_hourly AS h (user_no, device_no, node_no, hour, tx, rx)
     SELECT u, d, $1, date_trunc('hour', now()), tx, rx FROM unnest($2::text[], $3::int8[], $4::int8[], $5::int8[], $6::int8[]) r (id, u, d, tx, rx)
     ON CONFLICT (user_no, device_no, node_no, hour) DO UPDATE SET tx = h.tx + excluded.tx, rx = h.rx + excluded.rx",
];

pub async fn figures(report: &mut Report, database: &str) -> Result<()> {
    let mut ours = AsyncPgConnection::establish(database).await?;
    let mut plain = connect(database).await?;
    let mut statements = Vec::new();
    for sql in PLAIN {
        statements.push(plain.prepare(sql).await?);
    }
    let (mut merging, mut upserting) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let now = SystemClock.now();
        let rows = counted("m", round);
        let started = Instant::now();
        ours.transaction(async |conn| merge(conn, step(now), &rows).await.map(drop))
            .await?;
        merging.push(started.elapsed());

        let rows = counted("p", round);
        let ids: Vec<&str> = rows.iter().map(|c| &*c.id).collect();
        let column = |of: fn(&Counted) -> i64| rows.iter().map(of).collect::<Vec<i64>>();
        let columns = (
            column(|c| c.user),
            column(|c| c.device),
            column(|c| c.tx),
            column(|c| c.rx),
        );
        let started = Instant::now();
        let transaction = plain.transaction().await?;
        for statement in &statements {
            let node = UPSERTED.0;
            transaction
                .execute(
                    statement,
                    &[&node, &ids, &columns.0, &columns.1, &columns.2, &columns.3],
                )
                .await?;
        }
        transaction.commit().await?;
        upserting.push(started.elapsed());
    }
    // the first round inserts
    let (ours, plain) = (rate(&mut merging[1..]), rate(&mut upserting[1..]));
    eprintln!("  merge {ours:.0} connections/s, plain upsert {plain:.0}/s");
    report.at_least("merge_to_plain_upsert", ours / plain, 0.5);
    report.note("merge_connections_per_second", ours);
    Ok(())
}

fn rate(times: &mut [Duration]) -> f64 {
    times.sort_unstable();
    let median = times.get(times.len() / 2).copied().unwrap_or_default();
    CONNECTIONS as f64 / median.as_secs_f64()
}

fn step(now: DateTime<Utc>) -> Step {
    let hour = now
        .with_minute(0)
        .and_then(|h| h.with_second(0))
        .and_then(|h| h.with_nanosecond(0));
    Step {
        node: MERGED,
        generation: 1,
        doubtful: 0,
        node_doubtful: 0,
        node_generation: 1,
        began: now,
        hour: hour.unwrap_or(now),
    }
}

/// The report of a round: every connection has moved.
fn counted(prefix: &str, round: i64) -> Vec<Counted> {
    let one = |n: i64| Counted {
        id: format!("{prefix}1.{n:06}.1.aaaaaaaaaaaaaaaa.bbbbbbbbbbbbbbbb").into(),
        user: n / 3 + 1,
        device: n + 1,
        credential_version: 1,
        tx: (round + 1) * (1000 + n),
        rx: (round + 1) * (9000 + n),
    };
    (0..CONNECTIONS).map(one).collect()
}
