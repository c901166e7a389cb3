use std::time::Duration;

/// Waits until the condition holds; a test that waits in vain ends by its own time limit.
pub async fn until(condition: impl AsyncFn() -> bool) {
    while !condition().await {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
