//! Writes admitted connections.
use crate::services::accounting::OpenedWriter;
use tokio_util::sync::CancellationToken;

/// Writes until `stop`, and then what is left in the queue.
pub async fn run(mut writer: OpenedWriter, stop: CancellationToken) {
    loop {
        // A round that was begun is finished: what it took from the queue is nowhere else.
        writer.run_once(&stop).await;
        if stop.is_cancelled() {
            break;
        }
    }
    writer.finish().await;
}
