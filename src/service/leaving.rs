//! Deleting a webhook once what waits for it was tried once more.
//!
//! That it leaves is part of the webhook, so a restart goes on with it: the upkeep makes everything
//! due that would be later, the sender's schedule for it has no retry, and when nothing waits any
//! more it is deleted.

use super::Service;
use crate::{
    domain::{Actor, Leaving, Problem, Scope, Timestamp, Webhook, WebhookId},
    store::{AuditEntry, WebhookUpdate},
};

/// Parts of a queue that are made due in one round of the upkeep, so that other work is not kept
/// waiting by a long one.
const PARTS_AT_ONCE: usize = 10;

impl Service {
    /// Deletes a webhook once what waits for it was tried once more. It gets no new events from now
    /// on. If nothing waits, it is deleted at once.
    ///
    /// # Errors
    /// `missing_scope`, `not_found`, `conflict` if it is being deleted already, `cannot_write`.
    pub async fn delete_webhook_after_last_tries(&self, actor: &Actor, id: WebhookId) -> Result<(), Problem> {
        actor.require(Scope::WebhooksWrite)?;
        self.changeable_webhook(actor, id)?;
        if self.store.webhook_state(id).waiting == 0 {
            return self.delete_webhook(actor, id, None).await;
        }
        let leaving = Leaving { since: self.now(), by: actor.name.clone() };
        let update: WebhookUpdate = Box::new(move |webhook: &mut Webhook| {
            webhook.leaving = Some(leaving);
            (webhook.disabled, webhook.retries_paused) = (None, None);
        });
        self.update(actor, "webhook.deletion_begun", id, None, update).await?;
        Ok(())
    }

    /// Goes on with webhooks that are being deleted. Called by the upkeep.
    ///
    /// # Errors
    /// `cannot_write`; the next round goes on.
    pub async fn look_after_leaving_webhooks(&self) -> Result<(), Problem> {
        if self.pause().is_some() {
            return Ok(());
        }
        let webhooks = self.store.webhooks();
        for webhook in webhooks.all() {
            let Some(leaving) = &webhook.leaving else { continue };
            let now = self.now();
            if self.is_ready_to_go(&webhook, leaving, now) {
                self.let_go(&webhook, leaving, now).await?;
                continue;
            }
            for _ in 0..PARTS_AT_ONCE {
                if !self.store.hurry(webhook.id, now, leaving.by.clone()).await? {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Nothing waits any more, or nothing can be sent: its receiver said that it is gone, it has
    /// failed for too long, or the time for the last attempts is over.
    fn is_ready_to_go(&self, webhook: &Webhook, leaving: &Leaving, now: Timestamp) -> bool {
        let waiting = self.store.webhook_state(webhook.id).waiting;
        waiting == 0 || !webhook.is_on() || now - leaving.since >= Leaving::LIMIT
    }

    async fn let_go(&self, webhook: &Webhook, leaving: &Leaving, now: Timestamp) -> Result<(), Problem> {
        let id = webhook.id;
        let audit =
            AuditEntry { actor: leaving.by.clone(), ..AuditEntry::new(now, &Actor::operator(), "webhook.deleted", id) };
        let update: WebhookUpdate = Box::new(move |webhook: &mut Webhook| webhook.delete(now));
        match self.store.update_webhook(id, Some(webhook.version), now, update, audit).await {
            Ok(_) => self.store.settle_deleted(id, now).await,
            // Somebody deleted or changed it meanwhile; the next round looks again.
            Err(problem) if problem.code == "precondition_failed" || problem.code == "not_found" => Ok(()),
            Err(problem) => Err(problem),
        }
    }
}
