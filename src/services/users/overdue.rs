//! What is due of accounts without anybody asking: those whose grace is over are erased, those who expired are noted.
use super::Users;
use crate::{
    error::Result,
    models::Named,
    repositories::{Db, users},
    services::callers::Caller,
};
use chrono::TimeDelta;
use std::time::Duration;

/// Accounts a sweep; the rest are the next one's.
const PART: i64 = 5_000;
/// Each is a transaction of its own.
const ERASED: i64 = 100;

/// The service.
#[derive(Clone)]
pub struct Overdue {
    pub users: Users,
    /// Of jobs.
    pub db: Db,
    /// How long a deleted account can be restored.
    pub grace: Duration,
}

impl Overdue {
    /// Notes who expired since the last sweep, for lists. Gives how many.
    pub async fn lapse(&self) -> Result<usize> {
        let now = self.users.store.clock.now();
        Ok(users::lapse(&mut *self.db.get().await?, now, PART).await?)
    }

    /// Erases accounts that were deleted longer ago than the grace. Gives how many.
    pub async fn erase(&self) -> Result<usize> {
        let now = self.users.store.clock.now();
        let Some(before) = TimeDelta::from_std(self.grace)
            .ok()
            .and_then(|grace| now.checked_sub_signed(grace))
        else {
            return Ok(0);
        };
        let due = users::overdue(&mut *self.db.get().await?, before, ERASED).await?;
        let by = Caller::trusted("retention");
        for id in &due {
            self.users.erase(&by, &Named::Id(id.0)).await?;
        }
        Ok(due.len())
    }
}
