//! The connection that listens.
use crate::support::database::database;
use hywarden::database::listen;
use std::time::Duration;
use tokio::{sync::mpsc, time::timeout};
use tokio_util::sync::CancellationToken;

#[tokio::test]
async fn a_notice_is_heard_and_a_lost_connection_asks_for_a_look() {
    let db = database().await;
    let (heard, mut notices) = mpsc::unbounded_channel();
    let stop = CancellationToken::new();
    let listening = tokio::spawn(listen(
        db.url.clone(),
        "bell",
        stop.clone(),
        move |payload| {
            heard.send(payload.to_owned()).unwrap();
        },
    ));
    let mut next = async || {
        timeout(Duration::from_secs(30), notices.recv())
            .await
            .unwrap()
            .unwrap()
    };
    assert_eq!(
        next().await,
        "",
        "connected: something may have been missed"
    );
    db.execute("NOTIFY bell, 'one'").await;
    assert_eq!(next().await, "one");
    db.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE application_name = 'hywarden listens' AND datname = current_database()",
    )
    .await;
    assert_eq!(next().await, "", "connected again");
    db.execute("NOTIFY bell, 'two'").await;
    assert_eq!(next().await, "two");
    stop.cancel();
    listening.await.unwrap();
}
