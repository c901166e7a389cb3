//! Secrets of all devices of a user: shown again, or all made anew.
use super::{DeviceSecret, Devices, RotateDevice};
use crate::{
    error::{Error, Result},
    models::{DeviceId, Named},
    repositories::{devices, users},
    services::{callers::Caller, idempotency::Keep, links, users::locked},
};
use diesel_async::AsyncConnection;

impl Devices {
    /// The secrets of a page of a user's live devices, and whether more follow; that they were shown is audited.
    pub async fn show_all(
        &self,
        principal: &str,
        who: &Named,
        page: (Option<DeviceId>, i64),
    ) -> Result<(Vec<DeviceSecret>, bool)> {
        let mut conn = self.store.conn().await?;
        let user = users::find(&mut conn, who)
            .await?
            .ok_or(Error::NotFound("user"))?;
        self.show(&mut conn, principal, user.number, page).await
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
                by.must_manage_of(&user)?;
                let nodes = links::nodes_for(conn, user.number, None).await?;
                let mut made = Vec::new();
                for id in devices::live_of(conn, user.number).await? {
                    let (detail, secret) = self.renew(conn, by, id, &fresh).await?;
                    made.push(self.with_links(detail, secret, &nodes)?);
                }
                keep.answer(conn, &made).await?;
                Ok::<_, Error>(made)
            })
            .await?;
        self.store.caught_up(conn).await?;
        Ok(made)
    }
}
