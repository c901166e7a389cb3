//! One verb on many devices: one transaction with a savepoint a device, as for users.
use super::{DeviceDetail, DeviceSecret, Devices, RotateDevice, found};
use crate::{
    error::{Error, Result},
    models::DeviceId,
    repositories::{devices, traffic::Kicked},
    services::{callers::Caller, idempotency::Keep, links, users::own},
};
use diesel_async::{AsyncConnection, AsyncPgConnection};
use std::collections::HashSet;

/// The most devices of one batch.
const MOST: usize = 1_000;

/// What is done to each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceAction {
    Block,
    Unblock,
    Rotate,
    Kick,
    Remove,
}

/// What became of them, in the order in which they were named.
#[derive(Debug)]
pub struct DeviceBatch {
    pub dry_run: bool,
    pub items: Vec<DeviceItem>,
}

/// What became of one.
#[derive(Debug)]
pub struct DeviceItem {
    pub device: DeviceId,
    pub done: Result<DeviceOutcome>,
}

/// What was done.
#[derive(Debug)]
pub enum DeviceOutcome {
    Changed(Box<DeviceDetail>),
    /// With its new secret; of a dry run there is none to tell.
    Rotated(Box<DeviceSecret>),
    /// So many connections are being closed.
    Kicked(Box<DeviceDetail>, usize),
}

impl Devices {
    /// Does it. Only what concerns one device is said of that one; a store that is away ends the whole, undone.
    pub async fn batch(
        &self,
        by: &Caller,
        action: DeviceAction,
        named: &[DeviceId],
        dry_run: bool,
        keep: &Keep<'_, DeviceBatch>,
    ) -> Result<DeviceBatch> {
        if !(1..=MOST).contains(&named.len()) {
            return Err(Error::field("devices", "must be 1 to 1000"));
        }
        let mut conn = self.store.conn().await?;
        let mut taken_back = None;
        let done = conn
            .transaction(async |conn| {
                let (items, open) = self.each(conn, by, (action, dry_run), named).await?;
                let done = DeviceBatch { dry_run, items };
                if dry_run {
                    taken_back = Some(done);
                    return Err(diesel::result::Error::RollbackTransaction.into());
                }
                keep.answer(conn, &done).await?;
                Ok::<_, Error>((done, open))
            })
            .await;
        if let Some(dry) = taken_back {
            return Ok(dry);
        }
        let (done, open) = done?;
        self.displace(&open).await;
        self.store.caught_up(conn).await?;
        Ok(done)
    }

    /// In every writer's order: owners by number, then devices by number.
    async fn each(
        &self,
        conn: &mut AsyncPgConnection,
        by: &Caller,
        how: (DeviceAction, bool),
        named: &[DeviceId],
    ) -> Result<(Vec<DeviceItem>, Vec<Kicked>)> {
        let (mut order, mut met) = (Vec::new(), HashSet::new());
        let (mut items, mut open) = (Vec::new(), Vec::new());
        for (place, id) in named.iter().enumerate() {
            let done = match devices::find(conn, *id).await? {
                Some(owned) if met.insert(owned.0.number) => {
                    order.push((owned.0.user_no, owned.0.number, place));
                    Ok(DeviceOutcome::Changed(Box::new(owned.into())))
                }
                Some(_) => Err(Error::field("devices", "is named twice")),
                None => Err(Error::NotFound("device")),
            };
            items.push(DeviceItem { device: *id, done });
        }
        order.sort_unstable();
        for (_, _, place) in order {
            let Some(item) = items.get_mut(place) else {
                continue;
            };
            let id = item.device;
            let done = conn
                .transaction(async |conn| self.one(conn, by, how, id).await)
                .await;
            item.done = own(done)?.map(|(outcome, kicked)| {
                open.extend(kicked);
                outcome
            });
        }
        Ok((items, open))
    }

    async fn one(
        &self,
        conn: &mut AsyncPgConnection,
        by: &Caller,
        (action, dry_run): (DeviceAction, bool),
        id: DeviceId,
    ) -> Result<(DeviceOutcome, Vec<Kicked>)> {
        let changed = |detail| DeviceOutcome::Changed(Box::new(detail));
        let outcome = match action {
            DeviceAction::Block => changed(self.block_in(conn, by, id, true).await?),
            DeviceAction::Unblock => changed(self.block_in(conn, by, id, false).await?),
            DeviceAction::Remove => changed(self.remove_in(conn, by, id).await?),
            DeviceAction::Rotate => {
                let fresh = RotateDevice::default();
                let (detail, secret) = self.renew(conn, by, id, &fresh).await?;
                if dry_run {
                    // nothing is kept: this secret will never let anybody in
                    changed(detail)
                } else {
                    let nodes = links::nodes_for(conn, detail.device.user_no, None).await?;
                    let made = self.with_links(detail, secret, &nodes)?;
                    DeviceOutcome::Rotated(Box::new(made))
                }
            }
            DeviceAction::Kick => {
                let open = self.kick_in(conn, by, id).await?;
                let detail = Box::new(found(conn, id).await?);
                return Ok((DeviceOutcome::Kicked(detail, open.len()), open));
            }
        };
        Ok((outcome, Vec::new()))
    }
}
