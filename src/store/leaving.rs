//! The last attempts of a webhook that is about to be deleted.

use redb::ReadableTable;

use super::{Due, Notice, Pending, Store, attempts::CHUNK, batch::read, fail::Fail};
use crate::domain::{Delivery, DeliveryId, StartedBy, Timestamp, WebhookId};

impl Store {
    /// Makes deliveries of a webhook due now that would be due later, as if somebody had sent each
    /// again; a bounded number of them. Answers whether there may be more.
    ///
    /// # Errors
    /// `cannot_write`.
    pub fn hurry(&self, webhook: WebhookId, now: Timestamp, by: String) -> Pending<bool> {
        self.write(move |batch| {
            let later = (webhook.0, now.as_millis() + 1, 0)..=(webhook.0, u64::MAX, u128::MAX);
            let mut ids = Vec::new();
            for row in batch.queue.range(later)?.take(CHUNK) {
                ids.push(row?.0.value().2);
            }
            for id in &ids {
                let before = read::<Delivery>(&*batch.deliveries, *id)?;
                let before =
                    before.ok_or_else(|| Fail::damaged(format!("{} is queued and not there", DeliveryId(*id))))?;
                let mut after = before.clone();
                (after.due, after.missed) = (Some(now), false);
                (after.next_start, after.next_start_by) = (StartedBy::Resend, Some(by.clone()));
                batch.change_delivery(&before, &after)?;
                let due = Due { at: now, delivery: after.id };
                batch.notices.push(Notice::Queued { webhook, due });
            }
            Ok(ids.len() == CHUNK)
        })
    }
}
