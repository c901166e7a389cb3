//! What was counted: the merge of one report, the sums that derive from it, and what is left to derive.
use crate::{
    models::{NodeNo, UserNo, Window},
    schema::usage_touched,
};
use chrono::{DateTime, NaiveDate, Utc};
use diesel::{
    prelude::*,
    sql_query,
    sql_types::{Array, BigInt, Bool, Date, Integer, Nullable, SmallInt, Text, Timestamptz},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

/// What a report is credited under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    pub node: NodeNo,
    /// The generation that the counters belong to.
    pub generation: i64,
    /// The last generation, up to that one, that did not begin with our own answered clean-up; 0: none.
    pub doubtful: i64,
    /// The node's generation.
    pub node_generation: i64,
    /// The same as `doubtful` for the node's generation: what a late report meets.
    pub node_doubtful: i64,
    /// When the read began.
    pub began: DateTime<Utc>,
    /// The hour of the read.
    pub hour: DateTime<Utc>,
}

/// One connection's counters in a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    pub id: Box<str>,
    pub user: i64,
    pub device: i64,
    pub credential_version: i32,
    pub tx: i64,
    pub rx: i64,
}

/// What the merge says: one `credited` line, and a line for all that it holds instead.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub struct MergeLine {
    #[diesel(sql_type = Text)]
    pub kind: String,
    #[diesel(sql_type = Text)]
    pub id: String,
    #[diesel(sql_type = BigInt)]
    pub generation: i64,
    #[diesel(sql_type = BigInt)]
    pub tx: i64,
    #[diesel(sql_type = BigInt)]
    pub rx: i64,
}

/// Credits a report. The node's row must be locked; `counted` holds each id once.
pub async fn merge(
    conn: &mut AsyncPgConnection,
    step: Step,
    counted: &[Counted],
) -> QueryResult<Vec<MergeLine>> {
    let ids: Vec<&str> = counted.iter().map(|c| &*c.id).collect();
    let users: Vec<i64> = counted.iter().map(|c| c.user).collect();
    let devices: Vec<i64> = counted.iter().map(|c| c.device).collect();
    let versions: Vec<i32> = counted.iter().map(|c| c.credential_version).collect();
    let tx: Vec<i64> = counted.iter().map(|c| c.tx).collect();
    let rx: Vec<i64> = counted.iter().map(|c| c.rx).collect();
    sql_query(include_str!("sql/merge.sql"))
        .bind::<BigInt, _>(step.node.0)
        .bind::<BigInt, _>(step.generation)
        .bind::<BigInt, _>(step.doubtful)
        .bind::<BigInt, _>(step.node_generation)
        .bind::<Timestamptz, _>(step.began)
        .bind::<Timestamptz, _>(step.hour)
        .bind::<Array<Text>, _>(ids)
        .bind::<Array<BigInt>, _>(users)
        .bind::<Array<BigInt>, _>(devices)
        .bind::<Array<Integer>, _>(versions)
        .bind::<Array<BigInt>, _>(tx)
        .bind::<Array<BigInt>, _>(rx)
        .bind::<BigInt, _>(step.node_doubtful)
        .load(conn)
        .await
}

/// A user whose sums a node's merge has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Queryable)]
pub struct Touched {
    pub node: NodeNo,
    pub user: UserNo,
    pub stamp: i64,
}

/// What is left for the second step: of one node, or of all.
pub async fn list_touched(
    conn: &mut AsyncPgConnection,
    node: Option<NodeNo>,
    limit: i64,
) -> QueryResult<Vec<Touched>> {
    let mut query = usage_touched::table
        .select((
            usage_touched::node_no,
            usage_touched::user_no,
            usage_touched::stamp,
        ))
        .order((usage_touched::user_no, usage_touched::node_no))
        .limit(limit)
        .into_boxed();
    if let Some(node) = node {
        query = query.filter(usage_touched::node_no.eq(node));
    }
    query.load(conn).await
}

/// Removes exactly the stamps that were summed; a later merge's stamp stays. Whoever locks a row right now is about to
/// change or remove it: skipping it waits for nobody.
pub async fn delete_touched(conn: &mut AsyncPgConnection, done: &[Touched]) -> QueryResult<usize> {
    sql_query(include_str!("sql/delete_touched.sql"))
        .bind::<Array<BigInt>, _>(done.iter().map(|t| t.node.0).collect::<Vec<_>>())
        .bind::<Array<BigInt>, _>(done.iter().map(|t| t.user.0).collect::<Vec<_>>())
        .bind::<Array<BigInt>, _>(done.iter().map(|t| t.stamp).collect::<Vec<_>>())
        .execute(conn)
        .await
}

