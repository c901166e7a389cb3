//! Which keys the data was written with.
use crate::{keyring::Purpose, schema::key_fingerprints as k};
use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_query,
    sql_types::{Bool, SmallInt, Text},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};

/// Lets one instance after the other look at the keys, until its transaction ends.
pub async fn lock(conn: &mut AsyncPgConnection) -> QueryResult<()> {
    conn.batch_execute("LOCK TABLE key_fingerprints IN EXCLUSIVE MODE")
        .await
}

/// Purpose, number and fingerprint of all keys that were ever used.
pub async fn list(conn: &mut AsyncPgConnection) -> QueryResult<Vec<(String, i16, Vec<u8>)>> {
    k::table
        .select((k::purpose, k::key_id, k::fingerprint))
        .order((k::purpose, k::key_id))
        .load(conn)
        .await
}

/// Remembers a key.
pub async fn insert(
    conn: &mut AsyncPgConnection,
    purpose: Purpose,
    key_id: i16,
    fingerprint: &[u8],
    at: DateTime<Utc>,
) -> QueryResult<()> {
    diesel::insert_into(k::table)
        .values((
            k::purpose.eq(purpose.as_str()),
            k::key_id.eq(key_id),
            k::fingerprint.eq(fingerprint),
            k::created_at.eq(at),
        ))
        .on_conflict_do_nothing()
        .execute(conn)
        .await
        .map(|_| ())
}

#[derive(QueryableByName)]
struct Referenced {
    #[diesel(sql_type = Bool)]
    referenced: bool,
}

/// Whether any row needs this key.
pub async fn is_referenced(
    conn: &mut AsyncPgConnection,
    purpose: Purpose,
    key_id: i16,
) -> QueryResult<bool> {
    let digit = u32::try_from(key_id)
        .ok()
        .and_then(|id| char::from_digit(id, 36));
    let found: Referenced = sql_query(include_str!("sql/key_is_referenced.sql"))
        .bind::<Text, _>(purpose.as_str())
        .bind::<SmallInt, _>(key_id)
        .bind::<Text, _>(digit.map(String::from).unwrap_or_default())
        .get_result(conn)
        .await?;
    Ok(found.referenced)
}
