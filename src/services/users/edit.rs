//! Changing what people set of an account.
use super::{
    UserDetail, Users,
    create::{far, taken},
    managed,
    reset::restart,
    span, spare, trace,
};
use crate::{
    error::{Error, Result},
    models::{Ended, Named, Role, User, Window, name},
    repositories::{factors, sessions, users},
    services::{
        audit::seal_personal,
        callers::Caller,
        fields::{Fields, NOTE},
        store::{Seen, leave},
    },
};
use chrono::{DateTime, Utc};
use diesel_async::{AsyncConnection, AsyncPgConnection};
use serde_json::{Map, Value, json};
use validator::Validate;

/// What to change; `Some(None)` removes a value.
#[derive(Clone, Debug, Default, Validate)]
pub struct EditUser {
    pub name: Option<String>,
    pub role: Option<Role>,
    pub email: Option<Option<String>>,
    #[validate(length(max = NOTE))]
    pub note: Option<String>,
    #[validate(range(min = 0))]
    pub quota: Option<Option<i64>>,
    pub window: Option<Window>,
    pub expires_at: Option<Option<DateTime<Utc>>>,
    /// Seconds from now, or from the first admission of a user on hold.
    pub expires_in: Option<i64>,
    /// `false` starts the clock now.
    pub on_hold: Option<bool>,
    #[validate(range(min = 0))]
    pub device_limit: Option<Option<i32>>,
    #[validate(range(min = 0))]
    pub online_limit: Option<Option<i32>>,
    /// Starts the window in the same moment.
    pub reset: bool,
}

/// What an edit left.
pub(super) struct Edited {
    pub user: User,
    /// As it was, if its e-mail address is another now.
    pub moved: Option<User>,
}

impl EditUser {
    fn check(&self, now: DateTime<Utc>) -> Result<Option<String>> {
        let mut fields = Fields::declared(self);
        let name = self
            .name
            .as_ref()
            .and_then(|n| fields.take("name", name::name(n)));
        if let Some(email) = self.email.as_ref().and_then(Option::as_ref) {
            fields.take("email", name::email(email));
        }
        if let Some(seconds) = self.expires_in {
            fields.take("expires_in", span(seconds));
        }
        far(&mut fields, self.expires_at.flatten(), now);
        if self.expires_at.is_some() && self.expires_in.is_some() {
            fields.wrong("expires_in", "stands beside expires_at: give one of them");
        }
        fields.done()?;
        Ok(name)
    }

    /// Applies the change to a locked row.
    pub(super) fn apply(
        &self,
        user: &mut User,
        name: Option<String>,
        now: DateTime<Utc>,
    ) -> Result<()> {
        if let Some(name) = name {
            user.name_skeleton = Some(name::skeleton(&name));
            user.name = name;
        }
        user.role = self.role.unwrap_or(user.role);
        if let Some(email) = &self.email {
            user.email.clone_from(email);
        }
        if let Some(note) = &self.note {
            user.note.clone_from(note);
        }
        user.device_limit = self.device_limit.unwrap_or(user.device_limit);
        user.online_limit = self.online_limit.unwrap_or(user.online_limit);
        if let Some(quota) = self.quota {
            user.quota = quota;
            // a threshold that lies ahead again is reported again
            if percent(user) < i64::from(user.warned_percent) {
                user.warned_percent = 0;
            }
        }
        if let Some(window) = self.window.filter(|w| *w != user.quota_window) {
            // what is used stays used until the new window's first boundary
            user.quota_window = window;
            user.window_started_at = now;
            user.window_anchor = user
                .activated_at
                .filter(|_| window == Window::Rolling30)
                .map(|_| now);
        }
        self.apply_hold(user, now)?;
        self.apply_expiry(user, now)
    }

    fn apply_hold(&self, user: &mut User, now: DateTime<Utc>) -> Result<()> {
        match self.on_hold {
            Some(true) if !user.is_on_hold() => {
                if user.activated_at.is_some() {
                    return Err(Error::State(
                        "the user's clock is running since its first login: it cannot be put on hold".to_owned(),
                    ));
                }
                let says_until = self.expires_at.is_some() || self.expires_in.is_some();
                if user.expires_at.is_some() && !says_until {
                    return Err(Error::field(
                        "on_hold",
                        "the user has a date: give expires_at null or expires_in with it",
                    ));
                }
                user.on_hold = true;
            }
            Some(false) if user.is_on_hold() => {
                user.activated_at = Some(now);
                user.expires_at = user.valid_for().map(|span| now + span);
                user.on_hold = false;
            }
            _ => {}
        }
        Ok(())
    }

