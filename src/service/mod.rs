//! What may be asked of Hookstead. The JSON API, the pages and the commands all come through here;
//! each function takes the [`Actor`](crate::domain::Actor) it acts for and checks what that actor
//! may do. Nothing here knows of HTTP.
//!
//! Functions that write are `async`: they answer after the commit. Functions that only read block
//! for a few milliseconds at most; call them from a thread that may.

mod access;
mod audit;
mod bulk;
mod declared;
mod event_types;
mod events;
mod guesses;
mod healing;
mod logs;
mod passwords;
mod pause;
mod people;
mod second_factor;
mod secrets;
mod settings;
mod sign_in;
mod system;
mod test_receiver;
mod views;
mod webhooks;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, RwLock},
};

pub use crate::{
    domain::Page,
    store::{AccountHour, AuditEntry, AuditPage, BulkJob, EventFilter},
};
pub use access::{CreatedKey, KeyInput, KeyView};
pub use bulk::{BulkPlan, BulkRequest};
pub use declared::NotSetUp;
pub use event_types::{EventTypeChange, EventTypeInput, Removed};
pub use events::{Accepted, DryRun, PublishEvent};
pub use healing::LookedAfter;
pub use logs::AccountCleared;
pub use people::{Person, SessionView};
pub use secrets::KeyRotated;
pub use settings::Settings;
pub use sign_in::{Browser, SignIn, SignInStep, SignedIn};
pub use system::{Check, Expiring, Machine, Storing, SystemStats, Volume};
pub use test_receiver::{Received, SignatureCheck, SignedBy};
pub use views::{
    AttemptView, EventDetail, LogDetail, LogEntry, NotSent, NotSentReason, ShownHeader, WebhookStats, WebhookView,
};
pub use webhooks::{FirstSteps, Missed, TestEvent, TestResult, WebhookChange, WebhookInput};

use crate::{
    domain::{
        ApiKeyId, Attempt, EventId, Fault, IdSequence, JobId, KeyUse, TargetUrl, Timestamp, TlsOptions, UserId,
        WebhookId,
    },
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

    /// Whether what a webhook adds to the encryption can be used; the same with the ends of its
    /// certificates.
    ///
    /// # Errors
    /// What is wrong, each fault pointing to its member.
    fn check_tls(&self, options: TlsOptions) -> Result<TlsOptions, Vec<Fault>>;
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
    guesses: guesses::Guesses,
    hashing: passwords::Hashing,
    half_signed_in: sign_in::HalfSignedIn,
    /// The last use of each key, and when one was last written down.
    keys_used: Mutex<HashMap<ApiKeyId, (KeyUse, Timestamp)>>,
    declared: RwLock<Arc<declared::Places>>,
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
        let keys_used = store.key_uses()?.into_iter().map(|(id, used)| (id, (used, used.at)));
        let guesses = guesses::Guesses::load(&store, clock.now())?;
        let setup_token = access::random_text(&*random, 32);
        Ok(Service {
            store,
            clock,
            random,
            prober,
            settings,
            ids: Mutex::new(IdSequence::after(last)),
            setup_token,
            guesses,
            hashing: passwords::Hashing::default(),
            half_signed_in: sign_in::HalfSignedIn::default(),
            keys_used: Mutex::new(keys_used.collect()),
            declared: RwLock::default(),
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
