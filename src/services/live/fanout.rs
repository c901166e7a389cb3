//! Events from the instance that took them out of the outbox to all others, through Redis; and, because Redis keeps nothing
//! and may be away, by a look at the table now and then. An event that comes both ways is told once. What is to be told
//! waits in one queue for one speaker, so that it is heard in its order.
use super::Live;
use crate::{
    error::Result,
    services::events::{News, Place},
};
use futures_util::{StreamExt, pin_mut};
use std::time::Duration;
use tokio::sync::mpsc;

const CHANNEL: &str = "live-events";
/// Events of one look.
const PAGE: i64 = 100;
/// Batches that wait for Redis.
const WAITING: usize = 64;

/// What other instances are to be told, in its order.
pub type Words = mpsc::Receiver<Vec<News>>;

/// Where it waits.
pub fn queue() -> (mpsc::Sender<Vec<News>>, Words) {
    mpsc::channel(WAITING)
}

impl Live {
    /// Tells committed events here, and to the other instances.
    pub fn announce(&self, news: Vec<News>) {
        for one in &news {
            self.hub.event(one);
        }
        if self.cache.is_some() && self.words.try_send(news).is_err() {
            tracing::debug!("Redis is slow: other instances will find the events themselves");
        }
    }

    /// Tells the other instances one batch.
    pub async fn say(&self, news: &[News]) {
        let Some(cache) = &self.cache else {
            return;
        };
        for one in news {
            let Ok(text) = serde_json::to_string(one) else {
                continue;
            };
            if let Err(error) = cache.say(CHANNEL, &text).await {
                tracing::debug!(%error, "other instances will find the events themselves");
                return;
            }
        }
    }

    /// Hears what other instances tell, until the connection is lost.
    pub async fn listen(&self) -> Result<()> {
        let Some(cache) = &self.cache else {
            return std::future::pending().await;
        };
        let said = cache.listen(CHANNEL).await.map_err(anyhow::Error::from)?;
        pin_mut!(said);
        while let Some(text) = said.next().await {
            if let Ok(news) = serde_json::from_str(&text) {
                self.hub.event(&news);
            }
        }
        Ok(())
    }

    /// Looks for events that nobody told, behind a place; gives the next place.
    pub async fn catch_up(&self, place: Option<Place>) -> Result<Place> {
        let Some(mut place) = place else {
            return Ok(self.events.latest(1).await?.1);
        };
        loop {
            let (events, next) = self.events.after(&place, PAGE, Duration::ZERO).await?;
            place = next;
            let whole = i64::try_from(events.len()).is_ok_and(|n| n >= PAGE);
            for event in events {
                self.hub.event(&News::from(event));
            }
            if !whole {
                return Ok(place);
            }
        }
    }
}
