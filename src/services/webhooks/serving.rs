//! Receivers that are being served: each by one task, and not more of them at once than there are places.
use crate::models::WebhookId;
use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Receivers called at once.
const PLACES: usize = 32;

/// Which they are.
#[derive(Clone, Debug, Default)]
pub struct Serving(Arc<Mutex<HashSet<WebhookId>>>);

/// A place, free again once this is dropped, however the task that held it ended.
pub(super) struct Place {
    of: Serving,
    webhook: WebhookId,
}

impl Serving {
    /// A place for a receiver; none if it has one, or all are taken.
    pub(super) fn place(&self, webhook: WebhookId) -> Option<Place> {
        let mut taken = self.taken();
        let free = taken.len() < PLACES && taken.insert(webhook);
        free.then(|| Place {
            of: self.clone(),
            webhook,
        })
    }

    /// Whether nobody is being served.
    pub fn is_idle(&self) -> bool {
        self.taken().is_empty()
    }

    fn taken(&self) -> MutexGuard<'_, HashSet<WebhookId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.of.taken().remove(&self.webhook);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[tokio::test]
    async fn a_place_is_free_again_even_after_a_panic() {
        let serving = Serving::default();
        let webhook = WebhookId(Uuid::from_u128(1));
        let place = serving.place(webhook).unwrap();
        assert!(serving.place(webhook).is_none());
        let task = tokio::spawn(async move {
            let _place = place;
            panic!("what a receiver is never told");
        });
        assert!(task.await.unwrap_err().is_panic());
        assert!(serving.place(webhook).is_some());
    }

    #[test]
    fn places_are_bounded() {
        let serving = Serving::default();
        let mut ids = (1..).map(|n| WebhookId(Uuid::from_u128(n)));
        let held: Vec<_> = (&mut ids)
            .take(PLACES)
            .filter_map(|id| serving.place(id))
            .collect();
        assert_eq!(held.len(), PLACES);
        assert!(ids.next().is_some_and(|id| serving.place(id).is_none()));
    }
}
