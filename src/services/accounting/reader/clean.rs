//! A clean-up from the decision to the committed answer.
use super::{Reader, Trouble};
use crate::{
    models::NodeNo,
    repositories::readings,
    services::accounting::{
        Credit,
        clean_up::{CleanedUp, Head, Spool, is_due},
    },
};
use chrono::TimeDelta;

/// The lease must stand this much longer when the question goes out.
const MARGIN: TimeDelta = TimeDelta::seconds(2);

impl Reader {
    /// An answer that could not be merged yet comes before everything else: no second one is asked for, and no read
    /// takes its generation away.
    pub(super) async fn merge_left_over(&mut self) -> Result<(), Trouble> {
        let accounting = self.context.accounting.clone();
        for spool in Spool::list(&accounting.spool).await? {
            if NodeNo(spool.node()) != self.lease.node {
                continue;
            }
            if spool.is_complete().await {
                self.finish(&spool).await?;
            } else {
                // a crash between the head and the answer, seen only where nobody recovered at the start
                spool.delete().await;
            }
        }
        Ok(())
    }

    pub(super) async fn clean_up_if_due(&mut self) -> Result<(), Trouble> {
        let accounting = self.context.accounting.clone();
        if self.shared || !is_due(self.dead, self.rate, &accounting.settings) {
            return Ok(());
        }
        let Some(state) = self.state.as_ref() else {
            return Ok(());
        };
        let (generation, doubtful) = (state.generation, state.doubtful);
        let Some(began) = state.began else {
            return Ok(());
        };
        // Read and merged just now; still ours?
        let mut conn = accounting.db.get().await?;
        if !readings::is_held(&mut conn, self.lease, MARGIN).await? {
            return Ok(());
        }
        drop(conn);
        let waited = (self.now() - began).num_milliseconds().max(1);
        let gap = u64::try_from(waited)
            .unwrap_or_default()
            .saturating_mul(self.rate)
            / 1000;
        let head = Head {
            node: self.lease.node.0,
            epoch: self.lease.epoch,
            generation,
            doubtful,
            began,
            line_rate: self.source.line_rate,
            gap,
            known: state.baseline.iter().collect(),
        };
        let spool = Spool::create(&accounting.spool, &head).await?;
        tracing::info!(
            node = self.source.name,
            dead = self.dead.ids,
            "emptying the server's map"
        );
        if let Err(error) = self.client.traffic_clear(&spool.answer()).await {
            // Emptied or not: the next read shows it, and counts this as lost if it was.
            self.lost = Some(gap);
            spool.delete().await;
            return Err(Trouble::Node(error));
        }
        self.finish(&spool).await
    }

    /// Merges a complete answer and takes over what follows from it.
    async fn finish(&mut self, spool: &Spool) -> Result<(), Trouble> {
        let accounting = self.context.accounting.clone();
        let outcome = accounting.merge_clean_up(spool).await?;
        tracing::info!(
            node = self.source.name,
            ?outcome,
            "the server's map is empty"
        );
        self.count(match outcome {
            CleanedUp::Merged(credit) | CleanedUp::MergedLate(credit) => credit,
            CleanedUp::Held(entries) => Credit {
                newly_held: entries,
                ..Credit::default()
            },
        });
        match outcome {
            CleanedUp::Merged(_) => {
                if let Some(state) = self.state.as_mut() {
                    state.generation += 1;
                    state.baseline.clear();
                }
            }
            // The map was emptied under somebody else's generation: the database and the next read say what follows.
            CleanedUp::MergedLate(_) | CleanedUp::Held(_) => {
                self.ignored("late_clear");
                self.state = None;
            }
        }
        self.dead = super::Dead::default();
        accounting.cross(Some(self.lease.node)).await?;
        self.load().await
    }
}
