//! The store as the sender sees it.

use crate::{
    domain::{DeliveryId, Problem, Timestamp, WebhookId},
    sender::{Deliveries, engine::LaneSettings},
    store::{AttemptRecord, Due, Parcel, QueuePage, Store},
};

/// Joins the sender to the store, which do not know each other's whole face.
pub struct StoredDeliveries {
    store: Store,
}

impl StoredDeliveries {
    /// The deliveries of `store`.
    pub fn new(store: Store) -> Self {
        StoredDeliveries { store }
    }
}

impl Deliveries for StoredDeliveries {
    fn webhooks_on(&self) -> Result<Vec<WebhookId>, Problem> {
        Ok(self.store.webhooks().all().filter(|webhook| webhook.is_on()).map(|webhook| webhook.id).collect())
    }

    fn lane_settings(&self, webhook: WebhookId) -> Result<Option<LaneSettings>, Problem> {
        let found = self.store.webhooks().get(webhook).filter(|found| found.deleted_at.is_none());
        Ok(found.map(|found| LaneSettings::of(&found, self.store.webhook_state(webhook).throttled_until)))
    }

    fn queue_page(&self, webhook: WebhookId, after: Option<Due>, limit: usize) -> Result<QueuePage, Problem> {
        self.store.sendable_page(webhook, after, limit)
    }

    fn parcel(&self, delivery: DeliveryId, due: Timestamp) -> Result<Option<Parcel>, Problem> {
        self.store.parcel(delivery, due)
    }

    fn record(&self, attempts: Vec<AttemptRecord>) {
        // Nobody waits: a notice says what came of it.
        drop(self.store.record(attempts));
    }
}
