//! What is small and asked for all the time: kept in memory as of the last commit.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex},
};

use super::{healing::Healings, seal::Seal};
use crate::domain::{
    AccountId, ApiKey, EventType, EventTypeInfo, Pause, Timestamp, Webhook, WebhookId, WebhookState, built_in,
};

/// Webhooks in the order they were made.
type WebhookList = Arc<[Arc<Webhook>]>;

/// All webhooks as of one commit, deleted ones included.
#[derive(Debug, Default)]
pub struct Webhooks {
    by_id: BTreeMap<WebhookId, Arc<Webhook>>,
    by_account: HashMap<AccountId, Vec<WebhookId>>,
    /// Who gets what, worked out when first asked for.
    matching: Mutex<HashMap<(AccountId, EventType), WebhookList>>,
}

impl Clone for Webhooks {
    fn clone(&self) -> Self {
        Webhooks { by_id: self.by_id.clone(), by_account: self.by_account.clone(), matching: Mutex::default() }
    }
}

impl Webhooks {
    /// The webhook of that id, also if it is deleted.
    pub fn get(&self, id: WebhookId) -> Option<Arc<Webhook>> {
        self.by_id.get(&id).cloned()
    }

    /// Every webhook that is not deleted, the oldest first.
    pub fn all(&self) -> impl Iterator<Item = Arc<Webhook>> {
        self.by_id.values().filter(|webhook| webhook.deleted_at.is_none()).cloned()
    }

    /// Every webhook, deleted ones too.
    pub fn all_with_deleted(&self) -> impl Iterator<Item = Arc<Webhook>> {
        self.by_id.values().cloned()
    }

    /// The webhooks of an account that are not deleted, the oldest first.
    pub fn of_account(&self, account: &AccountId) -> impl Iterator<Item = Arc<Webhook>> {
        self.of_account_with_deleted(account).filter(|webhook| webhook.deleted_at.is_none())
    }

    /// The webhooks of an account, deleted ones too.
    pub fn of_account_with_deleted(&self, account: &AccountId) -> impl Iterator<Item = Arc<Webhook>> {
        self.by_account.get(account).into_iter().flatten().filter_map(|id| self.get(*id))
    }

    /// The webhooks that get events of that type, switched off ones too.
    pub fn matching(&self, account: &AccountId, event_type: &EventType) -> WebhookList {
        if !self.by_account.contains_key(account) {
            return Arc::new([]);
        }
        // Bounded by accounts that have webhooks times known event types; forgotten at each change.
        let mut matching = self.matching.lock().expect("nothing panics while it matches");
        let wanted = (account.clone(), event_type.clone());
        matching
            .entry(wanted)
            .or_insert_with(|| {
                self.of_account(account).filter(|webhook| webhook.selection.matches(event_type)).collect()
            })
            .clone()
    }

    pub(super) fn put(&mut self, webhook: Arc<Webhook>) {
        let ids = self.by_account.entry(webhook.account.clone()).or_default();
        if !ids.contains(&webhook.id) {
            ids.push(webhook.id);
        }
        self.by_id.insert(webhook.id, webhook);
        self.matching = Mutex::default();
    }
}

/// What is kept in memory, as of one commit. Cheap to clone, so that a transaction works on a copy
/// and a failed one leaves no trace.
#[derive(Debug, Clone, Default)]
pub struct Shared {
    /// All webhooks.
    pub webhooks: Arc<Webhooks>,
    /// What is remembered for the healing of webhooks.
    pub healings: Arc<Healings>,
    /// Event types that are not built in, or were changed.
    pub event_types: Arc<[Arc<EventTypeInfo>]>,
    /// All API keys by their hash.
    pub keys: Arc<HashMap<[u8; 32], Arc<ApiKey>>>,
    /// Number of people who may sign in.
    pub users: usize,
    /// When the first of them was added.
    pub first_user_at: Option<Timestamp>,
    /// All sending is paused.
    pub pause: Option<Arc<Pause>>,
    /// The random name that the data file got when it was made.
    pub instance: Arc<str>,
    /// The version that the last change of a webhook got.
    pub version: u64,
    /// What opens and seals the records that hold secrets.
    pub seal: Seal,
}

impl Shared {
    /// The catalogue: built-in types with the changes that were made, then the others by name.
    pub(super) fn set_event_types(&mut self, stored: impl Iterator<Item = EventTypeInfo>) {
        let mut all: Vec<Arc<EventTypeInfo>> = built_in().into_iter().map(Arc::new).collect();
        for info in stored {
            self.place_event_type(&mut all, info);
        }
        self.event_types = all.into();
    }

    fn place_event_type(&self, all: &mut Vec<Arc<EventTypeInfo>>, info: EventTypeInfo) {
        match all.iter_mut().find(|known| known.name == info.name) {
            Some(known) => *known = Arc::new(info),
            None => all.push(Arc::new(info)),
        }
    }

    pub(super) fn put_event_type(&mut self, info: EventTypeInfo) {
        let mut all = self.event_types.to_vec();
        self.place_event_type(&mut all, info);
        self.event_types = all.into();
    }

    pub(super) fn remove_event_type(&mut self, name: &EventType) {
        self.event_types = self.event_types.iter().filter(|info| info.name != *name).cloned().collect();
    }

    pub(super) fn put_webhook(&mut self, webhook: Arc<Webhook>) {
        let mut webhooks = (*self.webhooks).clone();
        webhooks.put(webhook);
        self.webhooks = Arc::new(webhooks);
    }

    pub(super) fn put_key(&mut self, key: ApiKey) {
        let mut keys = (*self.keys).clone();
        keys.insert(key.hash, Arc::new(key));
        self.keys = Arc::new(keys);
    }
}

/// Counts of each webhook, as of the last commit.
pub type States = HashMap<WebhookId, WebhookState>;
