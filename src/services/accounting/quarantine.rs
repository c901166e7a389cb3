//! What an admin decides about held counters.
use super::{
    Accounting,
    merge::{Credit, hour_of},
    report::Report,
};
use crate::{
    error::{Error, Result},
    repositories::{
        quarantine::{self, Quarantined, Reason, Resolution},
        readings,
        usage::{Counted, Step},
    },
};
use diesel_async::AsyncPgConnection;

impl Accounting {
    /// Credits an open entry, in a transaction of the caller's: merged by the table of connections, never added, so what
    /// was credited meanwhile is not credited again.
    pub async fn credit_in(
        &self,
        conn: &mut AsyncPgConnection,
        number: i64,
    ) -> Result<Quarantined> {
        let entry = open(conn, number).await?;
        let Some(id) = self.keys.parse(entry.node_no, &entry.connection_id) else {
            return Err(Error::State(
                "the id is none of this node's: nobody can be credited, it can only be dropped"
                    .into(),
            ));
        };
        if entry.reason == Reason::Shape {
            return Err(Error::State(
                "the counters could not be read or are over 2^50: it can only be dropped".into(),
            ));
        }
        let Some(row) = readings::lock(conn, entry.node_no).await? else {
            return Err(Error::NotFound("node"));
        };
        // somebody else may have decided while this one waited for the node
        open(conn, number).await?;
        let now = self.clock.now();
        let step = Step {
            node: entry.node_no,
            generation: entry.generation,
            doubtful: 0,
            node_generation: row.generation,
            node_doubtful: 0,
            began: entry.last_seen_at,
            hour: hour_of(now),
        };
        let report = Report {
            counted: vec![Counted {
                id: entry.connection_id.as_str().into(),
                user: id.user.0,
                device: id.device.0,
                credential_version: id.credential_version,
                tx: entry.tx,
                rx: entry.rx,
            }],
            ..Report::default()
        };
        let Credit { held, .. } =
            super::merge::credit(conn, step, &report, self.settings.quarantine_ids, false).await?;
        if held > 0 {
            return Err(Error::State(
                "its generation is too old to be merged: nobody can say how much of it was credited since, it can only be dropped".into(),
            ));
        }
        if entry.reason == Reason::LateClear {
            readings::unseat(conn, entry.node_no, 0).await?;
        }
        self.decide(conn, number, Resolution::Credited).await
    }

    /// Gives an open entry up, in a transaction of the caller's.
    pub async fn drop_in(&self, conn: &mut AsyncPgConnection, number: i64) -> Result<Quarantined> {
        open(conn, number).await?;
        self.decide(conn, number, Resolution::Dropped).await
    }

    async fn decide(
        &self,
        conn: &mut AsyncPgConnection,
        number: i64,
        resolution: Resolution,
    ) -> Result<Quarantined> {
        if !quarantine::resolve(conn, number, resolution, self.clock.now()).await? {
            return Err(decided());
        }
        quarantine::find(conn, number)
            .await?
            .ok_or(Error::NotFound("quarantine entry"))
    }
}

async fn open(conn: &mut AsyncPgConnection, number: i64) -> Result<Quarantined> {
    let entry = quarantine::find(conn, number)
        .await?
        .ok_or(Error::NotFound("quarantine entry"))?;
    if entry.resolved_at.is_some() {
        return Err(decided());
    }
    Ok(entry)
}

fn decided() -> Error {
    Error::State("it was decided already".into())
}
