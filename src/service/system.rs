//! How the server itself is doing.

use std::time::Duration;

use super::Service;
use crate::domain::{Actor, EventId, Problem, Timestamp};

/// Events counted one by one at the most; some 50 ms of work.
const MOST_COUNTED: usize = 100_000;
const DAY: Duration = Duration::from_secs(24 * 3_600);

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
    /// Since when all sending is paused; `None` while it is not.
    pub paused_since: Option<Timestamp>,
}

/// What the machine and the sender are at, for a page.
#[derive(Debug, Clone, PartialEq)]
pub struct Machine {
    /// Requests in flight.
    pub in_flight: usize,
    /// Requests that ended in a second lately.
    pub sent_per_second: f64,
    /// When the sender last looked around.
    pub last_turn_at: Timestamp,
    /// When the server started.
    pub started_at: Timestamp,
    /// Size of the data file.
    pub database_bytes: u64,
    /// Free bytes of its disk; `None` if that cannot be told.
    pub free_bytes: Option<u64>,
    /// When our own certificate ends; `None` without TLS.
    pub certificate_ends: Option<Timestamp>,
}

/// How much is stored and how much comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Volume {
    /// Events stored.
    pub events: u64,
    /// Events accepted in the last 24 hours.
    pub accepted_last_day: u64,
}

/// What the retention takes in the next 24 hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expiring {
    /// Events.
    pub events: u64,
    /// There are more than were counted.
    pub more: bool,
    /// About how many bytes of the data file that is, if its size is `database_bytes`.
    pub bytes: u64,
}

/// Whether what comes can be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storing {
    /// All of it.
    Fine,
    /// Events are refused, because the limit of disk space is reached.
    Full,
    /// Nothing can be written.
    CannotWrite,
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
        let mut stats = SystemStats {
            waiting: 0,
            oldest_due: None,
            accepted_today: 0,
            delivered_today: 0,
            failed_today: 0,
            paused_since: self.pause().map(|pause| pause.at),
        };
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

    /// The schema of the data file.
    pub const SCHEMA: u64 = crate::store::Store::SCHEMA;

    /// Whether what comes can be kept.
    pub fn storing(&self) -> Storing {
        match (self.store.is_writable(), self.store.is_full()) {
            (false, _) => Storing::CannotWrite,
            (true, true) => Storing::Full,
            (true, false) => Storing::Fine,
        }
    }

    /// How much is stored and how much comes.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn volume(&self) -> Result<Volume, Problem> {
        let hour = self.now().hour();
        let hours = self.store.account_hours(None, hour.saturating_sub(23), hour)?;
        let accepted_last_day = hours.iter().map(|(_, hour)| hour.accepted).sum();
        Ok(Volume { events: self.store.event_count()?, accepted_last_day })
    }

    /// What the retention takes in the next 24 hours, where the data file has `database_bytes`.
    /// Deliveries that are still pending then keep their event; that is not looked at here.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn expiring(&self, database_bytes: u64) -> Result<Expiring, Problem> {
        let before = self.now().plus(DAY).minus(self.settings.retention);
        let events = self.store.events_before(before, MOST_COUNTED)? as u64;
        let all = self.store.event_count()?.max(1);
        let bytes = (u128::from(database_bytes) * u128::from(events) / u128::from(all)) as u64;
        Ok(Expiring { events, more: events >= MOST_COUNTED as u64, bytes })
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
        self.forget_audit().await?;
        // The pages look back 30 days at the most.
        self.store.forget_hours(now.hour().saturating_sub(31 * 24)).await?;
        Ok(removed)
    }

    /// Looks whether the data file is still in its place; while it is not, events are refused.
    pub fn look_for_file(&self) {
        self.store.look_for_file();
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
