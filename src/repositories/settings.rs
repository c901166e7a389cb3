//! One value a key, for the whole installation.
use crate::schema::settings;
use chrono::{DateTime, Utc};
use diesel::{QueryResult, prelude::*};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::Value;

/// Writes the value unless there is one already. Returns the one that stands.
pub async fn find_or_insert(
    conn: &mut AsyncPgConnection,
    key: &str,
    value: &Value,
    at: DateTime<Utc>,
) -> QueryResult<Value> {
    diesel::insert_into(settings::table)
        .values((
            settings::key.eq(key),
            settings::value.eq(value),
            settings::updated_at.eq(at),
        ))
        .on_conflict_do_nothing()
        .execute(conn)
        .await?;
    settings::table
        .find(key)
        .select(settings::value)
        .get_result(conn)
        .await
}

/// The value, if there is one.
pub async fn find(conn: &mut AsyncPgConnection, key: &str) -> QueryResult<Option<Value>> {
    settings::table
        .find(key)
        .select(settings::value)
        .get_result(conn)
        .await
        .optional()
}

/// The value, locked until the transaction ends.
pub async fn lock(conn: &mut AsyncPgConnection, key: &str) -> QueryResult<Option<Value>> {
    settings::table
        .find(key)
        .select(settings::value)
        .for_no_key_update()
        .get_result(conn)
        .await
        .optional()
}

/// Writes the value.
pub async fn put(
    conn: &mut AsyncPgConnection,
    key: &str,
    value: &Value,
    at: DateTime<Utc>,
) -> QueryResult<usize> {
    diesel::insert_into(settings::table)
        .values((
            settings::key.eq(key),
            settings::value.eq(value),
            settings::updated_at.eq(at),
        ))
        .on_conflict(settings::key)
        .do_update()
        .set((settings::value.eq(value), settings::updated_at.eq(at)))
        .execute(conn)
        .await
}

/// Removes the value.
pub async fn remove(conn: &mut AsyncPgConnection, key: &str) -> QueryResult<usize> {
    diesel::delete(settings::table.find(key))
        .execute(conn)
        .await
}
