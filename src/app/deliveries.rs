//! The store as the sender sees it.

use std::{sync::Arc, time::Duration};

use crate::{
    domain::{DeliveryId, Problem, Timestamp, Verdict, WebhookId},
    sender::{Deliveries, engine::LaneSettings},
    store::{AttemptRecord, Due, Parcel, QueuePage, Store},
    system::Meters,
};

/// Joins the sender to the store, which do not know each other's whole face, and counts what passes.
pub struct StoredDeliveries {
    store: Store,
    meters: Arc<Meters>,
}

impl StoredDeliveries {
    /// The deliveries of `store`.
    pub fn new(store: Store, meters: Arc<Meters>) -> Self {
        StoredDeliveries { store, meters }
    }

    fn count(&self, record: &AttemptRecord) {
        self.meters.count_attempt(&record.attempt.outcome);
        self.meters.attempt.observe(Duration::from_millis(record.attempt.duration_ms.into()));
        // At debug: a line for each of thousands in a second. What was sent stands in the log entry.
        tracing::debug!(
            log_id = %record.delivery,
            webhook_id = %record.webhook,
            attempt = record.attempt.number,
            result = record.attempt.outcome.words(),
            ms = record.attempt.duration_ms,
            "attempt"
        );
        if record.verdict == Verdict::Done {
            // A delivery's id is of the moment its event was accepted.
            self.meters.delivery.observe(record.finished_at - record.delivery.made_at());
        }
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
        self.store.queue_page(webhook, after, limit)
    }

    fn parcel(&self, delivery: DeliveryId, due: Timestamp) -> Result<Option<Parcel>, Problem> {
        self.store.parcel(delivery, due)
    }

    fn record(&self, attempts: Vec<AttemptRecord>) {
        attempts.iter().for_each(|record| self.count(record));
        // Nobody waits: a notice says what came of it.
        drop(self.store.record(attempts));
    }
}