    fn apply_expiry(&self, user: &mut User, now: DateTime<Utc>) -> Result<()> {
        let held = user.is_on_hold();
        match (self.expires_at, self.expires_in) {
            (Some(Some(_)), _) if held => {
                return Err(Error::field(
                    "expires_at",
                    "a user on hold has no date yet: give expires_in",
                ));
            }
            (Some(at), _) => {
                user.expires_at = at;
                user.valid_for_seconds = None;
            }
            (None, Some(seconds)) if held => {
                user.expires_at = None;
                user.valid_for_seconds = Some(seconds);
            }
            (None, Some(seconds)) => {
                let span = span(seconds).map_err(|why| Error::field("expires_in", why))?;
                user.expires_at = Some(now + span);
                user.valid_for_seconds = None;
            }
            (None, None) => {}
        }
        Ok(())
    }

    /// The personal values that were given, for the audit alone.
    fn personal(&self) -> Option<Value> {
        let given = [("name", &self.name), ("note", &self.note)];
        let email = self.email.as_ref().map(|email| ("email", json!(email)));
        let given: Map<_, _> = given
            .into_iter()
            .filter_map(|(field, value)| Some((field, json!(value.as_ref()?))))
            .chain(email)
            .map(|(field, value)| (field.to_owned(), value))
            .collect();
        (!given.is_empty()).then_some(Value::Object(given))
    }

    /// The fields that were given. Values of personal ones are left out: they would outlive an erasure.
    fn detail(&self) -> Value {
        let mut detail = Map::new();
        let mut put = |field: &str, given: bool, value: Value| {
            if given {
                detail.insert(field.to_owned(), value);
            }
        };
        put("name", self.name.is_some(), Value::Null);
        put("email", self.email.is_some(), Value::Null);
        put("note", self.note.is_some(), Value::Null);
        put("role", self.role.is_some(), json!(self.role));
        put("quota", self.quota.is_some(), json!(self.quota.flatten()));
        put("window", self.window.is_some(), json!(self.window));
        let at = self.expires_at.flatten();
        put("expires_at", self.expires_at.is_some(), json!(at));
        put(
            "expires_in",
            self.expires_in.is_some(),
            json!(self.expires_in),
        );
        put("on_hold", self.on_hold.is_some(), json!(self.on_hold));
        let (devices, online) = (self.device_limit, self.online_limit);
        put("device_limit", devices.is_some(), json!(devices.flatten()));
        put("online_limit", online.is_some(), json!(online.flatten()));
        put("reset", self.reset, json!(true));
        Value::Object(detail)
    }
}

/// How much of its quota a user has used, in whole percent.
fn percent(user: &User) -> i64 {
    match user.quota {
        Some(quota) if quota > 0 => {
            let percent = i128::from(user.used) * 100 / i128::from(quota);
            i64::try_from(percent).unwrap_or(i64::MAX)
        }
        Some(_) => 100,
        None => 0,
    }
}

impl Users {
    /// Changes what is given and leaves the rest. Of a new e-mail address the old one hears (L15).
    pub async fn edit(
        &self,
        by: &Caller,
        who: &Named,
        edit: &EditUser,
        seen: &Seen,
    ) -> Result<UserDetail> {
        let mut conn = self.store.conn().await?;
        let (detail, moved) = conn
            .transaction(async |conn| {
                let edited = self.edit_in(conn, by, who, edit, seen).await?;
                let detail = self.detail(conn, edited.user).await?;
                Ok::<_, Error>((detail, edited.moved))
            })
            .await?;
        self.store.caught_up(conn).await?;
        if let Some(old) = moved {
            self.post.email_changed(&old);
        }
        Ok(detail)
    }

    pub(super) async fn edit_in(
        &self,
        conn: &mut AsyncPgConnection,
        by: &Caller,
        who: &Named,
        edit: &EditUser,
        seen: &Seen,
    ) -> Result<Edited> {
        let now = self.store.clock.now();
        let name = edit.check(now)?;
        let old = managed(conn, by, who).await?;
        seen.check(old.version)?;
        if let Some(role) = edit.role.filter(|role| *role != old.role) {
            by.must_manage(role)?;
            by.must_be_fresh(now)?;
            spare(conn, &old).await?;
        }
        let mut user = old.clone();
        edit.apply(&mut user, name, now)?;
        let moved = user.email != old.email;
        if moved {
            // whoever reads the mail of an account may set its password (L11)
            by.must_be_fresh(now)?;
        }
        let mut user = users::update(conn, &user, now).await.map_err(taken)?;
        if moved {
            // what was opened before it ends, but for the login that changed it (S8)
            sessions::end_others(conn, user.number, by.login, Ended::Email, now).await?;
            sessions::end_tokens(conn, user.number, now).await?;
            factors::void_links(conn, user.number, now).await?;
        }
        if edit.reset {
            user = restart(conn, user.number, now).await?;
        }
        let trace = trace(&by.name, ("user.update", "user.updated"), &user, now);
        let personal = match edit.personal() {
            Some(detail) => {
                let (store, number) = (&self.store, user.number);
                seal_personal(conn, store, number, trace.action, &detail).await?
            }
            None => None,
        };
        leave(conn, trace.with(edit.detail()).with_personal(personal)).await?;
        Ok(Edited {
            user,
            moved: moved.then_some(old),
        })
    }
}
