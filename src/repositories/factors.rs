//! By what people prove who they are, and the links by which they set it.
use super::{alone, users::lower};
use crate::{
    models::{Named, Role, User, UserNo},
    schema::{factors, password_links, recovery_codes, users},
};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

/// A row of `factors`.
#[derive(Clone, Debug, HasQuery, Insertable, AsChangeset)]
#[diesel(table_name = factors, check_for_backend(diesel::pg::Pg), treat_none_as_null = true)]
pub struct Factors {
    pub user_no: UserNo,
    pub password_hash: Option<String>,
    pub password_set_at: Option<DateTime<Utc>>,
    pub totp_sealed: Option<Vec<u8>>,
    pub totp_since: Option<DateTime<Utc>>,
    pub totp_step: i64,
    pub totp_pending_sealed: Option<Vec<u8>>,
    pub totp_pending_since: Option<DateTime<Utc>>,
    pub totp_failed_step: i64,
    pub totp_failed_in_step: i16,
    pub totp_failed_at: Vec<DateTime<Utc>>,
}

impl Factors {
    /// Of somebody who has none yet.
    pub fn none(user_no: UserNo) -> Self {
        Self {
            user_no,
            password_hash: None,
            password_set_at: None,
            totp_sealed: None,
            totp_since: None,
            totp_step: 0,
            totp_pending_sealed: None,
            totp_pending_since: None,
            totp_failed_step: 0,
            totp_failed_in_step: 0,
            totp_failed_at: Vec::new(),
        }
    }
}

/// Whoever is called so, by name or by e-mail address, with its factors.
pub async fn find(
    conn: &mut AsyncPgConnection,
    called: &str,
) -> QueryResult<Option<(User, Option<Factors>)>> {
    let Named::Name(called) = Named::from(called) else {
        return Ok(None);
    };
    let found = users::table
        .left_join(factors::table.on(factors::user_no.eq(users::number)))
        .filter(users::erased_at.is_null())
        .select((User::as_select(), Option::<Factors>::as_select()));
    let by_name = found
        .filter(lower(users::name).eq(lower(&called)))
        .first(conn)
        .await
        .optional()?;
    // the second look-up is made in any case: how long it takes must not tell who is there
    let by_email = found
        .filter(lower(users::email.assume_not_null()).eq(lower(&called)))
        .filter(users::email.is_not_null())
        .first(conn)
        .await
        .optional()?;
    Ok(by_name.or(by_email))
}

/// A person's factors.
pub async fn find_of(conn: &mut AsyncPgConnection, user: UserNo) -> QueryResult<Option<Factors>> {
    Factors::query()
        .filter(factors::user_no.eq(user))
        .first(conn)
        .await
        .optional()
}

/// A person's factors, locked until the transaction ends: there is a row from here on.
pub async fn lock(conn: &mut AsyncPgConnection, user: UserNo) -> QueryResult<Factors> {
    diesel::insert_into(factors::table)
        .values(Factors::none(user))
        .on_conflict_do_nothing()
        .execute(conn)
        .await?;
    factors::table
        .find(user)
        .select(Factors::as_select())
        .for_update()
        .first(conn)
        .await
}

/// Writes back what was changed under the row's lock.
pub async fn update(conn: &mut AsyncPgConnection, factors: &Factors) -> QueryResult<usize> {
    diesel::update(factors::table.find(factors.user_no))
        .set(factors)
        .execute(conn)
        .await
}

/// Puts a hash in the place of another of the same password.
pub async fn rehash(
    conn: &mut AsyncPgConnection,
    user: UserNo,
    old: &str,
    new: &str,
) -> QueryResult<usize> {
    diesel::update(factors::table.find(user))
        .filter(factors::password_hash.eq(old))
        .set(factors::password_hash.eq(new))
        .execute(conn)
        .await
}

/// Replaces a person's recovery codes.
pub async fn set_recovery_codes(
    conn: &mut AsyncPgConnection,
    user: UserNo,
    hashes: &[Vec<u8>],
) -> QueryResult<()> {
    diesel::delete(recovery_codes::table.filter(recovery_codes::user_no.eq(user)))
        .execute(conn)
        .await?;
    let rows: Vec<_> = hashes
        .iter()
        .map(|hash| {
            (
                recovery_codes::user_no.eq(user),
                recovery_codes::hash.eq(hash),
            )
        })
        .collect();
    diesel::insert_into(recovery_codes::table)
        .values(rows)
        .execute(conn)
        .await?;
    Ok(())
}

