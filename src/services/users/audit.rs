//! What was done to a user and its devices, and by whom.
use super::Users;
use crate::{
    error::{Error, Result},
    models::Named,
    repositories::{
        audit::{self, Entry},
        devices, users,
    },
};

impl Users {
    /// One page of what was done to a user and to its devices, newest first.
    pub async fn audit(&self, who: &Named, before: Option<i64>, limit: i64) -> Result<Vec<Entry>> {
        let mut conn = self.store.conn().await?;
        let user = match who {
            // what was done to an erased user stays written
            Named::Id(id) => users::find_erased(&mut conn, *id).await?,
            Named::Name(_) => users::find(&mut conn, who).await?,
        };
        let user = user.ok_or(Error::NotFound("user"))?;
        let mut subjects = vec![format!("user:{}", user.id)];
        for device in devices::ids_of(&mut conn, user.number).await? {
            subjects.push(format!("device:{device}"));
        }
        Ok(audit::of(&mut conn, &subjects, before, limit).await?)
    }
}
