//! What a login leaves behind besides its connection: rare rows that must not make the answer wait.
use crate::{
    clock::Clock,
    models::{DeviceNo, NodeNo, Severity, UserNo},
    repositories::{
        Db,
        changes::{self, Change},
        events::{self, NewEvent},
        nodes,
    },
};
use chrono::{DateTime, Utc};
use diesel_async::AsyncConnection;
use serde_json::json;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// More than so many rare things at once are not rare: the rest is said in the log only.
const QUEUE: usize = 1024;

enum Left {
    Braked {
        user: UserNo,
        device: DeviceNo,
        node: NodeNo,
        at: DateTime<Utc>,
    },
    SecretUsed {
        node: NodeNo,
    },
}

/// The hook's end.
#[derive(Clone)]
pub struct Aftermath {
    queue: mpsc::Sender<Left>,
}

/// The writer's end.
pub struct AftermathWriter {
    queue: mpsc::Receiver<Left>,
    db: Db,
    clock: Arc<dyn Clock>,
}

/// Both ends.
pub fn aftermath(db: Db, clock: Arc<dyn Clock>) -> (Aftermath, AftermathWriter) {
    let (sender, queue) = mpsc::channel(QUEUE);
    (
        Aftermath { queue: sender },
        AftermathWriter { queue, db, clock },
    )
}

impl Aftermath {
    pub(super) fn braked(&self, user: UserNo, device: DeviceNo, node: NodeNo, at: DateTime<Utc>) {
        tracing::warn!(
            user = user.0,
            device = device.0,
            node = node.0,
            "connections of one device displace each other"
        );
        self.leave(Left::Braked {
            user,
            device,
            node,
            at,
        });
    }

    pub(super) fn secret_used(&self, node: NodeNo) {
        self.leave(Left::SecretUsed { node });
    }

    fn leave(&self, left: Left) {
        if self.queue.try_send(left).is_err() {
            tracing::warn!("the queue of a login's aftermath is full");
        }
    }
}

impl AftermathWriter {
    /// Writes until the hook is gone or `stop`.
    pub async fn run(mut self, stop: CancellationToken) {
        loop {
            let left = tokio::select! {
                () = stop.cancelled() => return,
                left = self.queue.recv() => left,
            };
            let Some(left) = left else { return };
            if let Err(error) = self.write(left).await {
                tracing::warn!(%error, "a login's aftermath was not written");
            }
        }
    }

    async fn write(&self, left: Left) -> crate::error::Result<()> {
        let now = self.clock.now();
        let mut conn = self.db.get().await?;
        conn.transaction(async |conn| match left {
            Left::Braked {
                user,
                device,
                node,
                at,
            } => {
                let event = NewEvent {
                    kind: "device.limit_reached",
                    severity: Severity::Warning,
                    actor: "admission",
                    user: Some(user),
                    device: Some(device),
                    node: Some(node),
                    data: json!({"code": "device_concurrency"}),
                    at,
                };
                Ok(events::insert(conn, &event).await?)
            }
            Left::SecretUsed { node } => {
                if nodes::hook_secret_used(conn, node, now).await? {
                    changes::insert(conn, Change::Node(node)).await?;
                }
                Ok(())
            }
        })
        .await
    }
}
