//! What callers and receivers wrote down: which ids were answered with 2xx, and every request that
//! arrived. Compared with the store, it says whether the promises hold.

use std::{collections::BTreeMap, sync::Arc};

use hookstead::{
    domain::{DeliveryId, EventId, WebhookId},
    store::{Parcel, Store},
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
}

impl Counts {
    pub fn add(&mut self, other: Counts) {
        self.commits += other.commits;
        self.failed_commits += other.failed_commits;
        self.arrived += other.arrived;
        self.crashes += other.crashes;
        self.requests += other.requests;
        self.repeated += other.repeated;
    }
}

/// What callers and receivers wrote down.
#[derive(Default)]
pub struct Ledger {
    accepted: BTreeMap<EventId, Accepted>,
    requests: BTreeMap<DeliveryId, Vec<Request>>,
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
        self.counts.requests += 1;
        self.counts.repeated += usize::from(before.iter().any(|request| request.attempt == attempt));
        before.push(Request { attempt, life, body: parcel.body.clone() });
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
