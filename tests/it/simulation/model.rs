//! What the store should remember, worked out a second time and much more simply, to compare.

use std::{collections::BTreeMap, rc::Rc};

use hookstead::{
    domain::{
        AccountId, Delivery, DeliveryId, Disabled, DisabledReason, EventId, FailedReason, JobId, NewEvent, OrderTag,
        Selection, Status, Timestamp, Verdict, Webhook, WebhookId,
    },
    store::{AttemptRecord, Due, EventFilter, Store, WebhookUpdate},
};

/// Something that is asked of the store.
#[derive(Debug, Clone)]
pub enum Asked {
    Publish(Vec<Rc<NewEvent>>),
    Create(Box<Webhook>),
    Change(WebhookId, Change),
    SettleDeleted(WebhookId, Timestamp),
    SkipMissed(WebhookId, Timestamp),
    Resend(DeliveryId, Timestamp),
    Record(Vec<AttemptRecord>),
    StartJob(JobId),
    AdvanceJob { job: JobId, ids: Vec<DeliveryId>, now: Timestamp, next_due: Timestamp, finished: bool },
    Forget(Timestamp),
}

impl Asked {
    /// In short, for the story.
    pub fn words(&self) -> String {
        match self {
            Asked::Publish(events) => {
                let each = events.iter().map(|new| match &new.event.external_id {
                    Some(external_id) => format!("{} as {}", new.event.id, external_id.as_str()),
                    None => new.event.id.to_string(),
                });
                format!("publish {}", each.collect::<Vec<_>>().join(", "))
            }
            Asked::Create(webhook) => {
                let (on, patterns) = (webhook.is_on(), webhook.selection.patterns());
                format!("create {} of {}, on: {on}, {patterns:?}", webhook.id, webhook.account)
            }
            Asked::Record(records) => {
                let each = records.iter().map(|record| {
                    let words = record.attempt.outcome.words();
                    format!("attempt {} of {}: {words}, {:?}", record.attempt.number, record.delivery, record.verdict)
                });
                format!("record {}", each.collect::<Vec<_>>().join("; "))
            }
            other => format!("{other:?}"),
        }
    }

    /// What whoever asked does after a yes.
    pub fn follow_up(&self, now: Timestamp) -> Option<Asked> {
        match self {
            Asked::Change(id, Change::Delete) => Some(Asked::SettleDeleted(*id, now)),
            Asked::SkipMissed(id, _) => Some(Asked::Change(*id, Change::Enable)),
            _ => None,
        }
    }
}

/// A change of a webhook.
#[derive(Debug, Clone)]
pub enum Change {
    Enable,
    Disable,
    Delete,
    Select(Selection),
    Limit(Option<u16>, Option<u32>),
    Order(bool),
}

impl Change {
    /// The same for the store.
    pub fn into_update(self, now: Timestamp) -> WebhookUpdate {
        Box::new(move |webhook| match self {
            Change::Enable => webhook.disabled = None,
            Change::Disable => {
                webhook.disabled.get_or_insert(Disabled { reason: DisabledReason::ByRequest, at: now });
            }
            Change::Delete => webhook.deleted_at = Some(now),
            Change::Select(selection) => webhook.selection = selection,
            Change::Limit(max_in_flight, rate_per_second) => {
                (webhook.max_in_flight, webhook.rate_per_second) = (max_in_flight, rate_per_second);
            }
            Change::Order(ordered) => webhook.ordered = ordered,
        })
    }
}

