//! What the operator set, as far as the service needs it.

use std::time::Duration;

use crate::domain::{AddressRule, HealingPolicy, RetrySchedule};

/// Limits and defaults, from the configuration.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Most bytes of one event's payload.
    pub event_bytes: usize,
    /// Most bytes of one batch.
    pub batch_bytes: usize,
    /// Most events of one batch.
    pub batch_events: usize,
    /// Deepest nesting of a payload.
    pub json_nesting: usize,
    /// Most webhooks of one account.
    pub webhooks_per_account: usize,
    /// Most patterns in a webhook's selection.
    pub events_per_selection: usize,
    /// Most headers of its own of one webhook.
    pub headers_per_webhook: usize,
    /// Most bytes of all of a webhook's own headers together.
    pub header_bytes: usize,
    /// Which targets may be sent to.
    pub address_rule: AddressRule,
    /// Whether the test receiver takes requests, if the operator decided.
    pub test_receiver: Option<bool>,
    /// Refuse http targets.
    pub require_https: bool,
    /// Time for one request where the webhook sets none.
    pub timeout_ms: u32,
    /// Requests at once where the webhook sets none.
    pub max_in_flight: u16,
    /// Delays between attempts where the webhook sets none.
    pub retry_schedule: RetrySchedule,
    /// When a webhook that only fails is switched off, and what follows.
    pub healing: HealingPolicy,
    /// From which lag on it is an alarm.
    pub alarm_lag: Duration,
    /// How long a browser stays signed in.
    pub session: Duration,
    /// How long a session lasts that nobody uses.
    pub session_idle: Duration,
    /// How long events are kept.
    pub retention: Duration,
    /// The address people and programs reach this server at, if set.
    pub public_url: Option<String>,
    /// Whether this server itself speaks TLS.
    pub speaks_tls: bool,
}

impl Settings {
    /// `https` or `http`: how this server is reached where no public address is set.
    pub fn scheme(&self) -> &'static str {
        if self.speaks_tls { "https" } else { "http" }
    }

    /// Whether people and programs reach this server over TLS only.
    pub fn is_secure(&self) -> bool {
        self.public_url.as_deref().map_or(self.speaks_tls, |url| url.starts_with("https:"))
    }
}
