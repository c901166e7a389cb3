//! Counters that were read and not credited: shown, and decided about.
pub use crate::repositories::quarantine::Resolution;
use crate::{
    error::{Error, Result},
    models::{Named, NodeNo},
    repositories::{
        nodes,
        quarantine::{self, Quarantined},
    },
    services::{
        accounting::Accounting,
        store::{Store, Trace, leave},
    },
};
use diesel_async::{AsyncConnection, AsyncPgConnection};
use serde_json::json;
use std::{collections::HashMap, sync::Arc};

/// The service.
#[derive(Clone)]
pub struct Quarantine {
    pub store: Store,
    pub accounting: Arc<Accounting>,
}

/// What becomes of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Its counters are merged.
    Credit,
    /// They are given up.
    Drop,
}

/// An entry with the name of its node.
#[derive(Clone, Debug)]
pub struct QuarantineDetail {
    pub entry: Quarantined,
    pub node: Option<String>,
}

impl Quarantine {
    /// One page, by number.
    pub async fn list(
        &self,
        node: Option<&Named>,
        open: bool,
        after: i64,
        limit: i64,
    ) -> Result<Vec<QuarantineDetail>> {
        let mut conn = self.store.conn().await?;
        let node = match node {
            None => None,
            Some(node) => {
                let found = nodes::find(&mut conn, node).await?;
                Some(found.ok_or(Error::NotFound("node"))?.0.number)
            }
        };
        let page = quarantine::list(&mut conn, node, open, after, limit).await?;
        detail(&mut conn, page).await
    }

    /// Decides about an open entry, once.
    pub async fn decide(
        &self,
        principal: &str,
        number: i64,
        verdict: Verdict,
    ) -> Result<QuarantineDetail> {
        let now = self.store.clock.now();
        let mut conn = self.store.conn().await?;
        let entry = conn
            .transaction(async |conn| {
                let (entry, what) = match verdict {
                    Verdict::Credit => (
                        self.accounting.credit_in(conn, number).await?,
                        ("quarantine.credit", "quarantine.credited"),
                    ),
                    Verdict::Drop => (
                        self.accounting.drop_in(conn, number).await?,
                        ("quarantine.drop", "quarantine.dropped"),
                    ),
                };
                let mut trace = Trace::new(principal, what, format!("quarantine:{number}"), now);
                trace.node = Some(entry.node_no);
                let detail = json!({ "tx": entry.tx, "rx": entry.rx, "reason": entry.reason });
                leave(conn, trace.with(detail)).await?;
                Ok::<_, Error>(entry)
            })
            .await?;
        let mut detail = detail(&mut conn, vec![entry]).await?;
        detail.pop().ok_or(Error::NotFound("quarantine entry"))
    }
}

async fn detail(
    conn: &mut AsyncPgConnection,
    page: Vec<Quarantined>,
) -> Result<Vec<QuarantineDetail>> {
    let numbers: Vec<NodeNo> = page.iter().map(|entry| entry.node_no).collect();
    let names: HashMap<_, _> = nodes::names(conn, &numbers)
        .await?
        .into_iter()
        .map(|(no, _, name)| (no, name))
        .collect();
    let detail = |entry: Quarantined| QuarantineDetail {
        node: names.get(&entry.node_no).cloned(),
        entry,
    };
    Ok(page.into_iter().map(detail).collect())
}
