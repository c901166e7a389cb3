//! API tokens, found by the SHA-256 of their secret.
use crate::{
    models::{Named, Token, TokenId, UserNo},
    schema::api_tokens,
};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use ipnet::IpNet;
use uuid::Uuid;

/// A token to be stored.
#[derive(Debug, Insertable)]
#[diesel(table_name = api_tokens, check_for_backend(diesel::pg::Pg))]
pub struct NewToken<'a> {
    pub id: TokenId,
    pub name: &'a str,
    pub secret_hash: &'a [u8],
    pub scopes: &'a [String],
    pub allowed_cidrs: &'a [IpNet],
    pub created_by: &'a str,
    pub owner_no: Option<UserNo>,
    pub created_at: DateTime<Utc>,
    pub expires_at: Option<DateTime<Utc>>,
}

/// Stores a token.
pub async fn insert(conn: &mut AsyncPgConnection, new: &NewToken<'_>) -> QueryResult<Token> {
    diesel::insert_into(api_tokens::table)
        .values(new)
        .returning(Token::as_returning())
        .get_result(conn)
        .await
}

/// The token with this hash, whatever its state.
pub async fn find_hash(conn: &mut AsyncPgConnection, hash: &[u8]) -> QueryResult<Option<Token>> {
    Token::query()
        .filter(api_tokens::secret_hash.eq(hash))
        .first(conn)
        .await
        .optional()
}

/// A token by its id, whatever its state.
pub async fn find(conn: &mut AsyncPgConnection, id: TokenId) -> QueryResult<Option<Token>> {
    Token::query()
        .filter(api_tokens::id.eq(id))
        .first(conn)
        .await
        .optional()
}

/// One page of tokens that are not revoked, by id.
pub async fn list(
    conn: &mut AsyncPgConnection,
    after: Option<Uuid>,
    limit: i64,
) -> QueryResult<Vec<Token>> {
    let mut query = Token::query()
        .filter(api_tokens::revoked_at.is_null())
        .order(api_tokens::id)
        .limit(limit)
        .into_boxed();
    if let Some(after) = after {
        query = query.filter(api_tokens::id.gt(after));
    }
    query.load(conn).await
}

/// Revokes a token by id or name; `None`: there is no such live one.
pub async fn revoke(
    conn: &mut AsyncPgConnection,
    which: &Named,
    at: DateTime<Utc>,
) -> QueryResult<Option<Token>> {
    let live = api_tokens::revoked_at.is_null();
    match which {
        Named::Id(id) => {
            diesel::update(api_tokens::table.filter(live.and(api_tokens::id.eq(id))))
                .set(api_tokens::revoked_at.eq(at))
                .returning(Token::as_returning())
                .get_result(conn)
                .await
        }
        Named::Name(name) => {
            let named = super::users::lower(api_tokens::name).eq(super::users::lower(name));
            diesel::update(api_tokens::table.filter(live.and(named)))
                .set(api_tokens::revoked_at.eq(at))
                .returning(Token::as_returning())
                .get_result(conn)
                .await
        }
    }
    .optional()
}

/// Notes a use.
pub async fn touch(
    conn: &mut AsyncPgConnection,
    id: TokenId,
    at: DateTime<Utc>,
) -> QueryResult<usize> {
    diesel::update(api_tokens::table.find(id))
        .set(api_tokens::last_used_at.eq(at))
        .execute(conn)
        .await
}
