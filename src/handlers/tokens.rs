//! API tokens over HTTP.
use super::{
    idempotency::Once,
    json::Json,
    nodes::ListPage,
    page::{self, Page},
    principal::{May, TokensRead, TokensWrite},
    problem::Problem,
    query::Params,
};
use crate::{
    error::Result,
    models::{Named, Token, TokenId},
    services::{Services, tokens::CreateToken},
};
use actix_web::{
    HttpResponse, delete, get, post,
    web::{Data, Path},
};
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

/// The routes.
pub fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.service(list_tokens)
        .service(create_token)
        .service(revoke_token);
}

/// A token, without its secret, which nobody has any more.
#[derive(Debug, Serialize, ToSchema)]
pub struct TokenView {
    pub id: TokenId,
    pub name: String,
    pub scopes: Vec<String>,
    /// From where it may be used; empty: from anywhere.
    pub allowed_cidrs: Vec<String>,
    pub created_by: String,
    pub created_at: DateTime<Utc>,
    pub expires_at: Option<DateTime<Utc>>,
    /// To the minute.
    pub last_used_at: Option<DateTime<Utc>>,
    pub revoked_at: Option<DateTime<Utc>>,
}

impl From<Token> for TokenView {
    fn from(token: Token) -> Self {
        Self {
            id: token.id,
            name: token.name,
            scopes: token.scopes,
            allowed_cidrs: token
                .allowed_cidrs
                .iter()
                .map(ToString::to_string)
                .collect(),
            created_by: token.created_by,
            created_at: token.created_at,
            expires_at: token.expires_at,
            last_used_at: token.last_used_at,
            revoked_at: token.revoked_at,
        }
    }
}

/// A token with its secret, shown this once.
#[derive(Serialize, ToSchema)]
pub struct TokenSecretView {
    #[serde(flatten)]
    pub token: TokenView,
    /// Goes into `Authorization: Bearer`.
    pub secret: String,
}

impl From<(Token, SecretString)> for TokenSecretView {
    fn from((token, secret): (Token, SecretString)) -> Self {
        Self {
            token: token.into(),
            secret: secret.expose_secret().to_owned(),
        }
    }
}

/// What a token is made with.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateTokenBody {
    /// What it is for; unique among live tokens.
    #[schema(min_length = 1, max_length = 64)]
    pub name: String,
    /// `noun:read`, `noun:write`, or `*`; no more than the caller holds.
    #[schema(min_items = 1)]
    pub scopes: Vec<String>,
    /// From where it may be used; absent or empty: from anywhere, or from where the token that asks may be used.
    #[serde(default)]
    pub allowed_cidrs: Vec<String>,
    /// Absent: never, or with the token that asks, which it cannot outlive.
    pub expires_at: Option<DateTime<Utc>>,
    /// Seconds from now.
    #[schema(minimum = 1)]
    pub expires_in: Option<i64>,
}

impl From<CreateTokenBody> for CreateToken {
    fn from(body: CreateTokenBody) -> Self {
        Self {
            name: body.name,
            scopes: body.scopes,
            allowed_cidrs: body.allowed_cidrs,
            expires_at: body.expires_at,
            expires_in: body.expires_in,
        }
    }
}

/// List tokens that are not revoked.
#[utoipa::path(tag = "tokens", params(ListPage), responses((status = 200, body = Page<TokenView>)))]
#[get("/tokens")]
async fn list_tokens(
    _may: May<TokensRead>,
    app: Data<Services>,
    query: Params<ListPage>,
) -> Result<HttpResponse> {
    let limit = page::limit(query.0.limit)?;
    let after = page::cursor(query.0.cursor.as_deref())?;
    let rows = app.tokens.list(after, limit + 1).await?;
    let page = Page::new(rows, limit, |row| row.id, TokenView::from);
    Ok(HttpResponse::Ok().json(page))
}

/// Make a token; its secret is shown in this answer and never again.
#[utoipa::path(tag = "tokens", params(Once), request_body = CreateTokenBody, responses((status = 201, body = TokenSecretView), (status = 409, body = Problem), (status = 422, body = Problem)))]
#[post("/tokens")]
async fn create_token(
    by: May<TokensWrite>,
    app: Data<Services>,
    once: Once,
    body: Json<CreateTokenBody>,
) -> Result<HttpResponse> {
    let create = body.0.into();
    once.created::<_, TokenSecretView>(&app, async |keep| {
        app.tokens.create(&by, &create, keep).await
    })
    .await
}

/// Revoke a token, not one of somebody of a higher rank: refused from the answer on.
#[utoipa::path(tag = "tokens", params(("token" = String, Path, description = "Id or name")), responses((status = 200, body = TokenView), (status = 403, body = Problem), (status = 404, body = Problem)))]
#[delete("/tokens/{token}")]
async fn revoke_token(
    by: May<TokensWrite>,
    app: Data<Services>,
    token: Path<String>,
) -> Result<HttpResponse> {
    let token = Named::from(token.as_str());
    let token = app.tokens.revoke(&by, &token).await?;
    Ok(HttpResponse::Ok().json(TokenView::from(token)))
}
