//! Usage row by row, in parts: memory holds one part however long the export, and a slow reader holds no connection.
use super::{Reports, Step, Usage, chosen};
use crate::{
    error::{Error, Result},
    models::Named,
    repositories::reports::{self, UsageOf},
};
use chrono::{DateTime, Utc};
use futures_util::{Stream, stream};

/// Rows a part.
const PART: i64 = 4_000;

/// Which usage.
#[derive(Clone, Debug)]
pub struct ExportOf {
    pub step: Step,
    pub from: Option<DateTime<Utc>>,
    pub to: Option<DateTime<Utc>>,
    pub user: Option<Named>,
    pub node: Option<Named>,
}

impl Reports {
    /// The parts, one after the other, each read when it is asked for.
    pub async fn export(
        &self,
        principal: &str,
        of: &ExportOf,
    ) -> Result<impl Stream<Item = Result<Vec<Usage>>> + use<>> {
        if of.from.zip(of.to).is_some_and(|(from, to)| from >= to) {
            return Err(Error::field("to", "must lie after from"));
        }
        let turn = self.exports.take(principal)?;
        let mut conn = self.store.conn().await?;
        let chosen = chosen(&mut conn, of.user.as_ref(), of.node.as_ref()).await?;
        drop(conn);
        let start = UsageOf {
            step: of.step,
            of: chosen,
            from: of.from,
            to: of.to,
            after: (i64::MIN, 0, 0, DateTime::UNIX_EPOCH),
            limit: PART,
        };
        let store = self.store.clone();
        let parts = stream::try_unfold((Some(start), turn), move |(next, turn)| {
            let store = store.clone();
            async move {
                let Some(mut at) = next else {
                    return Ok(None);
                };
                let mut conn = store.conn().await?;
                let part = reports::usage(&mut conn, &at).await?;
                drop(conn);
                let whole = i64::try_from(part.len()).is_ok_and(|len| len >= PART);
                let next = part.last().filter(|_| whole).map(|last| {
                    at.after = (last.user_no, last.device_no, last.node_no, last.at);
                    at
                });
                Ok(Some((part, (next, turn))))
            }
        });
        Ok(parts)
    }
}
