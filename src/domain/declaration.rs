//! What the operator sets up by the configuration file: webhooks, event types and API keys, each
//! under a name that stays.

use super::{AccountId, CustomHeaders, EventType, RetrySchedule, Scope, Secret, Selection, TargetUrl};

/// Everything that is set up so. `place` is where each stands, such as `hookstead.toml:12`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Declaration {
    /// Event types.
    pub event_types: Vec<DeclaredEventType>,
    /// Webhooks.
    pub webhooks: Vec<DeclaredWebhook>,
    /// API keys.
    pub api_keys: Vec<DeclaredApiKey>,
}

/// A webhook.
#[derive(Debug, Clone, PartialEq)]
pub struct DeclaredWebhook {
    /// What it is recognised by.
    pub name: String,
    /// Where it stands.
    pub place: String,
    /// Whose.
    pub account: AccountId,
    /// Where to send.
    pub request_url: TargetUrl,
    /// Which events.
    pub selection: Selection,
    /// What to sign with; one is made, and kept, if there is none.
    pub secret: Option<Secret>,
    /// Its own headers.
    pub headers: CustomHeaders,
    /// Shown in lists.
    pub description: String,
    /// Whether it is on.
    pub enabled: bool,
    /// Most time for one request.
    pub timeout_ms: Option<u32>,
    /// Most requests at once.
    pub max_in_flight: Option<u16>,
    /// Most requests started in a second.
    pub rate_per_second: Option<u32>,
    /// Delays between attempts.
    pub retry_schedule: Option<RetrySchedule>,
    /// Whether it keeps order.
    pub ordered: bool,
}

/// An event type.
#[derive(Debug, Clone, PartialEq)]
pub struct DeclaredEventType {
    /// Its name.
    pub name: EventType,
    /// Where it stands.
    pub place: String,
    /// What people call it.
    pub label: String,
    /// Under which heading it is listed.
    pub category: String,
    /// When it happens.
    pub description: String,
    /// An example of its payload, raw JSON.
    pub example: Option<String>,
    /// A JSON Schema of its payload, raw JSON.
    pub schema: Option<String>,
}

/// An API key, of which only the hash is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclaredApiKey {
    /// What people call it.
    pub name: String,
    /// Where it stands.
    pub place: String,
    /// SHA-256 of the key.
    pub hash: [u8; 32],
    /// The last four characters of the key; empty if only its hash was given.
    pub last_four: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// The only account it may see.
    pub account: Option<AccountId>,
}
