//! What clients send: a keyed hash to find it, the sealed form to show it again while it lives.
use crate::{
    models::{Credential, CredentialKind, DeviceNo, UserNo},
    schema::{credentials, devices, users},
};
use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_query,
    sql_types::{BigInt, Binary, Integer, SmallInt, Text},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

/// A credential to be stored.
#[derive(Debug, Insertable)]
#[diesel(table_name = credentials, check_for_backend(diesel::pg::Pg))]
pub struct NewCredential<'a> {
    pub device_no: DeviceNo,
    pub version: i32,
    pub kind: CredentialKind,
    pub pepper_id: i16,
    pub hash: &'a [u8],
    /// Of a secret with a colon.
    pub folded_hash: Option<&'a [u8]>,
    pub secret_sealed: Option<&'a [u8]>,
    pub created_at: DateTime<Utc>,
}

/// Stores a credential.
pub async fn insert(conn: &mut AsyncPgConnection, new: &NewCredential<'_>) -> QueryResult<usize> {
    diesel::insert_into(credentials::table)
        .values(new)
        .execute(conn)
        .await
}

/// One version of a device's credential.
pub async fn find(
    conn: &mut AsyncPgConnection,
    device: DeviceNo,
    version: i32,
) -> QueryResult<Option<Credential>> {
    Credential::query()
        .filter(credentials::device_no.eq(device))
        .filter(credentials::version.eq(version))
        .first(conn)
        .await
        .optional()
}

/// Which live device has one of these hashes, the name folded or not: its name, and its owner's.
pub async fn holder(
    conn: &mut AsyncPgConnection,
    hashes: &[Vec<u8>],
) -> QueryResult<Option<(DeviceNo, String, String)>> {
    credentials::table
        .inner_join(devices::table.on(devices::number.eq(credentials::device_no)))
        .inner_join(users::table.on(users::number.eq(devices::user_no)))
        .filter(
            credentials::hash
                .eq_any(hashes)
                .or(credentials::folded_hash.eq_any(hashes)),
        )
        .filter(credentials::revoked_at.is_null())
        .select((devices::number, devices::name, users::name))
        .first(conn)
        .await
        .optional()
}

/// Revokes a device's live credential; its sealed form is gone at once.
pub async fn revoke(
    conn: &mut AsyncPgConnection,
    device: DeviceNo,
    at: DateTime<Utc>,
) -> QueryResult<usize> {
    diesel::update(credentials::table.filter(credentials::device_no.eq(device)))
        .filter(credentials::revoked_at.is_null())
        .set((
            credentials::revoked_at.eq(at),
            credentials::secret_sealed.eq(None::<Vec<u8>>),
        ))
        .execute(conn)
        .await
}

/// Revokes all live credentials of a user.
pub async fn revoke_all(
    conn: &mut AsyncPgConnection,
    user: UserNo,
    at: DateTime<Utc>,
) -> QueryResult<usize> {
    let its = devices::table
        .filter(devices::user_no.eq(user))
        .select(devices::number);
    diesel::update(credentials::table.filter(credentials::device_no.eq_any(its)))
        .filter(credentials::revoked_at.is_null())
        .set((
            credentials::revoked_at.eq(at),
            credentials::secret_sealed.eq(None::<Vec<u8>>),
        ))
        .execute(conn)
        .await
}

/// A live credential that is hashed under an older pepper.
#[derive(Clone, Debug, QueryableByName)]
pub struct OldHash {
    #[diesel(sql_type = Text)]
    pub place: String,
    #[diesel(sql_type = BigInt)]
    pub device_no: i64,
    #[diesel(sql_type = Integer)]
    pub version: i32,
    #[diesel(sql_type = Text)]
    pub kind: CredentialKind,
    #[diesel(sql_type = Binary)]
    pub secret_sealed: Vec<u8>,
    #[diesel(sql_type = BigInt)]
    pub user_no: UserNo,
}

/// Live credentials under another pepper than this, behind a place in the table.
pub async fn list_old_hashes(
    conn: &mut AsyncPgConnection,
    pepper_id: i16,
    after: &str,
    limit: i64,
) -> QueryResult<Vec<OldHash>> {
    sql_query(
        "SELECT c.ctid::text AS place, c.device_no, c.version, c.kind, c.secret_sealed, d.user_no
         FROM credentials c JOIN devices d ON d.number = c.device_no
         WHERE c.ctid > $1::text::tid AND c.pepper_id <> $2 AND c.revoked_at IS NULL AND c.secret_sealed IS NOT NULL
         ORDER BY c.ctid LIMIT $3",
    )
    .bind::<Text, _>(after)
    .bind::<SmallInt, _>(pepper_id)
    .bind::<BigInt, _>(limit)
    .load(conn)
    .await
}

/// Hashes a live credential anew; 0 when it was revoked meanwhile.
pub async fn rehash(
    conn: &mut AsyncPgConnection,
    old: &OldHash,
    (pepper_id, hash, folded): (i16, &[u8], Option<&[u8]>),
) -> QueryResult<usize> {
    diesel::update(credentials::table.find((DeviceNo(old.device_no), old.version)))
        .filter(credentials::revoked_at.is_null())
        .set((
            credentials::pepper_id.eq(pepper_id),
            credentials::hash.eq(hash),
            credentials::folded_hash.eq(folded),
        ))
        .execute(conn)
        .await
}
