//! One verb on many users.
use super::view::{CreateUserBody, UserView};
use crate::{
    error::{Error, Result},
    handlers::{
        batch::Refused,
        idempotency::Once,
        json::Json,
        principal::{May, UsersWrite},
        problem::Problem,
    },
    models::{Role, Window},
    services::{
        Services,
        users::{Batch, BatchAction, BatchItem, BatchUsers},
    },
};
use actix_web::{HttpResponse, http::StatusCode, post, web::Data};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

pub fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.service(batch_users);
}

/// What is done to which users; a field that does not belong to the action is refused.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UserBatchBody {
    pub action: UserVerb,
    /// 1 to 1000 ids or names; none for `create`.
    #[serde(default)]
    #[schema(max_items = 1000)]
    pub users: Vec<String>,
    /// Say what would happen, and change nothing.
    #[serde(default)]
    pub dry_run: bool,
    /// Of `create`: names are the prefix and a number.
    pub prefix: Option<String>,
    /// Of `create`: the first number; 1 when nothing is said.
    pub first: Option<u32>,
    /// Of `create`: how many, 1 to 1000.
    #[schema(minimum = 1, maximum = 1000)]
    pub count: Option<u32>,
    /// Of `create`: what each is made with.
    pub like: Option<LikeBody>,
    /// Of `extend`: from the expiry on, or from now if that is past.
    pub days: Option<i64>,
    /// Of `add_bytes`: added to the quota, or taken from it, never below 0.
    pub bytes: Option<i64>,
    /// Of `set_group`: the one group that they are in from now on.
    pub group: Option<String>,
    /// Of `set_plan`: id or name; absent: they have none from now on.
    pub plan: Option<String>,
    /// Of `delete`: erase for ever.
    pub hard: Option<bool>,
}

/// A verb.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum UserVerb {
    Create,
    Extend,
    AddBytes,
    SetGroup,
    SetPlan,
    Suspend,
    Activate,
    Reset,
    Delete,
}

/// What a user is made with, but for its name.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LikeBody {
    pub role: Option<Role>,
    #[serde(default)]
    #[schema(max_length = 4096)]
    pub note: String,
    #[schema(minimum = 0)]
    pub quota: Option<i64>,
    pub window: Option<Window>,
    pub expires_at: Option<DateTime<Utc>>,
    #[schema(minimum = 1)]
    pub expires_in: Option<i64>,
    #[serde(default)]
    pub on_hold: bool,
    #[schema(minimum = 0)]
    pub device_limit: Option<i32>,
    #[schema(minimum = 0)]
    pub online_limit: Option<i32>,
    #[schema(max_items = 100)]
    pub groups: Option<Vec<String>>,
    pub plan: Option<String>,
}

impl LikeBody {
    fn named(self) -> CreateUserBody {
        CreateUserBody {
            name: String::new(),
            role: self.role,
            email: None,
            note: self.note,
            quota: self.quota,
            window: self.window,
            expires_at: self.expires_at,
            expires_in: self.expires_in,
            on_hold: self.on_hold,
            device_limit: self.device_limit,
            online_limit: self.online_limit,
            groups: self.groups,
            plan: self.plan,
        }
    }
}

