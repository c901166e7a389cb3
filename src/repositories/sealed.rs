//! Every column that holds something sealed, for those who seal it anew under a newer key. A sealed value begins with its
//! key's number, two bytes. A test compares this list with the tables.
use diesel::{
    QueryResult, QueryableByName, sql_query,
    sql_types::{BigInt, Binary, SmallInt, Text},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

/// A column, and the row's name under which its values are sealed, as SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    pub table: &'static str,
    pub column: &'static str,
    pub row: &'static str,
}

const fn column(table: &'static str, column: &'static str, row: &'static str) -> Column {
    Column { table, column, row }
}

/// All of them.
pub const COLUMNS: &[Column] = &[
    column(
        "credentials",
        "secret_sealed",
        "device_no || '.' || version",
    ),
    column("nodes", "hook_secret_sealed", "id::text"),
    column("nodes", "stats_secret_sealed", "id::text"),
    column("nodes", "obfs_password_sealed", "id::text"),
    column("factors", "totp_sealed", "user_no::text"),
    column("factors", "totp_pending_sealed", "user_no::text"),
    column(
        "node_configs",
        "obfs_password_sealed",
        "node_no || '.' || version",
    ),
    column(
        "node_configs",
        "stats_secret_sealed",
        "node_no || '.' || version",
    ),
    column("refresh_tokens", "successor_sealed", "session::text"),
    column("user_keys", "key_sealed", "user_no::text"),
    column("webhooks", "secret_sealed", "id::text"),
    column("webhooks", "old_secret_sealed", "id::text"),
];

/// Columns whose values live for a day at most: they are not sealed anew, a key stays until they are gone.
pub const PASSING: &[Column] = &[
    column("kept_answers", "request_sealed", ""),
    column("kept_answers", "answer_sealed", ""),
];

/// The condition that any row needs the sealing key $1.
pub(super) fn referring() -> String {
    let each = COLUMNS.iter().chain(PASSING).map(|c| {
        format!(
            "EXISTS (SELECT FROM {} WHERE substr({}, 1, 2) = int2send($1))",
            c.table, c.column
        )
    });
    each.collect::<Vec<_>>().join(" OR ")
}

/// A value under an older key.
#[derive(Clone, Debug, QueryableByName)]
pub struct Old {
    #[diesel(sql_type = Text)]
    pub place: String,
    #[diesel(sql_type = Text)]
    pub name: String,
    #[diesel(sql_type = Binary)]
    pub sealed: Vec<u8>,
}

/// The start of a table.
pub const START: &str = "(0,0)";

/// Values that are not sealed under this key, behind a place in the table.
pub async fn list_old(
    conn: &mut AsyncPgConnection,
    of: Column,
    key_id: i16,
    after: &str,
    limit: i64,
) -> QueryResult<Vec<Old>> {
    let Column { table, column, row } = of;
    sql_query(format!(
        "SELECT ctid::text AS place, ({row})::text AS name, {column} AS sealed FROM {table}
         WHERE ctid > $1::text::tid AND {column} IS NOT NULL AND substr({column}, 1, 2) <> int2send($2)
         ORDER BY ctid LIMIT $3"
    ))
    .bind::<Text, _>(after)
    .bind::<SmallInt, _>(key_id)
    .bind::<BigInt, _>(limit)
    .load(conn)
    .await
}

/// Replaces a value, unless somebody has written the row meanwhile.
pub async fn replace(
    conn: &mut AsyncPgConnection,
    of: Column,
    old: &Old,
    sealed: &[u8],
) -> QueryResult<usize> {
    let Column { table, column, .. } = of;
    sql_query(format!(
        "UPDATE {table} SET {column} = $3 WHERE ctid = $1::text::tid AND {column} = $2"
    ))
    .bind::<Text, _>(&old.place)
    .bind::<Binary, _>(&old.sealed)
    .bind::<Binary, _>(sealed)
    .execute(conn)
    .await
}
