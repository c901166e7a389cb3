//! Logins of people, and the chains of their refresh tokens.
use crate::{
    models::{Ended, Session, SessionId, SessionKind, User, UserNo},
    schema::{
        api_tokens, factors, password_links, recovery_codes, refresh_tokens, sessions, users,
    },
};
use chrono::{DateTime, Utc};
use diesel::{dsl::exists, prelude::*};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::try_join;
use ipnet::IpNet;

/// A login to be stored.
#[derive(Debug, Insertable)]
#[diesel(table_name = sessions, check_for_backend(diesel::pg::Pg))]
pub struct NewSession<'a> {
    pub id: SessionId,
    pub user_no: UserNo,
    pub kind: SessionKind,
    pub cookie_hash: Option<&'a [u8]>,
    pub created_at: DateTime<Utc>,
    pub fresh_at: DateTime<Utc>,
    pub used_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub addr: Option<IpNet>,
    pub opened_from: Option<IpNet>,
    pub user_agent: &'a str,
}

/// A row of `refresh_tokens`.
#[derive(Clone, Debug, HasQuery)]
#[diesel(table_name = refresh_tokens, check_for_backend(diesel::pg::Pg))]
pub struct RefreshToken {
    pub hash: Vec<u8>,
    pub session: SessionId,
    pub issued_at: DateTime<Utc>,
    pub used_at: Option<DateTime<Utc>>,
    pub successor: Option<Vec<u8>>,
    pub successor_sealed: Option<Vec<u8>>,
}

/// Stores a login.
pub async fn insert(conn: &mut AsyncPgConnection, new: &NewSession<'_>) -> QueryResult<Session> {
    diesel::insert_into(sessions::table)
        .values(new)
        .returning(Session::as_returning())
        .get_result(conn)
        .await
}

/// A login with its person, whatever the state of either.
pub async fn find(
    conn: &mut AsyncPgConnection,
    id: SessionId,
) -> QueryResult<Option<(Session, User)>> {
    sessions::table
        .inner_join(users::table.on(users::number.eq(sessions::user_no)))
        .filter(sessions::id.eq(id))
        .select((Session::as_select(), User::as_select()))
        .first(conn)
        .await
        .optional()
}

/// The login that a refresh token belongs to, locked until the transaction ends.
pub async fn lock_by_refresh(
    conn: &mut AsyncPgConnection,
    hash: &[u8],
) -> QueryResult<Option<Session>> {
    let of = refresh_tokens::table
        .filter(refresh_tokens::hash.eq(hash))
        .select(refresh_tokens::session);
    sessions::table
        .filter(sessions::id.eq_any(of))
        .select(Session::as_select())
        .for_update()
        .first(conn)
        .await
        .optional()
}

/// One page of a person's logins that have not ended, newest first.
pub async fn list(
    conn: &mut AsyncPgConnection,
    user: UserNo,
    used_after: DateTime<Utc>,
    now: DateTime<Utc>,
    before: Option<SessionId>,
    limit: i64,
) -> QueryResult<Vec<Session>> {
    let mut query = Session::query()
        // a range and an order of both: with one value the planner may walk everybody's logins by id instead
        .filter(sessions::user_no.between(user, user))
        .filter(sessions::ended_at.is_null())
        .filter(sessions::expires_at.gt(now))
        .filter(sessions::used_at.gt(used_after))
        .order((sessions::user_no.desc(), sessions::id.desc()))
        .limit(limit)
        .into_boxed();
    if let Some(before) = before {
        query = query.filter(sessions::id.lt(before));
    }
    query.load(conn).await
}

/// Whether the person has ever logged in at all, and whether from this network.
pub async fn known_places(
    conn: &mut AsyncPgConnection,
    user: UserNo,
    network: Option<IpNet>,
) -> QueryResult<(bool, bool)> {
    let theirs = sessions::table.filter(sessions::user_no.eq(user));
    let here = theirs.filter(sessions::opened_from.is_not_distinct_from(network));
    diesel::select((exists(theirs), exists(here)))
        .get_result(conn)
        .await
}

/// Notes a use.
pub async fn touch(
    conn: &mut AsyncPgConnection,
    id: SessionId,
    addr: Option<IpNet>,
    at: DateTime<Utc>,
) -> QueryResult<usize> {
    diesel::update(sessions::table.find(id))
        .set((sessions::used_at.eq(at), sessions::addr.eq(addr)))
        .execute(conn)
        .await
}

/// The person has just proved again who it is; a cookie gets a new secret with that.
pub async fn freshen(
    conn: &mut AsyncPgConnection,
    id: SessionId,
    cookie_hash: Option<&[u8]>,
    at: DateTime<Utc>,
) -> QueryResult<usize> {
    let row = diesel::update(sessions::table.find(id));
    match cookie_hash {
        Some(hash) => {
            row.set((sessions::fresh_at.eq(at), sessions::cookie_hash.eq(hash)))
                .execute(conn)
                .await
        }
        None => row.set(sessions::fresh_at.eq(at)).execute(conn).await,
    }
}

/// Ends a login; `None`: it has ended already, or is another person's.
pub async fn end(
    conn: &mut AsyncPgConnection,
    user: UserNo,
    id: SessionId,
    why: Ended,
    at: DateTime<Utc>,
) -> QueryResult<Option<Session>> {
    diesel::update(sessions::table.find(id))
        .filter(sessions::user_no.eq(user))
        .filter(sessions::ended_at.is_null())
        .set((sessions::ended_at.eq(at), sessions::ended.eq(why)))
        .returning(Session::as_returning())
        .get_result(conn)
        .await
        .optional()
}

