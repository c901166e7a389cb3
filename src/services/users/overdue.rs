//! What is due of accounts without anybody asking: those whose grace is over are erased, those who expired are noted.
use super::Users;
use crate::{
    error::{Error, Result},
    repositories::{Db, users},
    services::callers::Caller,
};
use chrono::TimeDelta;
use std::time::Duration;

/// Accounts a sweep; the rest are the next one's.
const LAPSED: i64 = 5_000;
/// Accounts a round, about; each is a transaction of its own.
const ERASED: usize = 100;
/// So many are looked up at once.
const PART: i64 = 100;

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
        Ok(users::lapse(&mut *self.db.get().await?, now, LAPSED).await?)
    }

    /// Erases accounts that were deleted longer ago than the grace. Gives how many. One that cannot be erased holds up no
    /// other; the round ends as having failed.
    pub async fn erase(&self) -> Result<usize> {
        let now = self.users.store.clock.now();
        let Some(before) = TimeDelta::from_std(self.grace)
            .ok()
            .and_then(|grace| now.checked_sub_signed(grace))
        else {
            return Ok(0);
        };
        let by = Caller::trusted("retention");
        let (mut erased, mut failed, mut after) = (0, None, None);
        while erased < ERASED {
            let mut conn = self.db.get().await?;
            let part = users::overdue(&mut conn, before, after, PART).await?;
            drop(conn);
            let Some(last) = part.last() else {
                break;
            };
            after = Some(*last);
            for (_, id) in part {
                match self.users.erase_overdue(&by, id, before).await {
                    Ok(true) => erased += 1,
                    Ok(false) => {}
                    Err(error @ (Error::Pool(_) | Error::Unavailable(_))) => return Err(error),
                    Err(error) => {
                        tracing::error!(user = %id, error = ?error, "an account cannot be erased");
                        failed = Some(error);
                    }
                }
            }
        }
        failed.map_or(Ok(erased), Err)
    }
}
