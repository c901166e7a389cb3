//! What admins want to see at a glance, and usage row by row for whoever counts on.
mod export;
mod turns;

pub use crate::repositories::reports::{Counts, Point, Ranked, Ranking, Step, Usage, Waiting};
pub use export::ExportOf;
pub use turns::Turns;

use crate::{
    cache::{Cache, keys::Summary},
    error::{Error, Result},
    models::{Named, Status},
    repositories::{
        nodes,
        reports::{self, Of},
        traffic::{self, By, Span},
        users,
    },
    services::{
        store::Store,
        traffic::{Sum, Traced, parts},
    },
};
use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use diesel_async::AsyncPgConnection;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::time::Duration;

/// The most points of a series.
const POINTS: i64 = 1_000;
/// The first of each ranking.
const FIRST: i64 = 20;

/// The service.
#[derive(Clone)]
pub struct Reports {
    pub store: Store,
    /// Holds what reads whole tables for a moment.
    pub cache: Option<Cache>,
    /// Exports that run.
    pub exports: Turns,
    /// Whoever takes nothing of an export for so long is cut off.
    pub patience: Duration,
}

/// A series, and what it is of.
#[derive(Clone, Debug)]
pub struct Series {
    pub step: Step,
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
    pub points: Vec<Point>,
}

/// Which series.
#[derive(Clone, Debug)]
pub struct SeriesOf {
    pub step: Step,
    /// Points back from now.
    pub points: i64,
    pub user: Option<Named>,
    pub node: Option<Named>,
}

/// Bytes of a time and of the time before it.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Compared {
    pub now: Sum,
    pub before: Sum,
}

/// What the dashboard shows of the database.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Dashboard {
    pub users: Vec<(Status, i64)>,
    pub counts: Counts,
    pub today: Compared,
    pub week: Compared,
    pub month: Compared,
}

/// Rankings of users.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UsersReport {
    pub by_status: Vec<(Status, i64)>,
    pub most_used: Vec<Ranked>,
    pub expiring: Vec<Ranked>,
    pub near_quota: Vec<Ranked>,
}

impl Reports {
    /// All bytes, by node and by user.
    pub async fn summary(
        &self,
        from: Option<DateTime<Utc>>,
        to: Option<DateTime<Utc>>,
    ) -> Result<Traced> {
        if from.zip(to).is_some_and(|(from, to)| from >= to) {
            return Err(Error::field("to", "must lie after from"));
        }
        let mut conn = self.store.conn().await?;
        let span = Span {
            from: from.map(hour),
            to: to.map(hour),
            ..Span::default()
        };
        let all = traffic::sums(&mut conn, &span, By::All, 1).await?;
        Ok(Traced {
            sum: all.first().map_or_else(Sum::default, Sum::of),
            users: Some(parts(&mut conn, &span, By::User).await?),
            nodes: Some(parts(&mut conn, &span, By::Node).await?),
            devices: None,
            from: span.from,
            to: span.to,
        })
    }

    /// Bytes by hour or day, up to now.
    pub async fn series(&self, of: &SeriesOf) -> Result<Series> {
        if !(1..=POINTS).contains(&of.points) {
            return Err(Error::field("points", format!("must be 1 to {POINTS}")));
        }
        let mut conn = self.store.conn().await?;
        let chosen = chosen(&mut conn, of.user.as_ref(), of.node.as_ref()).await?;
        let now = self.store.clock.now();
        let length = match of.step {
            Step::Hour => TimeDelta::hours(1),
            Step::Day => TimeDelta::days(1),
        };
        let to = now.duration_trunc(length).unwrap_or(now) + length;
        let from = i32::try_from(of.points).map_or(to, |points| to - length * points);
        Ok(Series {
            step: of.step,
            from,
            to,
            points: reports::series(&mut conn, of.step, chosen, from, to).await?,
        })
    }