/// Ends all logins of a person but one.
pub async fn end_others(
    conn: &mut AsyncPgConnection,
    user: UserNo,
    but: Option<SessionId>,
    why: Ended,
    at: DateTime<Utc>,
) -> QueryResult<usize> {
    let mut rows = diesel::update(sessions::table)
        .filter(sessions::user_no.eq(user))
        .filter(sessions::ended_at.is_null())
        .set((sessions::ended_at.eq(at), sessions::ended.eq(why)))
        .into_boxed();
    if let Some(but) = but {
        rows = rows.filter(sessions::id.ne(but));
    }
    rows.execute(conn).await
}

/// Ends all that a person holds: its logins, its tokens, the links to a new password.
pub async fn end_all(
    conn: &mut AsyncPgConnection,
    user: UserNo,
    why: Ended,
    at: DateTime<Utc>,
) -> QueryResult<usize> {
    end_tokens(conn, user, at).await?;
    super::factors::void_links(conn, user, at).await?;
    end_others(conn, user, None, why, at).await
}

/// Ends the tokens that a person made.
pub async fn end_tokens(
    conn: &mut AsyncPgConnection,
    user: UserNo,
    at: DateTime<Utc>,
) -> QueryResult<usize> {
    diesel::update(api_tokens::table)
        .filter(api_tokens::owner_no.eq(user))
        .filter(api_tokens::revoked_at.is_null())
        .set(api_tokens::revoked_at.eq(at))
        .execute(conn)
        .await
}

/// Removes what is known of how a person logged in, when its account is erased.
pub async fn forget(
    conn: &mut AsyncPgConnection,
    user: UserNo,
    at: DateTime<Utc>,
) -> QueryResult<()> {
    end_tokens(conn, user, at).await?;
    diesel::delete(sessions::table.filter(sessions::user_no.eq(user)))
        .execute(conn)
        .await?;
    diesel::delete(password_links::table.filter(password_links::user_no.eq(user)))
        .execute(conn)
        .await?;
    diesel::delete(recovery_codes::table.filter(recovery_codes::user_no.eq(user)))
        .execute(conn)
        .await?;
    diesel::delete(factors::table.filter(factors::user_no.eq(user)))
        .execute(conn)
        .await?;
    Ok(())
}

/// Removes logins that ended or lapsed before `before`, with their chains.
pub async fn delete_before(
    conn: &mut AsyncPgConnection,
    before: DateTime<Utc>,
) -> QueryResult<usize> {
    diesel::delete(
        sessions::table.filter(
            sessions::expires_at
                .lt(before)
                .or(sessions::ended_at.lt(before)),
        ),
    )
    .execute(conn)
    .await
}

/// A refresh token by its hash.
pub async fn find_refresh(
    conn: &mut AsyncPgConnection,
    hash: &[u8],
) -> QueryResult<Option<RefreshToken>> {
    RefreshToken::query()
        .filter(refresh_tokens::hash.eq(hash))
        .first(conn)
        .await
        .optional()
}

/// A refresh token by its hash, with its person.
pub async fn find_refresh_with_user(
    conn: &mut AsyncPgConnection,
    hash: &[u8],
) -> QueryResult<Option<(RefreshToken, User)>> {
    refresh_tokens::table
        .inner_join(sessions::table.on(sessions::id.eq(refresh_tokens::session)))
        .inner_join(users::table.on(users::number.eq(sessions::user_no)))
        .filter(refresh_tokens::hash.eq(hash))
        .select((RefreshToken::as_select(), User::as_select()))
        .first(conn)
        .await
        .optional()
}

/// Stores a refresh token that nobody has used yet.
pub async fn insert_refresh(
    mut conn: &AsyncPgConnection,
    hash: &[u8],
    session: SessionId,
    at: DateTime<Utc>,
) -> QueryResult<usize> {
    diesel::insert_into(refresh_tokens::table)
        .values((
            refresh_tokens::hash.eq(hash),
            refresh_tokens::session.eq(session),
            refresh_tokens::issued_at.eq(at),
        ))
        .execute(&mut conn)
        .await
}

/// Exchanges a token for its successor, in one turn to the server. What older ones were exchanged for is no longer handed
/// out.
pub async fn exchange(
    conn: &AsyncPgConnection,
    token: &RefreshToken,
    successor: &[u8],
    sealed: &[u8],
    at: DateTime<Utc>,
) -> QueryResult<()> {
    let (mut first, mut second) = (conn, conn);
    let forget = diesel::update(refresh_tokens::table)
        .filter(refresh_tokens::session.eq(token.session))
        .filter(refresh_tokens::hash.ne(&token.hash))
        .filter(refresh_tokens::successor_sealed.is_not_null())
        .set(refresh_tokens::successor_sealed.eq(None::<Vec<u8>>))
        .execute(&mut first);
    let exchange = diesel::update(refresh_tokens::table.find(&token.hash))
        .set((
            refresh_tokens::used_at.eq(at),
            refresh_tokens::successor.eq(successor),
            refresh_tokens::successor_sealed.eq(sealed),
        ))
        .execute(&mut second);
    let insert = insert_refresh(conn, successor, token.session, at);
    try_join!(forget, exchange, insert)?;
    Ok(())
}
