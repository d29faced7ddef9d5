//! Every table, on one page. Keys sort so that every list is one range.
//!
//! Numbers of ids are `u128` and grow with time, so inserts go to the right edge of each tree.
//! Values are records (see [`super::record`]) unless the type says otherwise.

use redb::TableDefinition;

/// Schema of the tables below. A file with a higher number is refused; a lower one is migrated.
///
/// 1 to 3 were never released; 4 brought the journal.
pub const SCHEMA: u64 = 4;

/// `schema` and `instance`, as text.
pub const META: TableDefinition<&str, &str> = TableDefinition::new("meta");

/// Event id → [`crate::domain::Event`].
pub const EVENTS: TableDefinition<u128, &[u8]> = TableDefinition::new("events");
/// Event id → the bytes that are sent, nothing around them.
pub const BODIES: TableDefinition<u128, &[u8]> = TableDefinition::new("bodies");
/// (caller's id, account) → event id.
pub const EXTERNAL_IDS: TableDefinition<(&str, &str), u128> = TableDefinition::new("external_ids");

/// Log id → [`crate::domain::Delivery`]. The deliveries of an event follow its id.
pub const DELIVERIES: TableDefinition<u128, &[u8]> = TableDefinition::new("deliveries");
/// (log id, number) → [`crate::domain::Attempt`]; a success at the first attempt has no row here.
pub const ATTEMPTS: TableDefinition<(u128, u32), &[u8]> = TableDefinition::new("attempts");
/// (webhook, due in milliseconds, log id): one row for each pending delivery that is not behind
/// another in an order.
pub const QUEUE: TableDefinition<(u128, u64, u128), ()> = TableDefinition::new("queue");
/// (webhook, tag of the ordering key, sequence) → log id, see [`super::order`]: one row for each
/// pending delivery that keeps an order.
pub const ORDER: TableDefinition<(u128, u128, u64), u128> = TableDefinition::new("order");
/// (kind, value, block) → number of deliveries, see [`super::tags`]: where in the log there are
/// deliveries with a property that lists filter by.
pub const LOG_BLOCKS: TableDefinition<(u8, u64, u128), u32> = TableDefinition::new("log_blocks");

/// Webhook id → [`crate::domain::Webhook`], deleted ones included.
pub const WEBHOOKS: TableDefinition<u128, &[u8]> = TableDefinition::new("webhooks");
/// (webhook id, version) → [`crate::domain::WebhookVersion`].
pub const WEBHOOK_VERSIONS: TableDefinition<(u128, u64), &[u8]> = TableDefinition::new("webhook_versions");
/// Webhook id → [`crate::domain::WebhookState`].
pub const WEBHOOK_STATES: TableDefinition<u128, &[u8]> = TableDefinition::new("webhook_states");
/// Webhook id → [`crate::domain::Healing`], for those that have something to remember.
pub const HEALING: TableDefinition<u128, &[u8]> = TableDefinition::new("healing");
/// (webhook id, hour) → [`crate::domain::HourStats`].
pub const HOURS: TableDefinition<(u128, u32), &[u8]> = TableDefinition::new("hours");
/// (hour, account) → [`super::AccountHour`].
pub const ACCOUNT_HOURS: TableDefinition<(u32, &str), &[u8]> = TableDefinition::new("account_hours");

/// Name → [`crate::domain::EventTypeInfo`], for those that are not built in, or built in and retired.
pub const EVENT_TYPES: TableDefinition<&str, &[u8]> = TableDefinition::new("event_types");
/// Job id → [`super::BulkJob`].
pub const JOBS: TableDefinition<u128, &[u8]> = TableDefinition::new("jobs");

/// User id → [`crate::domain::User`].
pub const USERS: TableDefinition<u128, &[u8]> = TableDefinition::new("users");
/// SHA-256 of the cookie → [`crate::domain::Session`].
pub const SESSIONS: TableDefinition<&[u8; 32], &[u8]> = TableDefinition::new("sessions");
/// Key id → [`crate::domain::ApiKey`].
pub const API_KEYS: TableDefinition<u128, &[u8]> = TableDefinition::new("api_keys");
/// Number → [`crate::domain::AuditEntry`], the newest last.
pub const AUDIT: TableDefinition<u64, &[u8]> = TableDefinition::new("audit");
/// (what is guessed, hash of who guesses) → [`crate::domain::Tries`], a bounded number of rows.
pub const GUESSES: TableDefinition<(u8, u64), &[u8]> = TableDefinition::new("guesses");
/// Key id → [`crate::domain::KeyUse`], as far as it was written down.
pub const KEY_USES: TableDefinition<u128, &[u8]> = TableDefinition::new("key_uses");

/// Opens every table. The place in this list is the number of a table in the journal, so new ones go
/// to the end.
macro_rules! every_table {
    ($one:ident, $transaction:expr) => {
        vec![
            $one($transaction, META)?,
            $one($transaction, EVENTS)?,
            $one($transaction, BODIES)?,
            $one($transaction, EXTERNAL_IDS)?,
            $one($transaction, DELIVERIES)?,
            $one($transaction, ATTEMPTS)?,
            $one($transaction, QUEUE)?,
            $one($transaction, ORDER)?,
            $one($transaction, LOG_BLOCKS)?,
            $one($transaction, WEBHOOKS)?,
            $one($transaction, WEBHOOK_VERSIONS)?,
            $one($transaction, WEBHOOK_STATES)?,
            $one($transaction, HEALING)?,
            $one($transaction, HOURS)?,
            $one($transaction, ACCOUNT_HOURS)?,
            $one($transaction, EVENT_TYPES)?,
            $one($transaction, JOBS)?,
            $one($transaction, USERS)?,
            $one($transaction, SESSIONS)?,
            $one($transaction, API_KEYS)?,
            $one($transaction, AUDIT)?,
            $one($transaction, GUESSES)?,
            $one($transaction, KEY_USES)?,
        ]
    };
}
pub(super) use every_table;

/// The names in that list.
pub const NAMES: [&str; 23] = [
    "meta",
    "events",
    "bodies",
    "external_ids",
    "deliveries",
    "attempts",
    "queue",
    "order",
    "log_blocks",
    "webhooks",
    "webhook_versions",
    "webhook_states",
    "healing",
    "hours",
    "account_hours",
    "event_types",
    "jobs",
    "users",
    "sessions",
    "api_keys",
    "audit",
    "guesses",
    "key_uses",
];