/// Whether a person has this recovery code, and whether it was used before; takes it.
pub async fn take_recovery_code(
    conn: &mut AsyncPgConnection,
    user: UserNo,
    hash: &[u8],
    at: DateTime<Utc>,
) -> QueryResult<Option<bool>> {
    let row = recovery_codes::table.find((user, hash));
    let before: Option<Option<DateTime<Utc>>> = row
        .select(recovery_codes::used_at)
        .for_update()
        .first(conn)
        .await
        .optional()?;
    if before == Some(None) {
        diesel::update(row)
            .set(recovery_codes::used_at.eq(at))
            .execute(conn)
            .await?;
    }
    Ok(before.map(|at| at.is_some()))
}

/// Removes a person's recovery codes.
pub async fn delete_recovery_codes(
    conn: &mut AsyncPgConnection,
    user: UserNo,
) -> QueryResult<usize> {
    diesel::delete(recovery_codes::table.filter(recovery_codes::user_no.eq(user)))
        .execute(conn)
        .await
}

/// How many recovery codes a person has left.
pub async fn count_recovery_codes(conn: &mut AsyncPgConnection, user: UserNo) -> QueryResult<i64> {
    recovery_codes::table
        .filter(recovery_codes::user_no.eq(user))
        .filter(recovery_codes::used_at.is_null())
        .count()
        .get_result(conn)
        .await
}

/// Who made the links that are mailed to whoever asks.
pub const MAILED: &str = "system";

/// Stores a link to a new password and voids those before it. One that anybody may ask for voids none that somebody made.
pub async fn insert_link(
    conn: &mut AsyncPgConnection,
    hash: &[u8],
    user: UserNo,
    by: &str,
    at: DateTime<Utc>,
    until: DateTime<Utc>,
) -> QueryResult<()> {
    let mut before = diesel::delete(password_links::table)
        .filter(password_links::user_no.eq(user))
        .into_boxed();
    if by == MAILED {
        before = before.filter(password_links::created_by.eq(by));
    }
    before.execute(conn).await?;
    diesel::insert_into(password_links::table)
        .values((
            password_links::secret_hash.eq(hash),
            password_links::user_no.eq(user),
            password_links::created_by.eq(by),
            password_links::created_at.eq(at),
            password_links::expires_at.eq(until),
        ))
        .execute(conn)
        .await?;
    Ok(())
}

/// Whose password a link sets, if it is valid.
pub async fn find_link(
    conn: &mut AsyncPgConnection,
    hash: &[u8],
    now: DateTime<Utc>,
) -> QueryResult<Option<UserNo>> {
    password_links::table
        .find(hash)
        .filter(password_links::used_at.is_null())
        .filter(password_links::expires_at.gt(now))
        .select(password_links::user_no)
        .first(conn)
        .await
        .optional()
}

/// Takes a link: whoever gets `true` may use it.
pub async fn take_link(
    conn: &mut AsyncPgConnection,
    hash: &[u8],
    now: DateTime<Utc>,
) -> QueryResult<bool> {
    let taken = diesel::update(password_links::table.find(hash))
        .filter(password_links::used_at.is_null())
        .filter(password_links::expires_at.gt(now))
        .set(password_links::used_at.eq(now))
        .execute(conn)
        .await?;
    Ok(taken == 1)
}

/// The links of a person set nothing any more.
pub async fn void_links(
    conn: &mut AsyncPgConnection,
    user: UserNo,
    at: DateTime<Utc>,
) -> QueryResult<usize> {
    diesel::update(password_links::table)
        .filter(password_links::user_no.eq(user))
        .filter(password_links::used_at.is_null())
        .set(password_links::used_at.eq(at))
        .execute(conn)
        .await
}

/// Whoever is about to make one superadmin less waits here for the others who are: two must not remove each other.
pub async fn lock_superadmins(conn: &mut AsyncPgConnection) -> QueryResult<()> {
    alone::lock(conn, "superadmins").await
}

/// How many superadmins there are, beside this one, who can log in: with a password, neither suspended nor deleted.
pub async fn count_superadmins(
    conn: &mut AsyncPgConnection,
    beside: Option<UserNo>,
) -> QueryResult<i64> {
    let mut query = users::table
        .inner_join(factors::table.on(factors::user_no.eq(users::number)))
        .filter(users::role.eq(Role::Superadmin))
        .filter(users::deleted_at.is_null())
        .filter(users::suspended_at.is_null())
        .filter(factors::password_hash.is_not_null())
        .count()
        .into_boxed();
    if let Some(beside) = beside {
        query = query.filter(users::number.ne(beside));
    }
    query.get_result(conn).await
}
