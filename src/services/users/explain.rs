//! Why a user is refused: what would be said now, and what was said lately.
use super::{UserDetail, Users};
use crate::{
    admission::Code,
    error::{Error, Result},
    models::{DeviceId, DeviceNo, Named, NodeNo, UserNo},
    repositories::{devices, nodes, users},
};
use chrono::{DateTime, Utc};
use diesel_async::AsyncPgConnection;
use std::{collections::HashMap, net::IpAddr};

/// A user and its last refusals, newest first.
#[derive(Clone, Debug)]
pub struct Explained {
    pub user: UserDetail,
    pub refusals: Vec<Refusal>,
}

/// One refused login, as this instance remembers it.
#[derive(Clone, Debug)]
pub struct Refusal {
    pub at: DateTime<Utc>,
    pub code: Code,
    /// The node's name, while it lives.
    pub node: Option<String>,
    pub device: Option<(DeviceId, String)>,
    pub addr: Option<IpAddr>,
    /// Of an unknown credential: enough of its keyed hash to tell two apart.
    pub prefix: Option<u32>,
}

impl Users {
    /// A user's last refusals.
    pub async fn explain(&self, who: &Named) -> Result<Explained> {
        let mut conn = self.store.conn().await?;
        let user = users::find(&mut conn, who)
            .await?
            .ok_or(Error::NotFound("user"))?;
        let refusals = self.refusals(&mut conn, Some(user.number), 8).await?;
        let user = self.detail(&mut conn, user).await?;
        Ok(Explained { user, refusals })
    }

    /// The last refusals of a user, or of credentials that nobody has.
    pub async fn decisions(&self, who: Option<&Named>, limit: usize) -> Result<Vec<Refusal>> {
        let mut conn = self.store.conn().await?;
        let user = match who {
            None => None,
            Some(who) => {
                let user = users::find(&mut conn, who).await?;
                Some(user.ok_or(Error::NotFound("user"))?.number)
            }
        };
        self.refusals(&mut conn, user, limit).await
    }

    async fn refusals(
        &self,
        conn: &mut AsyncPgConnection,
        user: Option<UserNo>,
        limit: usize,
    ) -> Result<Vec<Refusal>> {
        let mut refused = match user {
            Some(user) => self.recent.of_user(user),
            None => self.recent.unknown(limit),
        };
        refused.truncate(limit);
        let on: Vec<NodeNo> = refused.iter().map(|r| r.node).collect();
        let by: Vec<DeviceNo> = refused.iter().filter_map(|r| r.device).collect();
        let node_names = nodes::names(conn, &on).await?;
        let node_names: HashMap<_, _> = node_names.into_iter().map(|(no, _, n)| (no, n)).collect();
        let device_names = devices::names(conn, &by).await?;
        let device_names: HashMap<_, _> = device_names
            .into_iter()
            .map(|(no, id, name)| (no, (id, name)))
            .collect();
        let named = refused.into_iter().map(|r| Refusal {
            at: r.at,
            code: r.code,
            node: node_names.get(&r.node).cloned(),
            device: r.device.and_then(|no| device_names.get(&no).cloned()),
            addr: r.addr,
            prefix: r.prefix,
        });
        Ok(named.collect())
    }
}
