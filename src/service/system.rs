//! How the server itself is doing.

use super::Service;
use crate::domain::{Actor, EventId, Problem, Timestamp};

/// Numbers of the whole server, or of one account for a key that is limited to one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemStats {
    /// Deliveries that are pending.
    pub waiting: u64,
    /// When the oldest one that could be sent was due.
    pub oldest_due: Option<Timestamp>,
    /// Events accepted since midnight UTC.
    pub accepted_today: u64,
    /// Deliveries that ended in success since midnight UTC.
    pub delivered_today: u64,
    /// Deliveries that ended in failure since midnight UTC.
    pub failed_today: u64,
}

/// One thing that must hold for the server to be ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What.
    pub name: &'static str,
    /// Whether it holds.
    pub ok: bool,
}

impl Service {
    /// Numbers of the whole server.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn system_stats(&self, actor: &Actor) -> Result<SystemStats, Problem> {
        let webhooks = self.store.webhooks();
        let seen: Vec<_> = webhooks.all().filter(|webhook| actor.sees(&webhook.account)).collect();
        let mut stats =
            SystemStats { waiting: 0, oldest_due: None, accepted_today: 0, delivered_today: 0, failed_today: 0 };
        let midnight = self.now().hour() / 24 * 24;
        for webhook in &seen {
            stats.waiting += self.store.webhook_state(webhook.id).waiting;
        }
        let heads = seen.iter().filter(|webhook| webhook.is_on()).map(|webhook| webhook.id);
        let heads = heads.filter(|id| self.store.webhook_state(*id).waiting > 0);
        stats.oldest_due = self.store.oldest_due(heads)?.map(|oldest| oldest.at);
        for (_, hour) in self.store.account_hours(actor.account(), midnight, midnight + 23)? {
            stats.accepted_today += hour.accepted;
            stats.delivered_today += hour.success;
            stats.failed_today += hour.failed;
        }
        Ok(stats)
    }

    /// Whether events can be taken: the store must be writable.
    pub fn checks(&self) -> Vec<Check> {
        vec![Check { name: "store_writable", ok: self.store.is_writable() }]
    }

    /// Compares every stored table with every other. Reads everything, so it takes a while; an
    /// empty list means that they agree.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn verify(&self) -> Result<Vec<String>, Problem> {
        self.store.verify()
    }

    /// Goes on ending what waits for webhooks that were deleted, where a stop came in between.
    ///
    /// # Errors
    /// `cannot_write`.
    pub async fn settle_deleted_webhooks(&self) -> Result<(), Problem> {
        let deleted: Vec<_> =
            self.store.webhooks().all_with_deleted().filter(|webhook| webhook.deleted_at.is_some()).collect();
        for webhook in deleted {
            if self.store.webhook_state(webhook.id).waiting > 0 {
                self.store.settle_deleted(webhook.id, self.now()).await?;
            }
        }
        Ok(())
    }

    /// Removes events that are older than the retention and have no pending delivery. Answers how
    /// many.
    ///
    /// # Errors
    /// `cannot_write`.
    pub async fn forget_old(&self) -> Result<usize, Problem> {
        let now = self.now();
        let before = now.minus(self.settings.retention);
        let (mut from, mut removed) = (EventId(0), 0);
        loop {
            let step = self.store.forget(before, from).await?;
            removed += step.events;
            match step.next {
                Some(next) => from = next,
                None => break,
            }
        }
        // The pages look back 30 days at the most.
        self.store.forget_hours(now.hour().saturating_sub(31 * 24)).await?;
        Ok(removed)
    }

    /// Refuses events while `full` is true; the upkeep measures.
    pub fn set_full(&self, full: bool) {
        self.store.set_full(full);
    }

    /// Writes what waits and takes nothing more.
    pub fn close(&self) {
        self.store.stop();
    }
}
