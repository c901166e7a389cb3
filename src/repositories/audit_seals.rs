//! The chain over the audit: what waits to be sealed, the links, and what a verifier reads.
use super::alone;
use crate::schema::{audit_seals as s, audit_unsealed};
use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_query,
    sql_types::{BigInt, Binary, Nullable, SmallInt, Text, Timestamptz},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

/// An audit row as the MAC takes it: `detail` is PostgreSQL's own text, which is one for one value.
#[derive(Clone, Debug, QueryableByName)]
pub struct Row {
    #[diesel(sql_type = BigInt)]
    pub number: i64,
    #[diesel(sql_type = Text)]
    pub principal: String,
    #[diesel(sql_type = Text)]
    pub action: String,
    #[diesel(sql_type = Text)]
    pub subject: String,
    #[diesel(sql_type = Text)]
    pub detail: String,
    #[diesel(sql_type = Timestamptz)]
    pub at: DateTime<Utc>,
    #[diesel(sql_type = Nullable<BigInt>)]
    pub user_no: Option<i64>,
    #[diesel(sql_type = Nullable<Binary>)]
    pub personal: Option<Vec<u8>>,
}

/// A link of the chain.
#[derive(Clone, Debug, Insertable, HasQuery)]
#[diesel(table_name = s, check_for_backend(diesel::pg::Pg))]
pub struct Seal {
    pub sequence: i64,
    pub audit_no: i64,
    pub key_id: i16,
    pub row_mac: Vec<u8>,
    pub chain_mac: Vec<u8>,
    pub sealed_at: DateTime<Utc>,
}

/// Whether this transaction is the one that seals, until it ends.
pub async fn try_lock(conn: &mut AsyncPgConnection) -> QueryResult<bool> {
    alone::try_lock(conn, "audit").await
}

/// The oldest rows that wait, with a row for each that is gone.
pub async fn waiting(conn: &mut AsyncPgConnection, limit: i64) -> QueryResult<Vec<Row>> {
    sql_query(
        "SELECT a.number, a.principal, a.action, a.subject, a.detail::text AS detail, a.at, a.user_no, a.personal
         FROM audit_unsealed u JOIN audit a USING (number) ORDER BY a.number LIMIT $1",
    )
    .bind::<BigInt, _>(limit)
    .load(conn)
    .await
}

/// How many wait.
pub async fn count_waiting(conn: &mut AsyncPgConnection) -> QueryResult<i64> {
    audit_unsealed::table.count().get_result(conn).await
}

/// The last link.
pub async fn head(conn: &mut AsyncPgConnection) -> QueryResult<Option<Seal>> {
    Seal::query()
        .order(s::sequence.desc())
        .first(conn)
        .await
        .optional()
}

/// One link.
pub async fn find(conn: &mut AsyncPgConnection, sequence: i64) -> QueryResult<Option<Seal>> {
    Seal::query()
        .filter(s::sequence.eq(sequence))
        .first(conn)
        .await
        .optional()
}

/// Appends links; their rows wait no more.
pub async fn append(conn: &mut AsyncPgConnection, seals: &[Seal]) -> QueryResult<()> {
    let numbers: Vec<i64> = seals.iter().map(|seal| seal.audit_no).collect();
    diesel::insert_into(s::table)
        .values(seals)
        .execute(conn)
        .await?;
    diesel::delete(audit_unsealed::table.filter(audit_unsealed::number.eq_any(numbers)))
        .execute(conn)
        .await?;
    Ok(())
}

/// A link and the row under it, if that is still there.
#[derive(Clone, Debug, QueryableByName)]
pub struct Checked {
    #[diesel(sql_type = BigInt)]
    pub sequence: i64,
    #[diesel(sql_type = BigInt)]
    pub audit_no: i64,
    #[diesel(sql_type = SmallInt)]
    pub key_id: i16,
    #[diesel(sql_type = Binary)]
    pub row_mac: Vec<u8>,
    #[diesel(sql_type = Binary)]
    pub chain_mac: Vec<u8>,
    #[diesel(embed)]
    pub entry: Option<Row>,
}

/// Links after a sequence, in order.
pub async fn page(
    conn: &mut AsyncPgConnection,
    after: i64,
    limit: i64,
) -> QueryResult<Vec<Checked>> {
    sql_query(
        "SELECT s.sequence, s.audit_no, s.key_id, s.row_mac, s.chain_mac,
            a.number, a.principal, a.action, a.subject, a.detail::text AS detail, a.at, a.user_no, a.personal
         FROM audit_seals s LEFT JOIN audit a ON a.number = s.audit_no
         WHERE s.sequence > $1 ORDER BY s.sequence LIMIT $2",
    )
    .bind::<BigInt, _>(after)
    .bind::<BigInt, _>(limit)
    .load(conn)
    .await
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

/// Rows that came past the trigger, and rows that were taken away before they were sealed.
pub async fn strays(conn: &mut AsyncPgConnection, limit: i64) -> QueryResult<(Vec<i64>, Vec<i64>)> {
    let inserted: Vec<Number> = sql_query(
        "SELECT number FROM audit a WHERE NOT EXISTS (SELECT FROM audit_seals s WHERE s.audit_no = a.number)
            AND NOT EXISTS (SELECT FROM audit_unsealed u WHERE u.number = a.number) ORDER BY number LIMIT $1",
    )
    .bind::<BigInt, _>(limit)
    .load(conn)
    .await?;
    let deleted: Vec<Number> = sql_query(
        "SELECT number FROM audit_unsealed u WHERE NOT EXISTS (SELECT FROM audit a WHERE a.number = u.number) ORDER BY number LIMIT $1",
    )
    .bind::<BigInt, _>(limit)
    .load(conn)
    .await?;
    let numbers = |rows: Vec<Number>| rows.into_iter().map(|row| row.number).collect();
    Ok((numbers(inserted), numbers(deleted)))
}
