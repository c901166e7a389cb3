//! Tables that are partitioned by month (UTC): each month has a partition of its own, made ahead; what comes without one
//! lands in the DEFAULT partition, and moves when the month is made.
use chrono::NaiveDate;
use diesel::{QueryResult, QueryableByName, sql_query, sql_types::Text};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};

/// Tables with a partition a month.
pub const MONTHLY: [&str; 2] = ["usage_hourly", "events"];

fn key(table: &str) -> &'static str {
    if table == "events" { "at" } else { "hour" }
}

fn name(table: &str, month: NaiveDate) -> String {
    format!("{table}_{}", month.format("y%Ym%m"))
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

/// The months that have a partition.
pub async fn list(conn: &mut AsyncPgConnection, table: &str) -> QueryResult<Vec<NaiveDate>> {
    let names: Vec<Name> = sql_query(
        "SELECT c.relname::text AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = $1::regclass ORDER BY 1",
    )
    .bind::<Text, _>(table)
    .load(conn)
    .await?;
    let months = names.iter().filter_map(|found| {
        let month = found.name.strip_prefix(table)?.strip_prefix("_y")?;
        let (year, month) = month.split_once('m')?;
        NaiveDate::from_ymd_opt(year.parse().ok()?, month.parse().ok()?, 1)
    });
    Ok(months.collect())
}

/// Makes a month's partition, with what the DEFAULT partition holds of it. `false`: it is there.
pub async fn insert(
    conn: &mut AsyncPgConnection,
    table: &str,
    month: NaiveDate,
) -> QueryResult<bool> {
    if list(conn, table).await?.contains(&month) {
        return Ok(false);
    }
    let (part, key) = (name(table, month), key(table));
    let end = month
        .checked_add_months(chrono::Months::new(1))
        .unwrap_or(month);
    let within = format!("{key} >= '{month} 00:00+00' AND {key} < '{end} 00:00+00'");
    // Whoever writes waits for this, at the table itself: a row that waited at the DEFAULT partition would no longer be
    // allowed there. Give up soon and come again. Two instances make a month once.
    let sql = format!(
        "CREATE TABLE {part} (LIKE {table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS);
         COMMENT ON TABLE {part} IS 'A month of {table}';
         LOCK TABLE {table}_default IN ACCESS EXCLUSIVE MODE;
         WITH moved AS (DELETE FROM {table}_default WHERE {within} RETURNING *) INSERT INTO {part} SELECT * FROM moved;
         ALTER TABLE {table} ATTACH PARTITION {part} FOR VALUES FROM ('{month} 00:00+00') TO ('{end} 00:00+00');"
    );
    conn.transaction(async |conn| {
        // before the first lock: behind one that waits, every writer of the table waits too
        conn.batch_execute(&format!(
            "SET LOCAL lock_timeout = '2s'; LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE"
        ))
        .await?;
        if list(conn, table).await?.contains(&month) {
            return Ok(false);
        }
        conn.batch_execute(&sql).await?;
        Ok(true)
    })
    .await
}

/// Drops a month.
pub async fn delete(
    conn: &mut AsyncPgConnection,
    table: &str,
    month: NaiveDate,
) -> QueryResult<()> {
    let part = name(table, month);
    conn.transaction(async |conn| {
        conn.batch_execute(&format!(
            "SET LOCAL lock_timeout = '2s'; DROP TABLE IF EXISTS {part}"
        ))
        .await
    })
    .await
}
