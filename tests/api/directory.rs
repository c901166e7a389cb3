//! The directory follows the database: whatever commits, in whatever order, however long others take.
use crate::support::database::{TestDatabase, database};
use diesel_async::SimpleAsyncConnection;
use hywarden::{
    admission::Directory,
    clock::SystemClock,
    models::UserNo,
    services::directory::{DirectoryKeeper, Keeper, KeeperSettings},
};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio_util::sync::CancellationToken;

struct Followed {
    test: TestDatabase,
    directory: Arc<Directory>,
    keeper: DirectoryKeeper,
    changed: Arc<Mutex<Vec<UserNo>>>,
    stop: CancellationToken,
}

impl Drop for Followed {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

const USER: &str = "INSERT INTO users (id, name, window_started_at, created_at, updated_at)
    SELECT gen_random_uuid(), 'u' || n, now(), now(), now() FROM generate_series(1, 5) n";

fn suspend(number: i64) -> String {
    format!(
        "UPDATE users SET suspended_at = now() WHERE number = {number}; INSERT INTO changes (kind, entity) VALUES ('user', {number})"
    )
}

impl Followed {
    async fn start() -> Self {
        let test = database().await;
        test.execute(USER).await;
        let changed = Arc::<Mutex<Vec<UserNo>>>::default();
        let (directory, seen) = (Arc::<Directory>::default(), changed.clone());
        let settings = KeeperSettings {
            database_url: test.url.clone(),
            // only `caught_up` reads: what the test sees is what that promises
            period: Duration::from_hours(1),
            reconcile_every: Duration::from_hours(1),
        };
        let told = move |users: &[UserNo], _: &[_]| seen.lock().unwrap().extend(users);
        let (keeper, front) = Keeper::new(
            settings,
            directory.clone(),
            Arc::new(SystemClock),
            Arc::new(told),
        );
        let stop = CancellationToken::new();
        tokio::spawn(keeper.run(stop.clone()));
        assert!(front.wait_filled(Duration::from_secs(20)).await);
        changed.lock().unwrap().clear();
        Self {
            test,
            directory,
            keeper: front,
            changed,
            stop,
        }
    }
    fn suspended(&self) -> Vec<i64> {
        let is = |n: &i64| self.directory.user(UserNo(*n)).unwrap().suspended;
        (1..=5).filter(is).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_commits_out_of_order_is_not_missed_and_a_long_transaction_holds_nobody_back() {
    let followed = Followed::start().await;
    let mut late = followed.test.connect().await;
    let mut idle = followed.test.connect().await;
    // an open transaction with a number of its own, for the whole test
    idle.batch_execute("BEGIN; SELECT pg_current_xact_id()")
        .await
        .unwrap();
    late.batch_execute(&format!("BEGIN; {}", suspend(1)))
        .await
        .unwrap();
    followed.test.execute(&suspend(2)).await;
    followed.keeper.caught_up().await.unwrap();
    assert_eq!(
        followed.suspended(),
        [2],
        "a later number that committed first; the open one is not seen"
    );
    late.batch_execute("COMMIT").await.unwrap();
    followed.keeper.caught_up().await.unwrap();
    assert_eq!(
        followed.suspended(),
        [1, 2],
        "the earlier number that committed later"
    );
    followed.keeper.caught_up().await.unwrap();
    let told = followed.changed.lock().unwrap().clone();
    assert_eq!(
        told,
        [UserNo(2), UserNo(1)],
        "each change once, though the log is read again from the idle one on"
    );
    idle.batch_execute("ROLLBACK").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rolled_back_change_is_no_change() {
    let followed = Followed::start().await;
    let mut conn = followed.test.connect().await;
    conn.batch_execute(&format!("BEGIN; {}; ROLLBACK", suspend(3)))
        .await
        .unwrap();
    followed.keeper.caught_up().await.unwrap();
    assert_eq!(followed.suspended(), Vec::<i64>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_connection_is_made_again_and_everything_compared() {
    let followed = Followed::start().await;
    let others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
    // a change whose log row is gone before anybody read it: only a comparison finds it
    followed
        .test
        .execute(&format!("{}; DELETE FROM changes; {others}", suspend(4)))
        .await;
    for _ in 0..100 {
        if followed.keeper.caught_up().await.is_ok() && followed.suspended() == [4] {
            return;
        }
    }
    panic!("it did not come back");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reconcile_finds_what_the_log_does_not_say() {
    let followed = Followed::start().await;
    followed
        .test
        .execute("UPDATE users SET suspended_at = now() WHERE number = 5")
        .await;
    followed.keeper.caught_up().await.unwrap();
    assert_eq!(followed.suspended(), Vec::<i64>::new(), "nobody said so");
    followed.keeper.reconcile().await.unwrap();
    assert_eq!(followed.suspended(), [5]);
    assert_eq!(
        *followed.changed.lock().unwrap(),
        [UserNo(5)],
        "and only that one was other than before"
    );
}
