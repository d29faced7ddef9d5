//! What callers and receivers wrote down: which ids were answered with 2xx, and every request that
//! arrived. Compared with the store, it says whether the promises hold.

use std::{collections::BTreeMap, sync::Arc};

use hookstead::{
    domain::{DeliveryId, EventId, OrderTag, WebhookId},
    store::{EventFilter, Parcel, Store},
};

use super::model::Model;

/// How much happened.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counts {
    pub commits: usize,
    pub failed_commits: usize,
    /// Of those, the ones that had arrived on disk all the same.
    pub arrived: usize,
    pub crashes: usize,
    pub requests: usize,
    /// Of those, the ones that came a second time after a crash or stop.
    pub repeated: usize,
    /// Of those, the ones that kept an order.
    pub ordered: usize,
    /// Events that retention took away.
    pub forgotten: usize,
}

impl Counts {
    pub fn add(&mut self, other: Counts) {
        self.commits += other.commits;
        self.failed_commits += other.failed_commits;
        self.arrived += other.arrived;
        self.crashes += other.crashes;
        self.requests += other.requests;
        self.repeated += other.repeated;
        self.ordered += other.ordered;
        self.forgotten += other.forgotten;
    }
}

/// What callers and receivers wrote down.
#[derive(Default)]
pub struct Ledger {
    accepted: BTreeMap<EventId, Accepted>,
    requests: BTreeMap<DeliveryId, Vec<Request>>,
    /// Each webhook's `webhook-sequence` numbers as its receiver saw them, and whose they were.
    numbers: BTreeMap<WebhookId, BTreeMap<u64, DeliveryId>>,
    /// The last number of each order that a receiver saw.
    orders: BTreeMap<(WebhookId, OrderTag), u64>,
    pub counts: Counts,
}

/// An event that was answered with 2xx.
struct Accepted {
    fan_out: Vec<WebhookId>,
    body: Vec<u8>,
}

/// A request that arrived.
struct Request {
    attempt: u32,
    /// In which life of the process it was made.
    life: u32,
    body: Arc<[u8]>,
}

impl Ledger {
    /// The caller got a 2xx. Retention may have come in the same commit.
    pub fn accepted(&mut self, id: EventId, model: &Model) {
        let Some(new) = model.events.get(&id) else { return };
        self.accepted.entry(id).or_insert_with(|| Accepted { fan_out: model.fan_out(id), body: new.body.clone() });
    }

    /// Retention may take away what the model has let go of.
    pub fn forget(&mut self, model: &Model) {
        self.accepted.retain(|id, _| model.events.contains_key(id));
    }

    /// Invariants 1 and 2: each id answered with 2xx is there, with one delivery for each webhook
    /// that matched.
    pub fn check_kept(&self, store: &Store) -> Result<(), String> {
        for (id, accepted) in &self.accepted {
            let body = store.body(*id).map_err(|problem| problem.detail)?;
            match body {
                None => return Err(format!("invariant 1: {id} was answered with 2xx and is gone")),
                Some(body) if body != accepted.body => return Err(format!("invariant 4: {id} has other bytes")),
                Some(_) => {}
            }
            let deliveries = store.deliveries_of(*id).map_err(|problem| problem.detail)?;
            let fan_out: Vec<_> = deliveries.iter().map(|delivery| delivery.webhook).collect();
            if fan_out != accepted.fan_out {
                return Err(format!("invariant 2: {id} is for {:?} and has {fan_out:?}", accepted.fan_out));
            }
        }
        Ok(())
    }

    /// Invariants 3 and 4: a request came that is no repeat, except of one whose record a crash
    /// took away, and has the same body as those before it.
    pub fn arrived(&mut self, parcel: &Parcel, life: u32) -> Result<(), String> {
        let (id, attempt) = (parcel.delivery.id, parcel.delivery.attempts + 1);
        let before = self.requests.entry(id).or_default();
        if before.iter().any(|request| request.body != parcel.body) {
            return Err(format!("invariant 4: attempt {attempt} of {id} has other bytes than the one before"));
        }
        if before.iter().any(|request| request.attempt == attempt && request.life == life) {
            return Err(format!("invariant 3: attempt {attempt} of {id} was made twice without a crash"));
        }
        self.numbered(parcel)?;
        let before = self.requests.entry(id).or_default();
        self.counts.requests += 1;
        self.counts.repeated += usize::from(before.iter().any(|request| request.attempt == attempt));
        before.push(Request { attempt, life, body: parcel.body.clone() });
        Ok(())
    }

    /// Order and numbers as the receiver sees them: what keeps an order comes by rising numbers, and
    /// a number always stands for the same delivery.
    fn numbered(&mut self, parcel: &Parcel) -> Result<(), String> {
        let (id, webhook) = (parcel.delivery.id, parcel.webhook.id);
        let number = parcel.delivery.sequence.ok_or_else(|| format!("sequence: {id} has no number"))?;
        let before = *self.numbers.entry(webhook).or_default().entry(number).or_insert(id);
        if before != id {
            return Err(format!("sequence: {webhook} got {number} for {before} and for {id}"));
        }
        let Some(tag) = parcel.delivery.order else { return Ok(()) };
        self.counts.ordered += 1;
        let last = self.orders.entry((webhook, tag)).or_default();
        if *last > number {
            return Err(format!("order: {webhook} got {number} of {tag:?} after {last}"));
        }
        *last = number;
        Ok(())
    }

    /// The numbers of each webhook's deliveries, those that the receiver saw and those that are
    /// stored, go from 1 to the newest without a gap, as long as none was forgotten.
    pub fn check_numbers(&self, store: &Store) -> Result<(), String> {
        let mut numbers = self.numbers.clone();
        let events = store.events(&EventFilter::default(), None, 10_000).map_err(|problem| problem.detail)?;
        for event in events.items {
            for delivery in store.deliveries_of(event.id).map_err(|problem| problem.detail)? {
                let webhook = delivery.webhook;
                let number = delivery.sequence.ok_or_else(|| format!("sequence: {} has no number", delivery.id))?;
                let before = *numbers.entry(webhook).or_default().entry(number).or_insert(delivery.id);
                if before != delivery.id {
                    return Err(format!("sequence: {number} of {webhook} is {before} and {}", delivery.id));
                }
            }
        }
        for (webhook, numbers) in numbers {
            let newest = store.webhook_state(webhook).sequence;
            let last = numbers.last_key_value().map_or(0, |(number, _)| *number);
            let gap = (1..=newest).find(|number| !numbers.contains_key(number));
            if last > newest || (gap.is_some() && self.counts.forgotten == 0) {
                return Err(format!("sequence: {webhook} counts {newest}, has {last}, and misses {gap:?}"));
            }
        }
        Ok(())
    }

    /// Every request of the last life, which came to its end, is recorded.
    pub fn check_recorded(&self, model: &Model, life: u32) -> Result<(), String> {
        for (id, requests) in &self.requests {
            let Some(delivery) = model.deliveries.get(id) else { continue };
            if let Some(request) = requests.iter().find(|one| one.life == life && one.attempt > delivery.attempts) {
                return Err(format!("attempt {} of {id} was made and is not recorded", request.attempt));
            }
        }
        Ok(())
    }
}