impl UserBatchBody {
    /// The first field that belongs to another action.
    fn astray(&self) -> Option<&'static str> {
        let of = |verb, given: bool, field| (self.action != verb && given).then_some(field);
        of(UserVerb::Create, self.prefix.is_some(), "prefix")
            .or(of(UserVerb::Create, self.first.is_some(), "first"))
            .or(of(UserVerb::Create, self.count.is_some(), "count"))
            .or(of(UserVerb::Create, self.like.is_some(), "like"))
            .or(of(UserVerb::Extend, self.days.is_some(), "days"))
            .or(of(UserVerb::AddBytes, self.bytes.is_some(), "bytes"))
            .or(of(UserVerb::SetGroup, self.group.is_some(), "group"))
            .or(of(UserVerb::SetPlan, self.plan.is_some(), "plan"))
            .or(of(UserVerb::Delete, self.hard.is_some(), "hard"))
    }

    fn read(self) -> Result<BatchUsers> {
        if let Some(field) = self.astray() {
            return Err(Error::field(field, "does not belong to this action"));
        }
        let missing = |field: &'static str| Error::field(field, "is required");
        let action = match self.action {
            UserVerb::Create => BatchAction::Create {
                prefix: self.prefix.ok_or_else(|| missing("prefix"))?,
                first: self.first.unwrap_or(1),
                count: self.count.ok_or_else(|| missing("count"))?,
                like: Box::new(self.like.unwrap_or_default().named().into()),
            },
            UserVerb::Extend => BatchAction::Extend {
                days: self.days.ok_or_else(|| missing("days"))?,
            },
            UserVerb::AddBytes => BatchAction::AddBytes {
                bytes: self.bytes.ok_or_else(|| missing("bytes"))?,
            },
            UserVerb::SetGroup => BatchAction::SetGroup {
                group: self.group.ok_or_else(|| missing("group"))?,
            },
            UserVerb::SetPlan => BatchAction::SetPlan { plan: self.plan },
            UserVerb::Suspend => BatchAction::Suspend,
            UserVerb::Activate => BatchAction::Activate,
            UserVerb::Reset => BatchAction::Reset,
            UserVerb::Delete => BatchAction::Delete {
                hard: self.hard.unwrap_or(false),
            },
        };
        Ok(BatchUsers {
            action,
            users: self.users,
            dry_run: self.dry_run,
        })
    }
}

/// What became of the users.
#[derive(Serialize, ToSchema)]
pub struct UserBatchView {
    pub dry_run: bool,
    pub done: usize,
    pub failed: usize,
    /// In the order in which they were named.
    pub items: Vec<UserItemView>,
}

/// What became of one.
#[derive(Serialize, ToSchema)]
pub struct UserItemView {
    /// As the caller named it.
    pub name: String,
    /// What the verb alone would have answered.
    pub status: u16,
    /// `null`: it could not be done, or the user is erased.
    pub user: Option<UserView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Refused>,
}

impl UserItemView {
    fn of(item: &BatchItem, done: u16) -> Self {
        let error = item.done.as_ref().err().map(Refused::from);
        let left = item.done.as_ref().ok().and_then(Clone::clone);
        let left = left.filter(|detail| detail.user.erased_at.is_none());
        Self {
            name: item.user.clone(),
            status: error.as_ref().map_or(done, |e| e.status),
            user: left.map(UserView::from),
            error,
        }
    }
}

impl UserBatchView {
    fn of(batch: &Batch, done: u16) -> Self {
        let failed = batch.items.iter().filter(|i| i.done.is_err()).count();
        let view = |item: &BatchItem| UserItemView::of(item, done);
        Self {
            dry_run: batch.dry_run,
            done: batch.items.len() - failed,
            failed,
            items: batch.items.iter().map(view).collect(),
        }
    }
}

/// Do one thing to many users, or make many; each has its own result.
#[utoipa::path(tag = "users", params(Once), request_body = UserBatchBody, responses((status = 200, body = UserBatchView), (status = 409, body = Problem), (status = 422, body = Problem)))]
#[post("/users:batch")]
async fn batch_users(
    by: May<UsersWrite>,
    app: Data<Services>,
    once: Once,
    body: Json<UserBatchBody>,
) -> Result<HttpResponse> {
    let batch = body.0.read()?;
    let status = match &batch.action {
        BatchAction::Create { .. } => 201,
        BatchAction::Delete { hard: true } => 204,
        _ => 200,
    };
    once.unless(batch.dry_run)
        .run(
            &app,
            StatusCode::OK,
            async |keep| app.users.batch(&by, &batch, keep).await,
            |done| UserBatchView::of(done, status),
        )
        .await
}
