//! What was counted, shown: sums of users, devices and nodes, and who is connected.
pub use crate::repositories::traffic::Connection;
use crate::{
    error::{Error, Result},
    models::{DeviceId, DeviceNo, Named, NodeNo, UserNo},
    repositories::{
        devices, nodes,
        traffic::{self, By, Bytes, Filter, Span},
        users,
    },
    services::store::Store,
};
use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use diesel_async::AsyncPgConnection;
use std::collections::HashMap;
use uuid::Uuid;

/// The most parts that a sum is broken down into.
const PARTS: i64 = 100;

/// The service.
#[derive(Clone)]
pub struct Traffic {
    pub store: Store,
}

/// Whose bytes.
#[derive(Clone, Debug)]
pub enum Whose {
    User(Named),
    Device(DeviceId),
    Node(Named),
}

/// Bytes in each direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Sum {
    /// Upload.
    pub tx: i64,
    /// Download.
    pub rx: i64,
}

/// A part of a sum.
#[derive(Clone, Debug)]
pub struct Part {
    pub id: Uuid,
    /// Empty once its owner is erased.
    pub name: String,
    pub sum: Sum,
}

/// A sum with what it is made of, the largest parts first.
#[derive(Clone, Debug, Default)]
pub struct Traced {
    pub sum: Sum,
    pub users: Option<Vec<Part>>,
    pub devices: Option<Vec<Part>>,
    pub nodes: Option<Vec<Part>>,
    /// From this hour on.
    pub from: Option<DateTime<Utc>>,
    /// Up to this hour.
    pub to: Option<DateTime<Utc>>,
}

/// Which connections are asked for.
#[derive(Clone, Debug, Default)]
pub struct ConnectionsOf {
    pub user: Option<Named>,
    pub device: Option<DeviceId>,
    pub node: Option<Named>,
    /// Ended ones too.
    pub all: bool,
    pub after: Option<String>,
    pub limit: i64,
}

impl Traffic {
    /// The sum of a user, device or node: of its whole life, or of whole hours.
    pub async fn sum(
        &self,
        whose: &Whose,
        from: Option<DateTime<Utc>>,
        to: Option<DateTime<Utc>>,
    ) -> Result<Traced> {
        if from.zip(to).is_some_and(|(from, to)| from >= to) {
            return Err(Error::field("to", "must lie after from"));
        }
        let hour = |at: DateTime<Utc>| at.duration_trunc(TimeDelta::hours(1)).unwrap_or(at);
        let mut conn = self.store.conn().await?;
        let conn = &mut conn;
        let mut span = Span {
            from: from.map(hour),
            to: to.map(hour),
            ..Span::default()
        };
        match whose {
            Whose::User(user) => span.user = Some(user_no(conn, user).await?),
            Whose::Device(device) => {
                let (device, ..) = devices::find(conn, *device)
                    .await?
                    .ok_or(Error::NotFound("device"))?;
                // the key begins with the user; what a moved device left behind is the former owner's
                span.user = Some(device.user_no);
                span.device = Some(device.number);
            }
            Whose::Node(node) => span.node = Some(node_no(conn, node).await?),
        }
        let all = traffic::sums(conn, &span, By::All, 1).await?;
        let mut traced = Traced {
            sum: all.first().map_or_else(Sum::default, Sum::of),
            from: span.from,
            to: span.to,
            ..Traced::default()
        };
        if span.node.is_some() {
            traced.users = Some(parts(conn, &span, By::User).await?);
        } else {
            traced.nodes = Some(parts(conn, &span, By::Node).await?);
        }
        if span.device.is_none() && span.user.is_some() {
            traced.devices = Some(parts(conn, &span, By::Device).await?);
        }
        Ok(traced)
    }

    /// One page of connections.
    pub async fn connections(&self, of: &ConnectionsOf) -> Result<Vec<Connection>> {
        let mut conn = self.store.conn().await?;
        let conn = &mut conn;
        let mut filter = Filter {
            all: of.all,
            after: of.after.clone(),
            limit: of.limit,
            ..Filter::default()
        };
        if let Some(user) = &of.user {
            filter.user = Some(user_no(conn, user).await?);
        }
        if let Some(device) = of.device {
            let (device, ..) = devices::find(conn, device)
                .await?
                .ok_or(Error::NotFound("device"))?;
            filter.user = filter.user.or(Some(device.user_no));
            filter.device = Some(device.number);
        }
        if let Some(node) = &of.node {
            filter.node = Some(node_no(conn, node).await?);
        }
        Ok(traffic::connections(conn, &filter).await?)
    }
}

impl Sum {
    pub(in crate::services) fn of(bytes: &Bytes) -> Self {
        Self {
            tx: bytes.tx,
            rx: bytes.rx,
        }
    }
    /// Both directions.
    pub fn total(&self) -> i64 {
        self.tx.saturating_add(self.rx)
    }
}

/// A user by name, or by its id even after it was erased: its sums stay.
async fn user_no(conn: &mut AsyncPgConnection, who: &Named) -> Result<UserNo> {
    let found = match who {
        Named::Id(id) => users::find_erased(conn, *id).await?,
        Named::Name(_) => users::find(conn, who).await?,
    };
    Ok(found.ok_or(Error::NotFound("user"))?.number)
}

/// A node by name, or by its id even after it was deleted.
async fn node_no(conn: &mut AsyncPgConnection, which: &Named) -> Result<NodeNo> {
    let found = match which {
        Named::Id(id) => nodes::find_deleted(conn, *id).await?,
        Named::Name(_) => nodes::find(conn, which).await?.map(|(node, _)| node),
    };
    Ok(found.ok_or(Error::NotFound("node"))?.number)
}

pub(in crate::services) async fn parts(
    conn: &mut AsyncPgConnection,
    span: &Span,
    by: By,
) -> Result<Vec<Part>> {
    let sums = traffic::sums(conn, span, by, PARTS).await?;
    let numbers: Vec<i64> = sums.iter().map(|bytes| bytes.number).collect();
    let names: HashMap<i64, (Uuid, String)> = match by {
        By::User | By::All => {
            let numbers: Vec<UserNo> = numbers.iter().map(|n| UserNo(*n)).collect();
            let names = users::names(conn, &numbers).await?;
            names
                .into_iter()
                .map(|(no, id, name)| (no.0, (id.0, name)))
                .collect()
        }
        By::Device => {
            let numbers: Vec<DeviceNo> = numbers.iter().map(|n| DeviceNo(*n)).collect();
            let names = devices::names(conn, &numbers).await?;
            names
                .into_iter()
                .map(|(no, id, name)| (no.0, (id.0, name)))
                .collect()
        }
        By::Node => {
            let numbers: Vec<NodeNo> = numbers.iter().map(|n| NodeNo(*n)).collect();
            let names = nodes::names(conn, &numbers).await?;
            names
                .into_iter()
                .map(|(no, id, name)| (no.0, (id.0, name)))
                .collect()
        }
    };
    let part = |bytes: &Bytes| {
        names.get(&bytes.number).map(|(id, name)| Part {
            id: *id,
            name: name.clone(),
            sum: Sum::of(bytes),
        })
    };
    Ok(sums.iter().filter_map(part).collect())
}
