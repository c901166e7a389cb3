//! Admitted connections on their way into the database: the hook's answer waits for none of this.
//!
//! A batch is written within 5 ms or with 256 rows, whichever comes first. While the database is away batches go to a
//! journal in the data directory, and from there in order once it is back, also after a crash.
mod journal;
mod writer;

pub use journal::Journal;
pub use writer::{OpenedWriter, Written};

use crate::models::{DeviceNo, NodeNo, UserNo};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::{net::IpAddr, sync::Arc};
use tokio::sync::mpsc;

/// One admission.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenedConnection {
    /// The minted id.
    pub id: Arc<str>,
    /// Where.
    pub node: NodeNo,
    /// Whose.
    pub user: UserNo,
    /// Which device.
    pub device: DeviceNo,
    /// The version of the credential that it came with.
    pub credential_version: i32,
    /// The client's address; `None` where the hook's was garbage.
    pub addr: Option<IpAddr>,
    /// When it was decided.
    pub admitted_at: DateTime<Utc>,
    /// The user was never admitted before, as far as the directory knew: its clock starts here.
    pub activates: bool,
}

/// The end that the hook holds.
#[derive(Clone, Debug)]
pub struct Opened {
    queue: mpsc::Sender<OpenedConnection>,
}

impl Opened {
    /// Hands an admission over without waiting. `false`: the queue is full, the row is dropped (count it); the node's
    /// next report creates it, only its address is lost.
    #[must_use]
    pub fn try_send(&self, connection: OpenedConnection) -> bool {
        self.queue.try_send(connection).is_ok()
    }
}

/// A bounded queue of admissions: the hook's end and the writer's.
pub fn queue(capacity: usize) -> (Opened, mpsc::Receiver<OpenedConnection>) {
    let (queue, writer) = mpsc::channel(capacity.max(1));
    (Opened { queue }, writer)
}