    /// A summary that was made a moment ago, else a new one: however many ask, whole tables are read now and then. Without
    /// Redis each is new.
    async fn held<T: Serialize + DeserializeOwned>(
        &self,
        name: &str,
        make: impl AsyncFnOnce() -> Result<T>,
    ) -> Result<T> {
        let Some(cache) = &self.cache else {
            return make().await;
        };
        let key = Summary(name);
        let held = cache.get(&key).await.ok().flatten();
        if let Some(summary) = held.and_then(|text| serde_json::from_str(&text).ok()) {
            return Ok(summary);
        }
        let summary = make().await?;
        if let Ok(text) = serde_json::to_string(&summary)
            && let Err(error) = cache.put(&key, &text).await
        {
            tracing::debug!(%error, name, "a summary is not held");
        }
        Ok(summary)
    }

    /// Counts and bytes, each beside the time before; up to two seconds old.
    pub async fn dashboard(&self) -> Result<Dashboard> {
        self.held("dashboard", async || self.fresh_dashboard().await)
            .await
    }

    async fn fresh_dashboard(&self) -> Result<Dashboard> {
        let now = self.store.clock.now();
        let mut conn = self.store.conn().await?;
        let today = now.duration_trunc(TimeDelta::days(1)).unwrap_or(now);
        let days = reports::series(
            &mut conn,
            Step::Day,
            Of::default(),
            today - TimeDelta::days(60),
            today + TimeDelta::days(1),
        )
        .await?;
        let sum = |from: i64, to: i64| {
            let (from, to) = (today - TimeDelta::days(from), today - TimeDelta::days(to));
            let within = days.iter().filter(|day| day.at > from && day.at <= to);
            within.fold(Sum::default(), |sum, day| Sum {
                tx: sum.tx.saturating_add(day.tx),
                rx: sum.rx.saturating_add(day.rx),
            })
        };
        let compared = |days: i64| Compared {
            now: sum(days, 0),
            before: sum(days * 2, days),
        };
        Ok(Dashboard {
            users: reports::users_by_status(&mut conn, now).await?,
            counts: reports::counts(&mut conn, now - TimeDelta::hours(24)).await?,
            today: compared(1),
            week: compared(7),
            month: compared(30),
        })
    }

    /// Who is worth a look; up to two seconds old.
    pub async fn users(&self) -> Result<UsersReport> {
        self.held("users", async || self.fresh_users().await).await
    }

    async fn fresh_users(&self) -> Result<UsersReport> {
        let now = self.store.clock.now();
        let mut conn = self.store.conn().await?;
        let conn = &mut conn;
        Ok(UsersReport {
            by_status: reports::users_by_status(conn, now).await?,
            most_used: reports::ranked(conn, Ranking::MostUsed, now, FIRST).await?,
            expiring: reports::ranked(conn, Ranking::Expiring, now, FIRST).await?,
            near_quota: reports::ranked(conn, Ranking::NearQuota, now, FIRST).await?,
        })
    }

    /// What waits, job by job.
    pub async fn waiting(&self) -> Result<Vec<Waiting>> {
        let mut conn = self.store.conn().await?;
        Ok(reports::waiting(&mut conn).await?)
    }

    /// Bytes of the database.
    pub async fn database_size(&self) -> Result<i64> {
        let mut conn = self.store.conn().await?;
        Ok(reports::database_size(&mut conn).await?)
    }
}

fn hour(at: DateTime<Utc>) -> DateTime<Utc> {
    at.duration_trunc(TimeDelta::hours(1)).unwrap_or(at)
}

/// The numbers of whom it is asked of; of what is gone by its id.
async fn chosen(
    conn: &mut AsyncPgConnection,
    user: Option<&Named>,
    node: Option<&Named>,
) -> Result<Of> {
    let mut of = Of::default();
    if let Some(user) = user {
        let found = match user {
            Named::Id(id) => users::find_erased(conn, *id).await?,
            Named::Name(_) => users::find(conn, user).await?,
        };
        of.user = Some(found.ok_or(Error::NotFound("user"))?.number.0);
    }
    if let Some(node) = node {
        let found = match node {
            Named::Id(id) => nodes::find_deleted(conn, *id).await?,
            Named::Name(_) => nodes::find(conn, node).await?.map(|(node, _)| node),
        };
        of.node = Some(found.ok_or(Error::NotFound("node"))?.number.0);
    }
    Ok(of)
}
