//! From instance to instance: what one says, all that listen at that moment hear, the speaker too. Nothing is kept.
use super::{Cache, Result};
use futures_util::{Stream, StreamExt};

impl Cache {
    /// Says something.
    pub async fn say(&self, channel: &str, text: &str) -> Result<()> {
        let mut link = self.link.clone();
        let mut publish = redis::cmd("PUBLISH");
        publish.arg(format!("{}{channel}", self.prefix)).arg(text);
        publish.query_async(&mut link).await
    }

    /// Listens on a connection of its own; the stream ends when that is lost.
    pub async fn listen(&self, channel: &str) -> Result<impl Stream<Item = String> + Send + use<>> {
        let mut listening = self.client.get_async_pubsub().await?;
        listening
            .subscribe(format!("{}{channel}", self.prefix))
            .await?;
        let said = listening.into_on_message();
        Ok(said.filter_map(|message| async move { message.get_payload().ok() }))
    }
}
