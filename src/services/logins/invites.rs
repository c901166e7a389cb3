//! Invitations to register.
use super::{Logins, digest, fresh};
use crate::{
    error::{Error, Result},
    models::{Role, name},
    repositories::invites::{self, Invite, NewInvite},
    services::{
        callers::Caller,
        fields::Fields,
        idempotency::Keep,
        store::{Trace, leave},
        users::span,
    },
};
use chrono::TimeDelta;
use diesel_async::AsyncConnection;
use secrecy::SecretString;
use serde_json::json;
use uuid::Uuid;

const PREFIX: &str = "hywarden_inv_";

/// What an invitation gives.
#[derive(Clone, Debug, Default)]
pub struct CreateInvite {
    /// Only for this address.
    pub email: Option<String>,
    pub role: Option<Role>,
    pub quota: Option<i64>,
    /// Seconds from the registration.
    pub valid_for: Option<i64>,
    pub note: String,
    /// Seconds from now.
    pub expires_in: Option<i64>,
}

/// An invitation with what stands in its link, shown this once.
#[derive(Clone, Debug)]
pub struct InviteSecret {
    pub invite: Invite,
    pub secret: SecretString,
    pub url: SecretString,
}

impl Logins {
    /// Invites somebody, to nothing the caller could not make itself (A3).
    pub async fn invite(
        &self,
        by: &Caller,
        create: &CreateInvite,
        keep: &Keep<'_, InviteSecret>,
    ) -> Result<InviteSecret> {
        let now = self.now();
        let role = create.role.unwrap_or(Role::User);
        by.must_make(role, now)?;
        let mut fields = Fields::default();
        if let Some(email) = &create.email {
            fields.take("email", name::email(email));
        }
        if let Some(seconds) = create.valid_for {
            fields.take("valid_for", span(seconds));
        }
        fields.check(
            create.quota.is_none_or(|n| n >= 0),
            "quota",
            "must not be negative",
        );
        fields.check(
            create.note.chars().count() <= 4_096,
            "note",
            "must have at most 4096 characters",
        );
        let lifetime = match create.expires_in {
            Some(seconds) => fields.take("expires_in", span(seconds)),
            None => Some(self.settings.invite_lifetime),
        };
        fields.done()?;
        let secret = fresh(&*self.store.clock, PREFIX);
        let new = NewInvite {
            id: self.store.clock.uuid(),
            secret_hash: &digest(&secret),
            email: create.email.as_deref(),
            role,
            quota: create.quota,
            valid_for_seconds: create.valid_for,
            note: &create.note,
            created_by: &by.name,
            inviter_no: by.owner,
            created_at: now,
            expires_at: now + lifetime.unwrap_or(TimeDelta::days(7)),
        };
        let mut conn = self.store.conn().await?;
        conn.transaction(async |conn| {
            let invite = invites::insert(conn, &new).await?;
            let subject = format!("invite:{}", invite.id);
            let what = ("invite.create", "invite.created");
            let detail = json!({ "role": invite.role, "expires_at": invite.expires_at });
            leave(conn, Trace::new(&by.name, what, subject, now).with(detail)).await?;
            let made = InviteSecret {
                url: self.link("register", &secret),
                secret: secret.clone().into(),
                invite,
            };
            keep.answer(conn, &made).await?;
            Ok::<_, Error>(made)
        })
        .await
    }

    /// One page of invitations, newest first.
    pub async fn invites(&self, before: Option<Uuid>, limit: i64) -> Result<Vec<Invite>> {
        let mut conn = self.store.conn().await?;
        Ok(invites::list(&mut conn, before, limit).await?)
    }

    /// Takes an invitation back.
    pub async fn revoke_invite(&self, by: &Caller, id: Uuid) -> Result<Invite> {
        let now = self.now();
        let mut conn = self.store.conn().await?;
        conn.transaction(async |conn| {
            let invite = invites::revoke(conn, id, now).await?;
            let invite = invite.ok_or(Error::NotFound("invite"))?;
            by.must_manage(invite.role)?;
            let subject = format!("invite:{id}");
            let what = ("invite.revoke", "invite.revoked");
            leave(conn, Trace::new(&by.name, what, subject, now)).await?;
            Ok(invite)
        })
        .await
    }
}
