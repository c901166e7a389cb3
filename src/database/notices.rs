//! The one connection of the process that listens. A notice only hurries what is asked again anyway, so a lost one costs
//! time and nothing else.
use anyhow::Result;
use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};
use futures_util::StreamExt;
use std::time::Duration;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// Before a lost connection is opened again.
const AGAIN: Duration = Duration::from_millis(500);
/// Longer than this no connection may take to open.
const UNANSWERED: Duration = Duration::from_secs(3);

/// Calls `on` with the payload of every notice on the channel, and once after each (re)connection with an empty one,
/// because notices may have been missed; until `stop`.
pub async fn listen(
    url: String,
    channel: &'static str,
    stop: CancellationToken,
    mut on: impl FnMut(&str) + Send,
) {
    while !stop.is_cancelled() {
        tokio::select! {
            () = stop.cancelled() => return,
            ended = connected(&url, channel, &mut on) => if let Err(why) = ended {
                tracing::debug!(channel, error = format!("{why:#}"), "the listening connection was lost");
            },
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep(AGAIN) => {}
        }
    }
}

async fn connected(url: &str, channel: &str, on: &mut (impl FnMut(&str) + Send)) -> Result<()> {
    let mut conn = timeout(UNANSWERED, AsyncPgConnection::establish(url)).await??;
    conn.batch_execute(&format!(
        "SET application_name = 'hywarden listens'; LISTEN {channel}"
    ))
    .await?;
    on("");
    let mut notices = std::pin::pin!(conn.notifications_stream());
    while let Some(notice) = notices.next().await {
        on(&notice?.payload);
    }
    Ok(())
}