/// A locked user, as far as accounting looks at it.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub struct Account {
    #[diesel(sql_type = BigInt)]
    pub number: UserNo,
    #[diesel(sql_type = Nullable<BigInt>)]
    pub quota: Option<i64>,
    #[diesel(sql_type = Text)]
    pub quota_window: Window,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub window_anchor: Option<DateTime<Utc>>,
    #[diesel(sql_type = Timestamptz)]
    pub window_started_at: DateTime<Utc>,
    #[diesel(sql_type = BigInt)]
    pub window_baseline: i64,
    #[diesel(sql_type = BigInt)]
    pub used_total: i64,
    #[diesel(sql_type = BigInt)]
    pub used: i64,
    #[diesel(sql_type = SmallInt)]
    pub warned_percent: i16,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub activated_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Bool)]
    pub on_hold: bool,
    #[diesel(sql_type = Nullable<BigInt>)]
    pub valid_for_seconds: Option<i64>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub expires_at: Option<DateTime<Utc>>,
}

/// Locks users in the order of their numbers, against each other but not against foreign keys.
pub async fn lock_accounts(
    conn: &mut AsyncPgConnection,
    users: &[UserNo],
) -> QueryResult<Vec<Account>> {
    sql_query(include_str!("sql/lock_accounts.sql"))
        .bind::<Array<BigInt>, _>(users.iter().map(|u| u.0).collect::<Vec<_>>())
        .load(conn)
        .await
}

#[derive(QueryableByName)]
struct Sum {
    #[diesel(sql_type = BigInt)]
    user_no: UserNo,
    #[diesel(sql_type = BigInt)]
    total: i64,
}

/// Sums users over all nodes. A statement of its own after the lock, or its snapshot would be older than the lock.
pub async fn sum_accounts(
    conn: &mut AsyncPgConnection,
    users: &[UserNo],
) -> QueryResult<Vec<(UserNo, i64)>> {
    let sums: Vec<Sum> = sql_query(include_str!("sql/sum_accounts.sql"))
        .bind::<Array<BigInt>, _>(users.iter().map(|u| u.0).collect::<Vec<_>>())
        .load(conn)
        .await?;
    Ok(sums.into_iter().map(|s| (s.user_no, s.total)).collect())
}

/// Stores what was derived.
pub async fn update_accounts(
    conn: &mut AsyncPgConnection,
    accounts: &[Account],
) -> QueryResult<usize> {
    fn column<T>(accounts: &[Account], of: impl Fn(&Account) -> T) -> Vec<T> {
        accounts.iter().map(of).collect()
    }
    sql_query(include_str!("sql/update_accounts.sql"))
        .bind::<Array<BigInt>, _>(column(accounts, |a| a.number.0))
        .bind::<Array<Nullable<Timestamptz>>, _>(column(accounts, |a| a.window_anchor))
        .bind::<Array<Timestamptz>, _>(column(accounts, |a| a.window_started_at))
        .bind::<Array<BigInt>, _>(column(accounts, |a| a.window_baseline))
        .bind::<Array<BigInt>, _>(column(accounts, |a| a.used_total))
        .bind::<Array<BigInt>, _>(column(accounts, |a| a.used))
        .bind::<Array<SmallInt>, _>(column(accounts, |a| a.warned_percent))
        .bind::<Array<Nullable<Timestamptz>>, _>(column(accounts, |a| a.activated_at))
        .bind::<Array<Nullable<Timestamptz>>, _>(column(accounts, |a| a.expires_at))
        .execute(conn)
        .await
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: UserNo,
}

/// Users of a window whose present one began before `before`: their reset is due.
pub async fn list_due(
    conn: &mut AsyncPgConnection,
    window: Window,
    before: DateTime<Utc>,
    limit: i64,
) -> QueryResult<Vec<UserNo>> {
    let due: Vec<Number> = sql_query(include_str!("sql/list_due.sql"))
        .bind::<Text, _>(window)
        .bind::<Timestamptz, _>(before)
        .bind::<BigInt, _>(limit)
        .load(conn)
        .await?;
    Ok(due.into_iter().map(|n| n.number).collect())
}

/// Adds up the hours of a UTC day again. Idempotent: the day is replaced by the sum of its hours.
pub async fn roll_up(conn: &mut AsyncPgConnection, day: NaiveDate) -> QueryResult<usize> {
    sql_query(include_str!("sql/roll_up.sql"))
        .bind::<Date, _>(day)
        .execute(conn)
        .await
}
