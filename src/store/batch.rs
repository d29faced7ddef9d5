//! One transaction at work: the tables that every event touches, and drafts of what is kept in
//! memory. Nothing of it is seen outside before the commit.

use std::collections::{BTreeMap, HashSet};

use redb::{ReadableTable, TableDefinition, WriteTransaction};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    AccountHour, AuditEntry, Notice,
    fail::Fail,
    fresh::Change,
    order::Places,
    record::{decode, encode},
    rows::{Changes, Rows},
    seal::Place,
    shared::{Shared, States},
    tables::*,
    tags::{self, Block, Tag},
};
use crate::domain::{
    AccountId, Attempt, Delivery, DeliveryId, Event, EventId, HourStats, Status, WebhookId, WebhookState,
};

type Records<'t> = Rows<'t, u128, &'static [u8]>;

/// One transaction at work.
pub struct Batch<'t> {
    transaction: &'t WriteTransaction,
    changes: &'t Changes,
    pub events: Records<'t>,
    pub bodies: Records<'t>,
    pub deliveries: Records<'t>,
    pub attempts: Rows<'t, (u128, u32), &'static [u8]>,
    pub queue: Rows<'t, (u128, u64, u128), ()>,
    pub order: Places<'t>,
    pub external_ids: Rows<'t, (&'static str, &'static str), u128>,
    /// What will be kept in memory after the commit.
    pub shared: Shared,
    /// What will be told to the sender after the commit.
    pub notices: Vec<Notice>,
    /// Counts as of the last commit.
    known_states: &'t States,
    // In order, so that the same work makes the same writes each time.
    states: BTreeMap<WebhookId, WebhookState>,
    hours: BTreeMap<(WebhookId, u32), HourStats>,
    account_hours: BTreeMap<(u32, AccountId), AccountHour>,
    /// The properties of the event whose delivery was added last: all of its deliveries have them.
    last_tags: Option<(EventId, [Tag; 2])>,
    /// By how much the counts of the log's index change.
    blocks: BTreeMap<(Tag, Block), i64>,
    /// What the sender can be given from memory, and what not any longer.
    pub fresh: Vec<Change>,
}

/// What a transaction leaves to be put in memory once it is committed.
pub struct Draft {
    pub shared: Shared,
    pub states: BTreeMap<WebhookId, WebhookState>,
    pub notices: Vec<Notice>,
    pub fresh: Vec<Change>,
}

impl<'t> Batch<'t> {
    pub fn begin(
        transaction: &'t WriteTransaction,
        changes: &'t Changes,
        shared: Shared,
        states: &'t States,
    ) -> Result<Self, Fail> {
        Ok(Batch {
            transaction,
            changes,
            events: changes.open(transaction, EVENTS)?,
            bodies: changes.open(transaction, BODIES)?,
            deliveries: changes.open(transaction, DELIVERIES)?,
            attempts: changes.open(transaction, ATTEMPTS)?,
            queue: changes.open(transaction, QUEUE)?,
            order: changes.open(transaction, ORDER)?,
            external_ids: changes.open(transaction, EXTERNAL_IDS)?,
            shared,
            notices: Vec::new(),
            known_states: states,
            states: BTreeMap::new(),
            hours: BTreeMap::new(),
            account_hours: BTreeMap::new(),
            last_tags: None,
            blocks: BTreeMap::new(),
            fresh: Vec::new(),
        })
    }

    /// Writes the counts that changed. The caller commits.
    pub fn finish(self) -> Result<Draft, Fail> {
        let mut table = self.open(WEBHOOK_STATES)?;
        for (id, state) in &self.states {
            table.insert(id.0, encode(state).as_slice())?;
        }
        let mut table = self.open(HOURS)?;
        for ((id, hour), stats) in &self.hours {
            table.insert((id.0, *hour), encode(stats).as_slice())?;
        }
        let mut table = self.open(ACCOUNT_HOURS)?;
        for ((hour, account), stats) in &self.account_hours {
            table.insert((*hour, account.as_str()), encode(stats).as_slice())?;
        }
        let mut table = self.open(LOG_BLOCKS)?;
        for (((kind, value), block), change) in self.blocks.into_iter().filter(|(_, change)| *change != 0) {
            let key = (kind, value, block);
            let count = table.get(key)?.map_or(0, |count| i64::from(count.value())) + change;
            match u32::try_from(count) {
                Ok(0) => drop(table.remove(key)?),
                Ok(count) => table.insert(key, count)?,
                Err(_) => return Err(Fail::damaged(format!("the log's index counts {count} deliveries of a block"))),
            }
        }
        Ok(Draft { shared: self.shared, states: self.states, notices: self.notices, fresh: self.fresh })
    }

