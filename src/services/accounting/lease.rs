//! Which nodes this instance reads: row leases with an epoch, shared out over the instances that live.
use crate::{
    error::Result,
    models::InstanceId,
    repositories::{
        Db,
        readings::{self, Lease},
    },
};
use chrono::TimeDelta;

/// How long a lease stands without being renewed. A holder that dies is replaced after this long.
pub const TTL: TimeDelta = TimeDelta::seconds(6);

/// Takes and keeps leases for one instance.
pub struct Leasing {
    db: Db,
    me: InstanceId,
    /// No other instance may live beside this one: whatever another held is free at once.
    alone: bool,
}

impl Leasing {
    /// Leases for `me`; `alone` if this instance holds the installation exclusively.
    pub fn new(db: Db, me: InstanceId, alone: bool) -> Self {
        Self { db, me, alone }
    }

    /// One round: keeps a fair share, gives back the rest, takes what is free. Gives what is held now.
    pub async fn run_once(&self) -> Result<Vec<Lease>> {
        let mut conn = self.db.get().await?;
        Ok(readings::lease(&mut conn, self.me, TTL, self.alone).await?)
    }

    /// Gives everything back.
    pub async fn release(&self) -> Result<()> {
        let mut conn = self.db.get().await?;
        readings::release(&mut conn, self.me).await?;
        Ok(())
    }
}
