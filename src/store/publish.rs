//! Taking events: the event, its body, a delivery for every webhook that selected it, and a row in
//! the queue for each, in one transaction.

use std::sync::{Arc, atomic::Ordering};

use super::{
    Answer, Due, Notice, Pending, Published, Store,
    batch::{Batch, read},
    fail::Fail,
    fresh::{Change, FreshDelivery},
    order,
    record::encode,
};
use crate::domain::{AccountId, Delivery, Event, EventId, NewEvent, Problem, ProblemKind, StartedBy};

impl Store {
    /// Takes events. Each is answered for itself, in order: `idempotency_conflict` if its caller's
    /// id stands for another event.
    ///
    /// # Errors
    /// `queue_full`, `cannot_write`: then none was taken.
    pub fn publish(&self, events: Vec<NewEvent>) -> Pending<Vec<Answer<Published>>> {
        let (full, in_place) = (self.inner.full.load(Ordering::Relaxed), self.is_in_place());
        self.write(move |batch| {
            if !in_place {
                return Err(Problem::cannot_write().into());
            }
            if full {
                return Err(queue_full().into());
            }
            events.into_iter().map(|new| refusal_is_answer(publish(batch, new))).collect()
        })
    }
}

fn queue_full() -> Problem {
    let detail = "The event store has reached its limit of disk space. Try again later with the same id.";
    Problem { retry_after_s: Some(60), ..Problem::new(ProblemKind::Unavailable, "queue_full", detail) }
}

/// One event's refusal does not stop the others of its batch.
fn refusal_is_answer<T>(result: Result<T, Fail>) -> Result<Answer<T>, Fail> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(Fail::Refused(problem)) => Ok(Err(problem)),
        Err(storage) => Err(storage),
    }
}

fn publish(batch: &mut Batch, new: NewEvent) -> Result<Published, Fail> {
    let NewEvent { mut event, body } = new;
    if let Some(first) = first_under_same_id(batch, &event)? {
        return repeat_of(first, &event);
    }
    let webhooks = batch.shared.webhooks.matching(&event.account, &event.event_type);
    event.webhooks_matched = webhooks.len() as u16;
    event.met_version = batch.shared.version;
    batch.events.insert(event.id.0, encode(&event).as_slice())?;
    batch.bodies.insert(event.id.0, &*body)?;
    if let Some(external_id) = &event.external_id {
        batch.external_ids.insert((external_id.as_str(), event.account.as_str()), event.id.0)?;
    }
    let (event, body): (_, Arc<[u8]>) = (Arc::new(event), body.into());
    for (position, webhook) in webhooks.iter().enumerate() {
        let mut delivery = Delivery::new(event.id.delivery(position), webhook.id, event.received_at, false);
        if webhook.disabled.is_some() {
            delivery.missed = true;
            delivery.next_start = StartedBy::CatchUp;
        }
        order::join(batch, &event, webhook, &mut delivery)?;
        batch.add_delivery(&event, &delivery)?;
        // What is off or behind another is sent later, and not announced.
        if let Some(at) = delivery.due.filter(|_| !delivery.missed) {
            batch.notices.push(Notice::Queued { webhook: webhook.id, due: Due { at, delivery: delivery.id } });
            let (event, body) = (event.clone(), body.clone());
            batch.fresh.push(Change::Made(FreshDelivery { delivery, event, body }));
        }
    }
    batch.account_hour(event.received_at.hour(), &event.account)?.accepted += 1;
    Ok(Published {
        id: event.id,
        timestamp: event.timestamp,
        duplicate: false,
        webhooks_matched: event.webhooks_matched,
    })
}

fn first_under_same_id(batch: &Batch, event: &Event) -> Result<Option<Event>, Fail> {
    let Some(external_id) = &event.external_id else { return Ok(None) };
    find_external(&*batch.external_ids, external_id.as_str(), &event.account)?
        .map_or(Ok(None), |id| read(&*batch.events, id.0))
}

/// The event that stands under a caller's id.
pub(super) fn find_external(
    table: &impl redb::ReadableTable<(&'static str, &'static str), u128>,
    external_id: &str,
    account: &AccountId,
) -> Result<Option<EventId>, Fail> {
    Ok(table.get((external_id, account.as_str()))?.map(|id| EventId(id.value())))
}

fn repeat_of(first: Event, event: &Event) -> Result<Published, Fail> {
    if first.digest != event.digest {
        let detail = format!("This id stands for another event already, {}. Use a new id for a new event.", first.id);
        return Err(Problem::new(ProblemKind::Conflict, "idempotency_conflict", detail).into());
    }
    Ok(Published {
        id: first.id,
        timestamp: first.timestamp,
        duplicate: true,
        webhooks_matched: first.webhooks_matched,
    })
}
