//! What may be asked of Hookstead. The JSON API, the pages and the commands all come through here;
//! each function takes the [`Actor`](crate::domain::Actor) it acts for and checks what that actor
//! may do. Nothing here knows of HTTP.
//!
//! Functions that write are `async`: they answer after the commit. Functions that only read block
//! for a few milliseconds at most; call them from a thread that may.

mod access;
mod backup;
mod bulk;
mod event_types;
mod events;
mod healing;
mod logs;
mod pause;
mod retention;
mod settings;
mod system;
mod test_receiver;
mod views;
mod webhooks;

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex},
};

use tokio::sync::Semaphore;

pub use crate::{
    domain::Page,
    store::{AccountHour, AuditEntry, BackupFile, BackupMade, BulkJob, EventFilter, LastBackup, Progress},
};
pub use access::{CreatedKey, KeyInput, KeyView, SignIn, SignedIn};
pub use backup::{BackupFailure, BackupStatus};
pub use bulk::{BulkPlan, BulkRequest};
pub use event_types::{EventTypeChange, EventTypeInput, Removed};
pub use events::{Accepted, DryRun, PublishEvent};
pub use healing::LookedAfter;
pub use retention::{Expiring, PayloadBytes};
pub use settings::{BackupSettings, Settings};
pub use system::{Check, Machine, Storing, SystemStats, Volume};
pub use test_receiver::{Received, SignatureCheck, SignedBy};
pub use views::{
    AttemptView, EventDetail, LogDetail, LogEntry, NotSent, NotSentReason, ShownHeader, WebhookStats, WebhookView,
};
pub use webhooks::{FirstSteps, Missed, TestEvent, TestResult, WebhookChange, WebhookInput};

use crate::{
    domain::{ApiKeyId, Attempt, EventId, IdSequence, JobId, TargetUrl, Timestamp, UserId, WebhookId},
    store::{Parcel, Store},
    system::{Clock, Random},
};

/// Sends one request at once, outside the queue. The sender does it; the service asks for it.
pub trait Prober: Send + Sync {
    /// Sends and waits for the outcome, at most the webhook's timeout. `None` if too many such
    /// requests are under way.
    fn probe(&self, parcel: Parcel) -> Option<Attempt>;

    /// Whether the name in the URL leads to an address. What cannot be found out counts as known.
    fn knows_host(&self, url: &TargetUrl) -> bool;
}

/// What may be asked of Hookstead.
pub struct Service {
    store: Store,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    prober: Arc<dyn Prober>,
    settings: Settings,
    ids: Mutex<IdSequence>,
    setup_token: String,
    sign_in_failures: Mutex<access::SignInFailures>,
    /// Hashing a password takes 19 MiB and a core, so few are hashed at once; others wait.
    hashing: Semaphore,
    keys_used: Mutex<HashMap<ApiKeyId, (Timestamp, Option<IpAddr>)>>,
    backups: backup::Backups,
    payload_bytes: retention::Measured,
}

impl Service {
    /// A service over `store`.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn new(
        store: Store,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        prober: Arc<dyn Prober>,
        settings: Settings,
    ) -> Result<Self, crate::domain::Problem> {
        let last = store.last_id()?;
        let setup_token = access::random_text(&*random, 32);
        Ok(Service {
            store,
            clock,
            random,
            prober,
            settings,
            ids: Mutex::new(IdSequence::after(last)),
            setup_token,
            sign_in_failures: Mutex::default(),
            hashing: Semaphore::new(access::HASHED_AT_ONCE),
            keys_used: Mutex::default(),
            backups: backup::Backups::default(),
            payload_bytes: retention::Measured::default(),
        })
    }

    /// The present time.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// What the operator set.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    fn next_id(&self, now: Timestamp) -> u128 {
        let random = self.random.next_u64();
        self.ids.lock().expect("nothing panics while it holds the ids").next(now, random)
    }

    fn next_event_id(&self, now: Timestamp) -> EventId {
        EventId(self.next_id(now))
    }

    fn next_webhook_id(&self, now: Timestamp) -> WebhookId {
        WebhookId(self.next_id(now))
    }

    fn next_key_id(&self, now: Timestamp) -> ApiKeyId {
        ApiKeyId(self.next_id(now))
    }

    fn next_user_id(&self, now: Timestamp) -> UserId {
        UserId(self.next_id(now))
    }

    fn next_job_id(&self, now: Timestamp) -> JobId {
        JobId(self.next_id(now))
    }
}
