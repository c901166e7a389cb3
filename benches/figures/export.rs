//! Ten million rows of usage, exported: rows a second beside `COPY` of the same rows, and the program's memory meanwhile.
use crate::{
    ground::{Ground, connect},
    pages::database,
    people::{HERE, local},
    process::resident,
    report::Report,
    whole::start,
};
use anyhow::{Result, ensure};
use futures_util::StreamExt;
use std::{
    process::Stdio,
    time::{Duration, Instant},
};
use tokio::process::Command;

const ROWS: u64 = 10_000_000;
const MIB: f64 = 1024.0 * 1024.0;
/// A hundred hours of each of a hundred thousand users' devices, in the order of the key.
const FILL: &str = "SET synchronous_commit = off;
    INSERT INTO usage_hourly (user_no, device_no, node_no, hour, tx, rx)
    SELECT u, (u - 1) * 4 + 1, u % 8 + 1, date_trunc('hour', now()) - h * interval '1 hour', 1000 * h + u, 9000 * h + u
    FROM generate_series(1, 100000) u, generate_series(100, 1, -1) h";
const COPY: &str = "\\copy (SELECT h.hour, u.id, u.name, d.id, d.name, n.id, n.name, h.tx, h.rx FROM usage_hourly h
    LEFT JOIN users u ON u.number = h.user_no LEFT JOIN devices d ON d.number = h.device_no
    LEFT JOIN nodes n ON n.number = h.node_no ORDER BY h.user_no, h.device_no, h.node_no, h.hour) TO '/dev/null' CSV";

pub async fn figures(report: &mut Report, ground: &Ground) -> Result<()> {
    let (server, _) = start(ground).await?;
    let url = database(ground)?;
    let db = connect(&url).await?;
    let started = Instant::now();
    db.batch_execute("DELETE FROM usage_hourly").await?;
    db.batch_execute(FILL).await?;
    db.batch_execute("VACUUM ANALYZE usage_hourly").await?;
    eprintln!("filled usage in {:.0} s", started.elapsed().as_secs_f64());
    let started = Instant::now();
    let copied = Command::new("psql")
        .arg(&url)
        .args(["-v", "ON_ERROR_STOP=1", "-c", &COPY.replace('\n', " ")])
        .stdout(Stdio::null())
        .status()
        .await?;
    ensure!(copied.success(), "psql: {copied}");
    let copy = ROWS as f64 / started.elapsed().as_secs_f64();
    let before = resident(server.pid());
    let mut most = before;
    for format in ["csv", "ndjson"] {
        let started = Instant::now();
        let answer = local(ground)?
            .get(format!("{HERE}/traffic/export?format={format}"))
            .send()
            .await?;
        ensure!(answer.status() == 200, "{}", answer.status());
        let (mut parts, mut lines, mut bytes) = (answer.bytes_stream(), 0, 0);
        let mut looked = Instant::now();
        while let Some(part) = parts.next().await {
            let part = part?;
            lines += part.split(|byte| *byte == b'\n').count() - 1;
            bytes += part.len();
            if looked.elapsed() > Duration::from_millis(200) {
                most = most.max(resident(server.pid()));
                looked = Instant::now();
            }
        }
        let rows = lines - usize::from(format == "csv");
        ensure!(u64::try_from(rows)? == ROWS, "{rows} rows");
        let per_second = ROWS as f64 / started.elapsed().as_secs_f64();
        eprintln!("  {format}: {:.0} MiB", bytes as f64 / MIB);
        report.note(&format!("export_{format}_rows_per_second"), per_second);
        report.note(&format!("export_{format}_to_copy"), per_second / copy);
    }
    let grown = most.saturating_sub(before) as f64 / MIB;
    report.at_most("export_resident_growth_mib", grown, 32.0);
    db.batch_execute("TRUNCATE usage_hourly").await?;
    server.stop().await
}
