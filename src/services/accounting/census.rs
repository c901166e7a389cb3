//! How many there are of everybody, for the figures.
use super::Accounting;
use crate::{
    error::Result,
    models::Status,
    repositories::census::{self, Count},
};
use prometheus::IntGaugeVec;

impl Accounting {
    /// Counts accounts and devices by status.
    pub async fn count_everybody(&self) -> Result<()> {
        let mut conn = self.db.get().await?;
        let users = census::users(&mut conn, self.clock.now()).await?;
        let devices = census::devices(&mut conn).await?;
        drop(conn);
        let statuses: Vec<&str> = Status::ALL.iter().map(|status| status.as_str()).collect();
        fill(&self.metrics.users, &statuses, &users);
        fill(&self.metrics.devices, &["active", "blocked"], &devices);
        Ok(())
    }
}

/// A status that nobody has any more is 0, not absent.
fn fill(figure: &IntGaugeVec, statuses: &[&str], counts: &[Count]) {
    for status in statuses {
        let count = counts.iter().find(|count| count.status == *status);
        figure
            .with_label_values(&[status])
            .set(count.map_or(0, |count| count.number));
    }
}