    /// A table that few writes touch, to change.
    pub fn open<K: redb::Key + 'static, V: redb::Value + 'static>(
        &self,
        table: TableDefinition<K, V>,
    ) -> Result<Rows<'t, K, V>, Fail> {
        self.changes.open(self.transaction, table)
    }

    /// The counts of a webhook, to change.
    pub fn state(&mut self, id: WebhookId) -> &mut WebhookState {
        let known = self.known_states;
        self.states.entry(id).or_insert_with(|| known.get(&id).copied().unwrap_or_default())
    }

    /// What happened to a webhook in an hour, to change.
    pub fn hour(&mut self, id: WebhookId, hour: u32) -> Result<&mut HourStats, Fail> {
        if !self.hours.contains_key(&(id, hour)) {
            let table = self.open(HOURS)?;
            let stored = table.get((id.0, hour))?.map(|bytes| decode(bytes.value())).transpose()?;
            self.hours.insert((id, hour), stored.unwrap_or_default());
        }
        Ok(self.hours.get_mut(&(id, hour)).expect("inserted above"))
    }

    /// What happened in an account in an hour, to change.
    pub fn account_hour(&mut self, hour: u32, account: &AccountId) -> Result<&mut AccountHour, Fail> {
        let key = (hour, account.clone());
        if !self.account_hours.contains_key(&key) {
            let table = self.open(ACCOUNT_HOURS)?;
            let stored = table.get((hour, account.as_str()))?.map(|bytes| decode(bytes.value())).transpose()?;
            self.account_hours.insert(key.clone(), stored.unwrap_or_default());
        }
        Ok(self.account_hours.get_mut(&key).expect("inserted above"))
    }

    pub fn event(&self, id: EventId) -> Result<Option<Event>, Fail> {
        read(&*self.events, id.0)
    }

    pub fn delivery(&self, id: DeliveryId) -> Result<Option<Delivery>, Fail> {
        read(&*self.deliveries, id.0)
    }

    /// Stores a new delivery with its rows in the queue and the index, and counts it.
    pub fn add_delivery(&mut self, event: &Event, delivery: &Delivery) -> Result<(), Fail> {
        let of_event = match self.last_tags {
            Some((id, tags)) if id == event.id => tags,
            _ => tags::of_event(event),
        };
        self.last_tags = Some((event.id, of_event));
        for tag in of_event.into_iter().chain([tags::webhook(delivery.webhook)]).chain(tags::changing(delivery)) {
            self.count_tag(tag, delivery.id, 1);
        }
        if let Some(due) = delivery.due {
            self.queue.insert((delivery.webhook.0, due.as_millis(), delivery.id.0), ())?;
        }
        if delivery.status == Status::Pending {
            let missed = u64::from(delivery.missed);
            let state = self.state(delivery.webhook);
            state.waiting += 1;
            state.missed += missed;
        }
        self.deliveries.insert(delivery.id.0, encode(delivery).as_slice())?;
        Ok(())
    }

    /// Replaces a delivery, its row in the queue and its changing rows in the index, and counts it
    /// where it now belongs.
    pub fn change_delivery(&mut self, before: &Delivery, after: &Delivery) -> Result<(), Fail> {
        debug_assert!(after.status == Status::Pending || after.order.is_none(), "what ends leaves its order");
        let key = |delivery: &Delivery| delivery.due.map(|due| (delivery.webhook.0, due.as_millis(), delivery.id.0));
        if key(before) != key(after) {
            if let Some(key) = key(before) {
                self.queue.remove(key)?;
            }
            if let Some(key) = key(after) {
                self.queue.insert(key, ())?;
            }
        }
        for tag in tags::changing(before) {
            self.count_tag(tag, before.id, -1);
        }
        for tag in tags::changing(after) {
            self.count_tag(tag, after.id, 1);
        }
        if before.attempts == 0 {
            self.fresh.push(Change::Gone(before.id));
        }
        self.count_change(before, after);
        self.deliveries.insert(after.id.0, encode(after).as_slice())?;
        Ok(())
    }

    fn count_change(&mut self, before: &Delivery, after: &Delivery) {
        let state = self.state(after.webhook);
        let pending = |delivery: &Delivery| delivery.status == Status::Pending;
        let missed = |delivery: &Delivery| pending(delivery) && delivery.missed;
        state.waiting = state.waiting + u64::from(pending(after)) - u64::from(pending(before));
        state.missed = state.missed + u64::from(missed(after)) - u64::from(missed(before));
        match before.status {
            Status::Pending => {}
            Status::Success if after.status != Status::Success => state.success -= 1,
            Status::Failed if after.status != Status::Failed => state.failed -= 1,
            _ => return,
        }
        match after.status {
            Status::Pending => {}
            Status::Success => state.finish(true),
            Status::Failed => state.finish(false),
        }
    }

    pub fn add_attempt(&mut self, delivery: DeliveryId, attempt: &Attempt) -> Result<(), Fail> {
        self.attempts.insert((delivery.0, attempt.number), encode(attempt).as_slice())?;
        Ok(())
    }

    /// Takes a delivery and all its rows away.
    pub fn remove_delivery(&mut self, event: &Event, delivery: &Delivery) -> Result<(), Fail> {
        for tag in tags::fixed(event, delivery).into_iter().chain(tags::changing(delivery)) {
            self.count_tag(tag, delivery.id, -1);
        }
        for number in 1..=delivery.attempts {
            self.attempts.remove((delivery.id.0, number))?;
        }
        self.deliveries.remove(delivery.id.0)?;
        Ok(())
    }

    /// Stores one record in a table that few writes touch.
    pub fn put<T: Serialize>(
        &self,
        table: TableDefinition<u128, &'static [u8]>,
        key: u128,
        value: &T,
    ) -> Result<(), Fail> {
        self.open(table)?.insert(key, encode(value).as_slice())?;
        Ok(())
    }

    /// Reads one record of a table that few writes touch.
    pub fn get<T: DeserializeOwned>(
        &self,
        table: TableDefinition<u128, &'static [u8]>,
        key: u128,
    ) -> Result<Option<T>, Fail> {
        read(&*self.open(table)?, key)
    }

    /// Appends to the audit log.
    pub fn audit(&self, entry: &AuditEntry) -> Result<(), Fail> {
        let mut table = self.open(AUDIT)?;
        let next = table.last()?.map_or(0, |(key, _)| key.value() + 1);
        table.insert(next, self.shared.seal.encode(&Place::entry(next), entry).as_slice())?;
        Ok(())
    }

    /// Says that a webhook changed, once.
    pub fn notice_webhooks(&mut self, ids: impl IntoIterator<Item = WebhookId>) {
        let known: HashSet<WebhookId> = self
            .notices
            .iter()
            .filter_map(|notice| match notice {
                Notice::WebhookChanged(id) => Some(*id),
                _ => None,
            })
            .collect();
        self.notices.extend(ids.into_iter().filter(|id| !known.contains(id)).map(Notice::WebhookChanged));
    }

    /// Whether some delivery has a property, as this transaction will leave it. A property that it
    /// takes from the last one that has it still counts.
    pub fn has_tagged(&self, tag: Tag) -> Result<bool, Fail> {
        let mut adds = self.blocks.range((tag, Block::MIN)..=(tag, Block::MAX)).map(|(_, change)| *change);
        let table = self.open(LOG_BLOCKS)?;
        let keys = (tag.0, tag.1, Block::MIN)..=(tag.0, tag.1, Block::MAX);
        Ok(adds.any(|change| change > 0) || table.range(keys)?.next().is_some())
    }

    fn count_tag(&mut self, tag: Tag, id: DeliveryId, change: i64) {
        *self.blocks.entry((tag, tags::block(id.0))).or_default() += change;
    }
}

/// One record of a table.
pub fn read<T: DeserializeOwned>(
    table: &impl ReadableTable<u128, &'static [u8]>,
    key: u128,
) -> Result<Option<T>, Fail> {
    table.get(key)?.map(|bytes| decode(bytes.value())).transpose()
}
