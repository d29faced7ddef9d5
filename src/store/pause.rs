//! The pause of all sending: remembered, so that it outlives a restart.

use std::sync::Arc;

use super::{AuditEntry, Notice, Pending, Store, batch::Batch, fail::Fail, record::encode, tables::*};
use crate::domain::{Pause, Problem, Timestamp, WebhookId};

/// Its key in the table `meta`.
pub(super) const KEY: &str = "pause";

impl Store {
    /// The pause of all sending, as of the last commit.
    pub fn pause(&self) -> Option<Arc<Pause>> {
        self.inner.shared.read().expect("no writer panics").pause.clone()
    }

    /// Pauses all sending.
    ///
    /// # Errors
    /// `conflict` if it is paused already, `cannot_write`.
    pub fn pause_sending(&self, pause: Pause, audit: AuditEntry) -> Pending<()> {
        self.write(move |batch| {
            if batch.shared.pause.is_some() {
                return Err(Problem::conflict("Sending is paused already.").into());
            }
            batch.audit(&audit)?;
            let text = serde_json::to_string(&pause).expect("a pause is texts and a number");
            batch.open(META)?.insert(KEY, text.as_str())?;
            batch.shared.pause = Some(Arc::new(pause));
            batch.notices.push(Notice::Paused(true));
            Ok(())
        })
    }

    /// Sends again. The time of the pause is taken out of every spell of failure, so that no
    /// webhook is judged by it.
    ///
    /// # Errors
    /// `conflict` if sending is not paused, `cannot_write`.
    pub fn resume_sending(&self, now: Timestamp, audit: AuditEntry) -> Pending<()> {
        self.write(move |batch| {
            let Some(pause) = batch.shared.pause.take() else {
                return Err(Problem::conflict("Sending is not paused.").into());
            };
            batch.audit(&audit)?;
            batch.open(META)?.remove(KEY)?;
            let webhooks: Vec<WebhookId> = batch.shared.webhooks.all().map(|webhook| webhook.id).collect();
            for webhook in webhooks {
                pause.leave_out(batch.state(webhook), now);
            }
            leave_out_of_warnings(batch, &pause, now)?;
            batch.notices.push(Notice::Paused(false));
            Ok(())
        })
    }
}

/// A warning belongs to the spell of failure that it names, which has moved.
fn leave_out_of_warnings(batch: &mut Batch, pause: &Pause, now: Timestamp) -> Result<(), Fail> {
    let mut table = batch.open(HEALING)?;
    for (webhook, healing) in Arc::make_mut(&mut batch.shared.healings) {
        let Some(warned) = &mut healing.warned else { continue };
        warned.since = pause.later(warned.since, now);
        warned.at = pause.later(warned.at, now);
        table.insert(webhook.0, encode(healing).as_slice())?;
    }
    Ok(())
}
