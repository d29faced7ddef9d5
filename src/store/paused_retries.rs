//! What of a queue may be sent while its webhook's retries are paused.

use super::{
    Due, QueuePage, Store,
    attempts::{CHUNK, queue_rows},
    batch::read,
    tables::DELIVERIES,
};
use crate::domain::{Delivery, Problem, StartedBy, WebhookId};

impl Store {
    /// As [`Store::queue_page`], without retries that wait because somebody paused them: the sender
    /// does not see what it must not send.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn sendable_page(&self, webhook: WebhookId, after: Option<Due>, limit: usize) -> Result<QueuePage, Problem> {
        if self.webhooks().get(webhook).is_none_or(|webhook| webhook.retries_paused.is_none()) {
            return self.queue_page(webhook, after, limit);
        }
        let (mut place, mut rows) = (after, Vec::new());
        loop {
            // Each part is a look of its own, so that none holds the file's old pages for long.
            let (part, more) = self.read(|transaction| {
                let part = queue_rows(transaction, webhook, place, CHUNK)?;
                let deliveries = transaction.open_table(DELIVERIES)?;
                let mut sendable = Vec::new();
                for due in &part.rows {
                    let delivery = read::<Delivery>(&deliveries, due.delivery.0)?;
                    if delivery.is_some_and(|delivery| delivery.next_start != StartedBy::Automatic) {
                        sendable.push(*due);
                    }
                }
                place = part.rows.last().copied().or(place);
                Ok((sendable, part.more))
            })?;
            rows.extend(part);
            if rows.len() > limit {
                rows.truncate(limit);
                return Ok(QueuePage { rows, more: true });
            }
            if !more {
                return Ok(QueuePage { rows, more: false });
            }
        }
    }
}
