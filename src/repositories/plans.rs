//! Bundles of limits.
use crate::{
    models::{GroupNo, Named, Plan, PlanId, PlanNo, UserId, UserNo, Window},
    schema::{changes, groups, plan_groups, plans, users},
};
use chrono::{DateTime, Utc};
use diesel::{
    dsl::sql,
    prelude::*,
    sql_query,
    sql_types::{Array, BigInt, Text, Uuid as SqlUuid},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use std::collections::HashMap;
use uuid::Uuid;

/// What a plan says; made and written back whole.
#[derive(Clone, Debug, Insertable, AsChangeset)]
#[diesel(table_name = plans, treat_none_as_null = true, check_for_backend(diesel::pg::Pg))]
pub struct PlanRow<'a> {
    pub name: &'a str,
    pub note: &'a str,
    pub quota: Option<i64>,
    pub quota_window: Window,
    pub valid_for_seconds: Option<i64>,
    pub device_limit: Option<i32>,
    pub online_limit: Option<i32>,
    pub paid: bool,
    pub updated_at: DateTime<Utc>,
}

/// One page, by id.
pub async fn list(
    conn: &mut AsyncPgConnection,
    after: Option<Uuid>,
    limit: i64,
) -> QueryResult<Vec<Plan>> {
    let mut query = Plan::query().order(plans::id).limit(limit).into_boxed();
    if let Some(after) = after {
        query = query.filter(plans::id.gt(after));
    }
    query.load(conn).await
}

/// A plan by id or name.
pub async fn find(conn: &mut AsyncPgConnection, which: &Named) -> QueryResult<Option<Plan>> {
    let query = Plan::query().into_boxed();
    match which {
        Named::Id(id) => query.filter(plans::id.eq(id)),
        Named::Name(name) => {
            query.filter(super::users::lower(plans::name).eq(super::users::lower(name)))
        }
    }
    .first(conn)
    .await
    .optional()
}

/// A plan, locked until the transaction ends.
pub async fn lock(conn: &mut AsyncPgConnection, id: PlanId) -> QueryResult<Option<Plan>> {
    plans::table
        .find(id)
        .select(Plan::as_select())
        .for_no_key_update()
        .first(conn)
        .await
        .optional()
}

/// Makes a plan.
pub async fn insert(
    conn: &mut AsyncPgConnection,
    id: PlanId,
    new: &PlanRow<'_>,
) -> QueryResult<Plan> {
    diesel::insert_into(plans::table)
        .values((plans::id.eq(id), plans::created_at.eq(new.updated_at), new))
        .returning(Plan::as_returning())
        .get_result(conn)
        .await
}

/// Writes a plan back whole, under its lock.
pub async fn update(
    conn: &mut AsyncPgConnection,
    id: PlanId,
    row: &PlanRow<'_>,
) -> QueryResult<Plan> {
    diesel::update(plans::table.find(id))
        .set((row, plans::version.eq(plans::version + 1)))
        .returning(Plan::as_returning())
        .get_result(conn)
        .await
}

/// Deletes a plan that nobody has.
pub async fn delete(conn: &mut AsyncPgConnection, id: PlanId) -> QueryResult<usize> {
    diesel::delete(plans::table.find(id)).execute(conn).await
}

/// Its groups are these from now on.
pub async fn set_groups(
    conn: &mut AsyncPgConnection,
    plan: PlanNo,
    of: &[GroupNo],
) -> QueryResult<()> {
    diesel::delete(plan_groups::table.filter(plan_groups::plan_no.eq(plan)))
        .execute(conn)
        .await?;
    let rows: Vec<_> = of
        .iter()
        .map(|group| {
            (
                plan_groups::plan_no.eq(plan),
                plan_groups::group_no.eq(group),
            )
        })
        .collect();
    diesel::insert_into(plan_groups::table)
        .values(rows)
        .on_conflict_do_nothing()
        .execute(conn)
        .await?;
    Ok(())
}

/// The groups that these plans put their users into.
pub async fn groups_of(
    conn: &mut AsyncPgConnection,
    of: &[PlanNo],
) -> QueryResult<Vec<(PlanNo, GroupNo, String)>> {
    plan_groups::table
        .inner_join(groups::table.on(groups::number.eq(plan_groups::group_no)))
        .filter(plan_groups::plan_no.eq_any(of))
        .order((plan_groups::plan_no, groups::name))
        .select((plan_groups::plan_no, groups::number, groups::name))
        .load(conn)
        .await
}

/// Names by compact number.
pub async fn names(
    conn: &mut AsyncPgConnection,
    of: &[PlanNo],
) -> QueryResult<Vec<(PlanNo, String)>> {
    if of.is_empty() {
        return Ok(Vec::new());
    }
    plans::table
        .filter(plans::number.eq_any(of))
        .select((plans::number, plans::name))
        .load(conn)
        .await
}

/// How many users have each of these plans; `most` stands for that many or more.
pub async fn count_users(
    conn: &mut AsyncPgConnection,
    of: &[PlanNo],
    most: i64,
) -> QueryResult<HashMap<PlanNo, i64>> {
    #[derive(QueryableByName)]
    struct Counted {
        #[diesel(sql_type = BigInt)]
        number: PlanNo,
        #[diesel(sql_type = BigInt)]
        counted: i64,
    }
    let counted: Vec<Counted> = sql_query(include_str!("sql/count_holders.sql"))
        .bind::<Array<BigInt>, _>(of)
        .bind::<BigInt, _>(most)
        .load(conn)
        .await?;
    Ok(counted.into_iter().map(|c| (c.number, c.counted)).collect())
}

/// The next users with a plan, by number, whose limits or groups are not the plan's.
pub async fn differing(
    conn: &mut AsyncPgConnection,
    plan: PlanNo,
    after: UserNo,
    limit: i64,
) -> QueryResult<Vec<(UserNo, UserId)>> {
    #[derive(QueryableByName)]
    struct Differing {
        #[diesel(sql_type = BigInt)]
        number: UserNo,
        #[diesel(sql_type = SqlUuid)]
        id: UserId,
    }
    // a plan without groups leaves those of its users
    let found: Vec<Differing> = sql_query(
        "SELECT u.number, u.id FROM users u JOIN plans p ON p.number = u.plan_no
         WHERE u.plan_no = $1 AND u.number > $2 AND u.erased_at IS NULL
            AND ((u.quota, u.quota_window, u.device_limit, u.online_limit)
                    IS DISTINCT FROM (p.quota, p.quota_window, p.device_limit, p.online_limit)
                OR (SELECT array_agg(group_no ORDER BY group_no) FROM plan_groups WHERE plan_no = $1) <> coalesce(
                    (SELECT array_agg(group_no ORDER BY group_no) FROM group_users WHERE user_no = u.number), '{}'))
         ORDER BY u.number LIMIT $3",
    )
    .bind::<BigInt, _>(plan)
    .bind::<BigInt, _>(after)
    .bind::<BigInt, _>(limit)
    .load(conn)
    .await?;
    Ok(found
        .into_iter()
        .map(|user| (user.number, user.id))
        .collect())
}

/// Directories must read every user with this plan again.
pub async fn touch_users(conn: &mut AsyncPgConnection, plan: PlanNo) -> QueryResult<usize> {
    users::table
        .filter(users::plan_no.eq(plan))
        .select((sql::<Text>("'user'"), sql::<BigInt>("users.number")))
        .insert_into(changes::table)
        .into_columns((changes::kind, changes::entity))
        .execute(conn)
        .await
}
