//! Answers that are kept under a caller's `Idempotency-Key`.
use crate::schema::kept_answers;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

/// A row of `kept_answers`.
#[derive(Clone, Debug, HasQuery)]
#[diesel(table_name = kept_answers, check_for_backend(diesel::pg::Pg))]
pub struct KeptAnswer {
    pub request_sealed: Vec<u8>,
    pub status: Option<i16>,
    pub answer_sealed: Option<Vec<u8>>,
    pub created_at: DateTime<Utc>,
    pub held_until: DateTime<Utc>,
}

/// A claim on a key.
#[derive(Debug, Insertable)]
#[diesel(table_name = kept_answers, check_for_backend(diesel::pg::Pg))]
pub struct NewClaim<'a> {
    pub id: &'a [u8],
    pub claim: Uuid,
    pub request_sealed: &'a [u8],
    pub created_at: DateTime<Utc>,
    pub held_until: DateTime<Utc>,
}

/// Claims a key that nobody used since `expired`, or whose attempt is past its deadline. False: somebody has it.
pub async fn claim(
    conn: &mut AsyncPgConnection,
    new: &NewClaim<'_>,
    expired: DateTime<Utc>,
) -> QueryResult<bool> {
    // only an attempt that is known to be over, or a record that is past its day, gives way
    let free = kept_answers::created_at.lt(expired).or(kept_answers::status
        .is_null()
        .and(kept_answers::held_until.lt(new.created_at)));
    diesel::delete(kept_answers::table.find(new.id))
        .filter(free)
        .execute(conn)
        .await?;
    diesel::insert_into(kept_answers::table)
        .values(new)
        .on_conflict_do_nothing()
        .execute(conn)
        .await
        .map(|n| n > 0)
}

/// What is known under a key.
pub async fn find(conn: &mut AsyncPgConnection, id: &[u8]) -> QueryResult<Option<KeptAnswer>> {
    KeptAnswer::query()
        .filter(kept_answers::id.eq(id))
        .first(conn)
        .await
        .optional()
}

/// Writes the answer, inside the transaction of its effect. False: the claim is somebody else's by now.
pub async fn answer(
    conn: &mut AsyncPgConnection,
    id: &[u8],
    claim: Uuid,
    status: i16,
    sealed: &[u8],
) -> QueryResult<bool> {
    diesel::update(kept_answers::table.find(id))
        .filter(kept_answers::claim.eq(claim))
        .filter(kept_answers::status.is_null())
        .set((
            kept_answers::status.eq(status),
            kept_answers::answer_sealed.eq(sealed),
        ))
        .execute(conn)
        .await
        .map(|n| n > 0)
}

/// Gives up a claim that has no answer.
pub async fn release(conn: &mut AsyncPgConnection, id: &[u8], claim: Uuid) -> QueryResult<usize> {
    diesel::delete(kept_answers::table.find(id))
        .filter(kept_answers::claim.eq(claim))
        .filter(kept_answers::status.is_null())
        .execute(conn)
        .await
}

/// Forgets what is older.
pub async fn delete_before(
    conn: &mut AsyncPgConnection,
    before: DateTime<Utc>,
) -> QueryResult<usize> {
    diesel::delete(kept_answers::table.filter(kept_answers::created_at.lt(before)))
        .execute(conn)
        .await
}
