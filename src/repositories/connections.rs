//! Connections: written by the hook's writer, by reports, and by who is online.
use crate::models::{NodeNo, UserNo};
use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_query,
    sql_types::{Array, BigInt, Bool, Integer, Nullable, Text, Timestamptz},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

/// An admission to be written.
#[derive(Clone, Debug)]
pub struct NewConnection {
    pub id: Box<str>,
    pub node: i64,
    pub user: i64,
    pub device: i64,
    pub credential_version: i32,
    pub addr: Option<String>,
    pub admitted_at: DateTime<Utc>,
}

/// Writes admissions, in the order of their ids as every writer does. A report may have been faster: then only what it
/// did not know is added.
pub async fn insert(conn: &mut AsyncPgConnection, new: &[NewConnection]) -> QueryResult<usize> {
    fn column<T>(new: &[NewConnection], of: impl Fn(&NewConnection) -> T) -> Vec<T> {
        new.iter().map(of).collect()
    }
    let ids: Vec<&str> = new.iter().map(|c| &*c.id).collect();
    sql_query(include_str!("sql/insert_connections.sql"))
        .bind::<Array<Text>, _>(ids)
        .bind::<Array<BigInt>, _>(column(new, |c| c.node))
        .bind::<Array<BigInt>, _>(column(new, |c| c.user))
        .bind::<Array<BigInt>, _>(column(new, |c| c.device))
        .bind::<Array<Integer>, _>(column(new, |c| c.credential_version))
        .bind::<Array<Nullable<Text>>, _>(column(new, |c| c.addr.clone()))
        .bind::<Array<Timestamptz>, _>(column(new, |c| c.admitted_at))
        .execute(conn)
        .await
}

#[derive(QueryableByName)]
struct Activated {
    #[diesel(sql_type = BigInt)]
    number: UserNo,
}

/// Starts the clocks of users at their first admission; gives those for whom that changed something.
pub async fn activate(
    conn: &mut AsyncPgConnection,
    first: &[(UserNo, DateTime<Utc>)],
) -> QueryResult<Vec<UserNo>> {
    let changed: Vec<Activated> = sql_query(include_str!("sql/activate_users.sql"))
        .bind::<Array<BigInt>, _>(first.iter().map(|(user, _)| user.0).collect::<Vec<_>>())
        .bind::<Array<Timestamptz>, _>(first.iter().map(|(_, at)| *at).collect::<Vec<_>>())
        .load(conn)
        .await?;
    Ok(changed.into_iter().map(|a| a.number).collect())
}

/// A connection of the present generation, as a new lease holder needs it.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub struct Present {
    #[diesel(sql_type = Text)]
    pub id: String,
    #[diesel(sql_type = BigInt)]
    pub tx: i64,
    #[diesel(sql_type = BigInt)]
    pub rx: i64,
    /// What was merged of them.
    #[diesel(sql_type = BigInt)]
    pub merged_tx: i64,
    #[diesel(sql_type = BigInt)]
    pub merged_rx: i64,
    #[diesel(sql_type = Timestamptz)]
    pub since: DateTime<Utc>,
    /// An open entry holds the difference as implausible.
    #[diesel(sql_type = Bool)]
    pub held: bool,
}

/// Everything that an answer of this generation has shown so far: credited connections, and what was held instead.
pub async fn list_present(
    conn: &mut AsyncPgConnection,
    node: NodeNo,
    generation: i64,
) -> QueryResult<Vec<Present>> {
    sql_query(include_str!("sql/list_present.sql"))
        .bind::<BigInt, _>(node)
        .bind::<BigInt, _>(generation)
        .load(conn)
        .await
}

/// A connection that was online when it was last looked at.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub struct Open {
    #[diesel(sql_type = Text)]
    pub id: String,
    #[diesel(sql_type = Bool)]
    pub kicked: bool,
}

/// What a node's `/online` showed last.
pub async fn list_open(conn: &mut AsyncPgConnection, node: NodeNo) -> QueryResult<Vec<Open>> {
    sql_query("SELECT id, kicked_at IS NOT NULL AS kicked FROM connections WHERE node_no = $1 AND ended_at IS NULL AND online_at IS NOT NULL")
        .bind::<BigInt, _>(node)
        .load(conn)
        .await
}

/// When connections were admitted, as far as it is known.
pub async fn list_admitted(
    conn: &mut AsyncPgConnection,
    ids: &[&str],
) -> QueryResult<Vec<(String, DateTime<Utc>)>> {
    use crate::schema::connections as c;
    c::table
        .filter(c::id.eq_any(ids))
        .filter(c::admitted_at.is_not_null())
        .select((c::id, c::admitted_at.assume_not_null()))
        .load(conn)
        .await
}

/// What changed in `/online`: who came, who is being kicked, who is gone.
#[derive(Clone, Debug, Default)]
pub struct OnlineChange {
    pub appeared: Vec<NewConnection>,
    pub kicked: Vec<Box<str>>,
    pub ended: Vec<Box<str>>,
}

impl OnlineChange {
    /// Nothing changed.
    pub fn is_empty(&self) -> bool {
        self.appeared.is_empty() && self.kicked.is_empty() && self.ended.is_empty()
    }
}

/// Notes what `/online` showed at `at`. A listed connection whose row was lost gets one.
pub async fn update_online(
    conn: &mut AsyncPgConnection,
    change: &OnlineChange,
    at: DateTime<Utc>,
) -> QueryResult<()> {
    if !change.appeared.is_empty() {
        let new = &change.appeared;
        sql_query(include_str!("sql/insert_online.sql"))
            .bind::<Array<Text>, _>(new.iter().map(|c| &*c.id).collect::<Vec<_>>())
            .bind::<Array<BigInt>, _>(new.iter().map(|c| c.node).collect::<Vec<_>>())
            .bind::<Array<BigInt>, _>(new.iter().map(|c| c.user).collect::<Vec<_>>())
            .bind::<Array<BigInt>, _>(new.iter().map(|c| c.device).collect::<Vec<_>>())
            .bind::<Array<Integer>, _>(new.iter().map(|c| c.credential_version).collect::<Vec<_>>())
            .bind::<Timestamptz, _>(at)
            .execute(conn)
            .await?;
    }
    for (ids, sql) in [
        (
            &change.kicked,
            "UPDATE connections c SET kicked_at = $2 FROM (SELECT id FROM connections WHERE id = ANY ($1) AND kicked_at IS NULL ORDER BY id COLLATE \"C\" FOR UPDATE) k WHERE c.id = k.id",
        ),
        (
            &change.ended,
            "UPDATE connections c SET ended_at = $2 FROM (SELECT id FROM connections WHERE id = ANY ($1) AND ended_at IS NULL ORDER BY id COLLATE \"C\" FOR UPDATE) k WHERE c.id = k.id",
        ),
    ] {
        if !ids.is_empty() {
            sql_query(sql)
                .bind::<Array<Text>, _>(ids.iter().map(|id| &**id).collect::<Vec<_>>())
                .bind::<Timestamptz, _>(at)
                .execute(conn)
                .await?;
        }
    }
    Ok(())
}

/// Removes connections that no report can reach any more: their generation is at least two older than their node's, and
/// they ended, or were never seen, before `before`.
pub async fn delete_unreachable(
    conn: &mut AsyncPgConnection,
    before: DateTime<Utc>,
    limit: i64,
) -> QueryResult<usize> {
    sql_query(include_str!("sql/delete_connections.sql"))
        .bind::<Timestamptz, _>(before)
        .bind::<BigInt, _>(limit)
        .execute(conn)
        .await
}
