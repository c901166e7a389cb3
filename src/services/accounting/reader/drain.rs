//! The end of a node that is being emptied: nobody is let in, everybody is kicked, and its last bytes are merged.
use super::{Reader, Trouble};
use crate::{
    repositories::{groups, readings},
    services::store::{Trace, leave},
};
use diesel_async::AsyncConnection;
use serde_json::json;

/// Answers of `/online` in a row that must be empty.
const EMPTY: u8 = 2;

/// How far a node is emptied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Drain {
    #[default]
    Open,
    /// So many empty answers.
    Emptying(u8),
    /// A read after those was merged, and the node is gone.
    Done,
}

impl Drain {
    pub(super) fn is_done(self) -> bool {
        self == Self::Done
    }
}

impl Reader {
    /// Counts empty answers of a draining node; once there are two, and the read before the last was merged after the
    /// first, nothing can be left.
    pub(super) async fn drain_if_asked(&mut self) -> Result<(), Trouble> {
        if !self.source.draining {
            self.drain = Drain::Open;
            return Ok(());
        }
        let empty = match self.drain {
            _ if !self.open.is_empty() => 0,
            Drain::Emptying(before) => before.saturating_add(1),
            Drain::Open | Drain::Done => 1,
        };
        // a round reads first and looks who is online afterwards: one more round reads what the last one moved
        if empty <= EMPTY {
            self.drain = Drain::Emptying(empty);
            self.read_due = tokio::time::Instant::now() + self.bounds().min;
            return Ok(());
        }
        let (lease, at) = (self.lease, self.now());
        let mut conn = self.conn().await?;
        conn.transaction(async |conn| {
            let Some(id) = readings::delete_drained(conn, lease, at).await? else {
                return Ok(());
            };
            groups::forget_node(conn, lease.node).await?;
            let what = ("node.delete", "node.deleted");
            let trace = Trace::new("accounting", what, format!("node:{id}"), at)
                .node(lease.node)
                .with(json!({ "abandoned": false }));
            leave(conn, trace).await
        })
        .await?;
        drop(conn);
        self.context.leases.forget_node(lease.node).await;
        self.drain = Drain::Done;
        Ok(())
    }
}