/// What the store answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answered {
    Done,
    Refused(&'static str),
    /// For each event its id and whether it was a repeat, or the code of its refusal.
    Published(Vec<Result<(EventId, bool), &'static str>>),
    Forgotten(usize),
}

/// All that the store should remember.
#[derive(Debug, Clone, Default)]
pub struct Model {
    pub webhooks: BTreeMap<WebhookId, Rc<WebhookFacts>>,
    pub events: BTreeMap<EventId, Rc<NewEvent>>,
    pub deliveries: BTreeMap<DeliveryId, DeliveryFacts>,
    external_ids: BTreeMap<(AccountId, String), EventId>,
    /// The number of the newest delivery of each webhook.
    sequences: BTreeMap<WebhookId, u64>,
    /// Bulk resends, and whether they have ended.
    jobs: BTreeMap<JobId, bool>,
}

/// What matters of a webhook.
#[derive(Debug, Clone, PartialEq)]
pub struct WebhookFacts {
    account: AccountId,
    selection: Selection,
    pub on: bool,
    pub deleted: bool,
    max_in_flight: Option<u16>,
    rate_per_second: Option<u32>,
    ordered: bool,
}

/// What matters of a delivery.
#[derive(Debug, Clone, PartialEq)]
pub struct DeliveryFacts {
    pub webhook: WebhookId,
    pub status: Status,
    reason: Option<FailedReason>,
    pub attempts: u32,
    round_attempts: u32,
    pub due: Option<Timestamp>,
    missed: bool,
    pub sequence: Option<u64>,
    /// The key whose order it keeps until it ends.
    pub order: Option<OrderTag>,
    /// An earlier one of its key has not ended.
    behind: bool,
}

impl WebhookFacts {
    fn of(webhook: &Webhook) -> Self {
        WebhookFacts {
            account: webhook.account.clone(),
            selection: webhook.selection.clone(),
            on: webhook.disabled.is_none(),
            deleted: webhook.deleted_at.is_some(),
            max_in_flight: webhook.max_in_flight,
            rate_per_second: webhook.rate_per_second,
            ordered: webhook.ordered,
        }
    }

    pub fn is_on(&self) -> bool {
        self.on && !self.deleted
    }
}

impl DeliveryFacts {
    fn of(delivery: &Delivery) -> Self {
        DeliveryFacts {
            webhook: delivery.webhook,
            status: delivery.status,
            reason: delivery.failed_reason,
            attempts: delivery.attempts,
            round_attempts: delivery.round_attempts,
            due: delivery.due,
            missed: delivery.missed,
            sequence: delivery.sequence,
            order: delivery.order,
            behind: delivery.behind,
        }
    }

    fn fail(&mut self, reason: FailedReason) {
        (self.status, self.reason) = (Status::Failed, Some(reason));
        self.end();
    }

    fn end(&mut self) {
        (self.due, self.order, self.behind) = (None, None, false);
    }
}

impl Model {
    /// Whether a webhook is there and on.
    pub fn is_on(&self, webhook: WebhookId) -> bool {
        self.webhooks.get(&webhook).is_some_and(|webhook| webhook.is_on())
    }

    /// Whether a row of the queue stands.
    pub fn has_row(&self, row: &Due) -> bool {
        self.deliveries.get(&row.delivery).is_some_and(|delivery| delivery.due == Some(row.at))
    }

    /// The webhooks that an event was made for, in order.
    pub fn fan_out(&self, event: EventId) -> Vec<WebhookId> {
        let range = event.delivery(0)..event.deliveries_end();
        self.deliveries.range(range).map(|(_, delivery)| delivery.webhook).collect()
    }

    /// Deliveries that wait for a webhook that is on.
    pub fn waiting(&self) -> Vec<DeliveryId> {
        let waits = |delivery: &DeliveryFacts| delivery.status == Status::Pending && self.is_on(delivery.webhook);
        self.deliveries.iter().filter(|(_, delivery)| waits(delivery)).map(|(id, _)| *id).collect()
    }

    /// Does what is asked and says what should be answered.
    pub fn apply(&mut self, asked: &Asked) -> Answered {
        match asked {
            Asked::Publish(events) => return Answered::Published(events.iter().map(|new| self.publish(new)).collect()),
            Asked::Create(webhook) => {
                self.webhooks.insert(webhook.id, Rc::new(WebhookFacts::of(webhook)));
            }
            Asked::Change(id, change) => return self.change(*id, change),
            Asked::SettleDeleted(webhook, now) => self.settle(*webhook, FailedReason::WebhookDeleted, *now, |_| true),
            Asked::SkipMissed(webhook, now) => {
                let missed = |delivery: &DeliveryFacts| delivery.missed && delivery.attempts == 0;
                self.settle(*webhook, FailedReason::Skipped, *now, missed);
            }
            Asked::Resend(delivery, now) => {
                if let Err(code) = self.resend(*delivery, *now) {
                    return Answered::Refused(code);
                }
            }
            Asked::Record(records) => records.iter().for_each(|record| self.record(record)),
            Asked::StartJob(job) => {
                self.jobs.insert(*job, false);
            }
            Asked::AdvanceJob { job, ids, now, next_due, finished } => {
                if self.jobs.get(job) == Some(&false) {
                    let pause = (*next_due - *now) / (ids.len() as u32).max(1);
                    for (index, id) in ids.iter().enumerate() {
                        // A refusal is passed over.
                        let _ = self.resend(*id, now.plus(pause * index as u32));
                    }
                    self.jobs.insert(*job, *finished);
                }
            }
            Asked::Forget(before) => return Answered::Forgotten(self.forget(*before)),
        }
        Answered::Done
    }

    fn publish(&mut self, new: &Rc<NewEvent>) -> Result<(EventId, bool), &'static str> {
        let event = &new.event;
        if let Some(external_id) = &event.external_id {
            let key = (event.account.clone(), external_id.as_str().to_owned());
            if let Some(first) = self.external_ids.get(&key).map(|id| &self.events[id].event) {
                let same = first.digest == event.digest;
                return if same { Ok((first.id, true)) } else { Err("idempotency_conflict") };
            }
            self.external_ids.insert(key, event.id);
        }
        let selected = self.webhooks.iter().filter(|(_, webhook)| {
            !webhook.deleted && webhook.account == event.account && webhook.selection.matches(&event.event_type)
        });
        for (position, (id, webhook)) in selected.enumerate() {
            let sequence = self.sequences.entry(*id).or_default();
            *sequence += 1;
            let order = event.ordering_key.as_ref().filter(|_| webhook.ordered).map(|key| key.tag());
            let same_order = |other: &DeliveryFacts| other.webhook == *id && other.order == order;
            let behind = order.is_some() && self.deliveries.values().any(same_order);
            let delivery = DeliveryFacts {
                webhook: *id,
                status: Status::Pending,
                reason: None,
                attempts: 0,
                round_attempts: 0,
                due: (!behind).then_some(event.received_at),
                missed: !webhook.on,
                sequence: Some(*sequence),
                order,
                behind,
            };
            self.deliveries.insert(event.id.delivery(position), delivery);
        }
        self.events.insert(event.id, new.clone());
        Ok((event.id, false))
    }

    fn change(&mut self, id: WebhookId, change: &Change) -> Answered {
        let Some(webhook) = self.webhooks.get_mut(&id).filter(|webhook| !webhook.deleted) else {
            return Answered::Refused("not_found");
        };
        let webhook = Rc::make_mut(webhook);
        match change {
            Change::Enable => webhook.on = true,
            Change::Disable => webhook.on = false,
            Change::Delete => webhook.deleted = true,
            Change::Select(selection) => webhook.selection = selection.clone(),
            Change::Limit(max_in_flight, rate_per_second) => {
                (webhook.max_in_flight, webhook.rate_per_second) = (*max_in_flight, *rate_per_second);
            }
            Change::Order(ordered) => webhook.ordered = *ordered,
        }
        Answered::Done
    }

    fn settle(
        &mut self,
        webhook: WebhookId,
        reason: FailedReason,
        now: Timestamp,
        chosen: impl Fn(&DeliveryFacts) -> bool,
    ) {
        for delivery in self.deliveries.values_mut() {
            if delivery.webhook == webhook && delivery.status == Status::Pending && chosen(delivery) {
                delivery.fail(reason);
            }
        }
        self.release(webhook, now);
    }

    /// Whoever has nobody in front any more has its turn.
    fn release(&mut self, webhook: WebhookId, now: Timestamp) {
        let in_order = self.deliveries.iter().filter(|(_, delivery)| delivery.webhook == webhook);
        let mut first: BTreeMap<OrderTag, (Option<u64>, DeliveryId)> = BTreeMap::new();
        for (id, delivery) in in_order {
            if let Some(tag) = delivery.order {
                let place = (delivery.sequence, *id);
                first.entry(tag).and_modify(|known| *known = place.min(*known)).or_insert(place);
            }
        }
        for (_, id) in first.into_values() {
            let delivery = self.deliveries.get_mut(&id).expect("it was found there");
            if std::mem::take(&mut delivery.behind) {
                delivery.due = Some(now);
            }
        }
    }

    /// What must have ended before a delivery is sent: what came earlier in the order it keeps.
    pub fn not_ended_before(&self, id: DeliveryId) -> Option<DeliveryId> {
        let delivery = self.deliveries.get(&id).filter(|delivery| delivery.order.is_some())?;
        let earlier = |other: &DeliveryFacts| {
            (other.webhook, other.order) == (delivery.webhook, delivery.order)
                && other.sequence < delivery.sequence
                && other.status == Status::Pending
        };
        self.deliveries.iter().find(|(_, other)| earlier(other)).map(|(id, _)| *id)
    }

    fn resend(&mut self, id: DeliveryId, due: Timestamp) -> Result<(), &'static str> {
        let delivery = self.deliveries.get_mut(&id).ok_or("not_found")?;
        if !self.webhooks[&delivery.webhook].is_on() {
            return Err("conflict");
        }
        if delivery.behind {
            return Err("conflict");
        }
        if delivery.status != Status::Pending {
            delivery.round_attempts = 0;
        }
        (delivery.status, delivery.reason, delivery.due, delivery.missed) = (Status::Pending, None, Some(due), false);
        Ok(())
    }

    fn record(&mut self, record: &AttemptRecord) {
        let Some(delivery) = self.deliveries.get_mut(&record.delivery) else { return };
        let ended_meanwhile = matches!(delivery.reason, Some(FailedReason::WebhookDeleted | FailedReason::Skipped));
        let pending = delivery.status == Status::Pending;
        if record.attempt.number != delivery.attempts + 1 || !(pending || ended_meanwhile) {
            return;
        }
        delivery.attempts += 1;
        delivery.round_attempts += 1;
        delivery.due = None;
        match record.verdict {
            Verdict::Done => {
                (delivery.status, delivery.reason) = (Status::Success, None);
                delivery.end();
            }
            Verdict::TryAgain(due) => delivery.due = pending.then_some(due),
            Verdict::GiveUp => delivery.fail(if record.gone { FailedReason::Gone } else { FailedReason::GaveUp }),
        }
        self.release(record.webhook, record.finished_at);
        if record.gone {
            self.change(record.webhook, &Change::Disable);
        }
    }

    fn forget(&mut self, before: Timestamp) -> usize {
        let old: Vec<EventId> = self.events.keys().copied().filter(|id| id.made_at() < before).collect();
        let finished = |id: &EventId| {
            let mut deliveries = self.deliveries.range(id.delivery(0)..id.deliveries_end());
            deliveries.all(|(_, delivery)| delivery.status != Status::Pending)
        };
        let forgotten: Vec<EventId> = old.into_iter().filter(finished).collect();
        for id in &forgotten {
            self.events.remove(id);
            self.deliveries.retain(|delivery, _| delivery.event() != *id);
            self.external_ids.retain(|_, event| event != id);
        }
        forgotten.len()
    }

    /// Compares all of it with the store. Gives the first difference.
    pub fn difference(&self, store: &Store) -> Result<(), String> {
        let webhooks: BTreeMap<_, _> = store
            .webhooks()
            .all_with_deleted()
            .map(|webhook| (webhook.id, Rc::new(WebhookFacts::of(&webhook))))
            .collect();
        compare("webhook", &webhooks, &self.webhooks)?;
        let running = store.running_jobs().map_err(|problem| problem.detail)?;
        let wanted = self.jobs.iter().filter(|(_, ended)| !**ended).map(|(id, _)| (*id, ())).collect();
        compare("bulk resend", &running.iter().map(|job| (job.id, ())).collect(), &wanted)?;
        let events = store.events(&EventFilter::default(), None, 10_000).map_err(|problem| problem.detail)?;
        let ids: BTreeMap<_, _> = events.items.iter().map(|event| (event.id, ())).collect();
        compare("event", &ids, &self.events.keys().map(|id| (*id, ())).collect())?;
        let mut deliveries = BTreeMap::new();
        for (id, new) in &self.events {
            if store.body(*id).map_err(|problem| problem.detail)?.as_ref() != Some(&new.body) {
                return Err(format!("{id} has other bytes"));
            }
            let found = store.deliveries_of(*id).map_err(|problem| problem.detail)?;
            deliveries.extend(found.iter().map(|delivery| (delivery.id, DeliveryFacts::of(delivery))));
        }
        compare("delivery", &deliveries, &self.deliveries)?;
        let numbered = self.sequences.keys().map(|id| (*id, store.webhook_state(*id).sequence)).collect();
        compare("sequence", &numbered, &self.sequences)
    }
}

fn compare<K: Ord + std::fmt::Debug, V: PartialEq + std::fmt::Debug>(
    what: &str,
    found: &BTreeMap<K, V>,
    wanted: &BTreeMap<K, V>,
) -> Result<(), String> {
    let difference = wanted
        .iter()
        .find(|(key, value)| found.get(key) != Some(value))
        .map(|(key, value)| format!("{what} {key:?} should be {value:?} and is {:?}", found.get(key)));
    let surplus =
        || found.keys().find(|key| !wanted.contains_key(key)).map(|key| format!("{what} {key:?} is too much"));
    difference.or_else(surplus).map_or(Ok(()), Err)
}
