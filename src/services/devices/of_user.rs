//! Secrets of all devices of a user: shown again, or all made anew.
use super::{DeviceSecret, Devices, RotateDevice};
use crate::{
    error::{Error, Result},
    models::Named,
    repositories::{devices, users},
    services::{callers::Caller, idempotency::Keep, users::locked},
};
use diesel_async::AsyncConnection;

impl Devices {
    /// The secrets of a user's live devices; that they were shown is audited.
    pub async fn show_all(&self, principal: &str, who: &Named) -> Result<Vec<DeviceSecret>> {
        let mut conn = self.store.conn().await?;
        let user = users::find(&mut conn, who)
            .await?
            .ok_or(Error::NotFound("user"))?;
        let mut all = Vec::new();
        for id in devices::live_of(&mut conn, user.number).await? {
            all.push(self.show(&mut conn, principal, id).await?);
        }
        Ok(all)
    }

    /// Gives every live device of a user a new secret: the old ones are refused from the answer on.
    pub async fn renew_all(
        &self,
        by: &Caller,
        who: &Named,
        keep: &Keep<'_, Vec<DeviceSecret>>,
    ) -> Result<Vec<DeviceSecret>> {
        let fresh = RotateDevice::default();
        let mut conn = self.store.conn().await?;
        let made = conn
            .transaction(async |conn| {
                let user = locked(conn, who).await?;
                // what is one's own, one may renew whatever one's rank
                if by.user != Some(user.number) {
                    by.must_manage(user.role)?;
                }
                let mut made = Vec::new();
                for id in devices::live_of(conn, user.number).await? {
                    made.push(self.renew(conn, &by.name, id, &fresh).await?);
                }
                keep.answer(conn, &made).await?;
                Ok::<_, Error>(made)
            })
            .await?;
        self.store.caught_up(conn).await?;
        Ok(made)
    }
}
