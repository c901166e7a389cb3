//! Which keys the data was written with.
use super::sealed;
use crate::{
    keyring::{self, Purpose},
    schema::key_fingerprints as k,
};
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

/// A key that was ever used.
#[derive(Clone, Debug, HasQuery)]
#[diesel(table_name = k, check_for_backend(diesel::pg::Pg))]
pub struct Known {
    pub purpose: String,
    pub key_id: i16,
    pub fingerprint: Vec<u8>,
    pub created_at: DateTime<Utc>,
    pub retired_at: Option<DateTime<Utc>>,
}

/// All of them.
pub async fn list(conn: &mut AsyncPgConnection) -> QueryResult<Vec<Known>> {
    Known::query()
        .order((k::purpose, k::key_id))
        .load(conn)
        .await
}

/// A key left the file for good.
pub async fn retire(
    conn: &mut AsyncPgConnection,
    purpose: Purpose,
    key_id: i16,
    at: DateTime<Utc>,
) -> QueryResult<usize> {
    diesel::update(k::table.find((purpose.as_str(), key_id)))
        .set(k::retired_at.eq(at))
        .execute(conn)
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

/// Whether any row needs this key. What signs logins is needed by what is out there, not by rows.
pub async fn is_referenced(
    conn: &mut AsyncPgConnection,
    purpose: Purpose,
    key_id: i16,
) -> QueryResult<bool> {
    let digit = char::from_digit(u32::from(keyring::letter(key_id)), 36);
    let sql = match purpose {
        Purpose::Pepper => "EXISTS (SELECT FROM credentials WHERE pepper_id = $1)".to_owned(),
        Purpose::ConnectionId => {
            "EXISTS (SELECT FROM connections WHERE id LIKE $2 || '%')".to_owned()
        }
        Purpose::Sealing => sealed::referring(),
        Purpose::Audit => "EXISTS (SELECT FROM audit_seals WHERE key_id = $1)".to_owned(),
        Purpose::Signing => "false".to_owned(),
    };
    let found: Referenced = sql_query(format!(
        "SELECT {sql} AS referenced, $1::int2 AS key, $2::text AS letter"
    ))
    .bind::<SmallInt, _>(key_id)
    .bind::<Text, _>(digit.map(String::from).unwrap_or_default())
    .get_result(conn)
    .await?;
    Ok(found.referenced)
}
