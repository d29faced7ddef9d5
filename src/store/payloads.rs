//! Deleting the content of events: of one on request, such as that of a person whose data must go, and
//! of the oldest ones to keep within a bound.

use redb::ReadableTable;

use super::{
    AuditEntry, Pending, Store,
    batch::Batch,
    fail::Fail,
    record::{decode, encode},
    tables::BODIES,
};
use crate::domain::{Attempt, Delivery, Event, EventId, Outcome, PayloadDeleted, Problem, Status};

/// Events looked at in one transaction, and deliveries after which no further event is; as for
/// [`Store::forget`].
const CHUNK: usize = 64;
const CHUNK_DELIVERIES: usize = 128;

/// Bodies of a range of events.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bodies {
    /// How many are kept.
    pub number: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The first event that has one.
    pub first: Option<EventId>,
    /// The last event that was looked at.
    pub last: Option<EventId>,
    /// There are more behind it.
    pub more: bool,
}

/// What one step of deleting the oldest payloads did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dropped {
    /// Payloads deleted.
    pub number: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Where to go on; `None` if there is no event behind.
    pub next: Option<EventId>,
}

impl Store {
    /// Counts the bodies of at most `most` events behind `after`.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn bodies(&self, after: Option<EventId>, most: usize) -> Result<Bodies, Problem> {
        self.read(|transaction| {
            let mut bodies = Bodies::default();
            let from = after.map_or(0, |id| id.deliveries_end().0);
            let mut looked_at = 0;
            for row in transaction.open_table(BODIES)?.range(from..)?.take(most) {
                let (id, body) = row?;
                let (id, length) = (EventId(id.value()), body.value().len() as u64);
                looked_at += 1;
                bodies.last = Some(id);
                if length > 0 {
                    bodies.number += 1;
                    bodies.bytes += length;
                    bodies.first.get_or_insert(id);
                }
            }
            bodies.more = looked_at == most;
            Ok(bodies)
        })
    }

    /// Deletes the payloads of a few events from `from` on, oldest first, until `bytes` of them are gone.
    /// One that is still to be sent stays.
    pub fn drop_payloads(&self, from: EventId, bytes: u64, deleted: PayloadDeleted) -> Pending<Dropped> {
        self.write(move |batch| drop_some(batch, from, bytes, &deleted))
    }

    /// Deletes the body of an event, and the kept bodies of the answers to it, which may repeat it.
    /// The event, its deliveries and its attempts stay. Once deleted it stays as it was deleted first.
    ///
    /// # Errors
    /// `not_found`, `conflict` if it is still to be sent, `cannot_write`.
    pub fn delete_payload(&self, id: EventId, deleted: PayloadDeleted, audit: AuditEntry) -> Pending<()> {
        self.write(move |batch| {
            let mut event = batch.event(id)?.ok_or_else(|| Problem::not_found("event"))?;
            if event.payload_deleted.is_some() {
                return Ok(());
            }
            let rows = batch.deliveries.range(id.0..id.deliveries_end().0)?;
            let deliveries: Vec<Delivery> = rows.map(|row| decode(row?.1.value())).collect::<Result<_, Fail>>()?;
            if deliveries.iter().any(|delivery| delivery.status == Status::Pending) {
                let detail = "This event is still to be sent, so its payload is needed. Wait until every entry of it \
                              has ended, or delete the webhook that waits for it.";
                return Err(Problem::conflict(detail).into());
            }
            empty(batch, &mut event, deliveries, deleted)?;
            batch.audit(&audit)
        })
    }
}

fn drop_some(batch: &mut Batch, from: EventId, bytes: u64, deleted: &PayloadDeleted) -> Result<Dropped, Fail> {
    let mut old: Vec<Event> = Vec::with_capacity(CHUNK);
    for row in batch.events.range(from.0..)?.take(CHUNK) {
        old.push(decode(row?.1.value())?);
    }
    let (mut dropped, mut looked_at) = (Dropped { number: 0, bytes: 0, next: None }, 0);
    let is_last_part = old.len() < CHUNK;
    let mut all = true;
    for mut event in old {
        if looked_at >= CHUNK_DELIVERIES || dropped.bytes >= bytes {
            all = false;
            break;
        }
        let id = event.id;
        dropped.next = Some(EventId(id.deliveries_end().0));
        let length = batch.bodies.get(id.0)?.map_or(0, |body| body.value().len() as u64);
        if event.payload_deleted.is_some() || length == 0 {
            continue;
        }
        let rows = batch.deliveries.range(id.0..id.deliveries_end().0)?;
        let deliveries: Vec<Delivery> = rows.map(|row| decode(row?.1.value())).collect::<Result<_, Fail>>()?;
        looked_at += deliveries.len();
        if deliveries.iter().any(|delivery| delivery.status == Status::Pending) {
            continue;
        }
        empty(batch, &mut event, deliveries, deleted.clone())?;
        dropped.number += 1;
        dropped.bytes += length;
    }
    if all && is_last_part {
        dropped.next = None;
    }
    Ok(dropped)
}

/// Takes the body of an event away, and the kept bodies of the answers to it.
fn empty(batch: &mut Batch, event: &mut Event, deliveries: Vec<Delivery>, deleted: PayloadDeleted) -> Result<(), Fail> {
    for delivery in deliveries {
        forget_answers(batch, delivery)?;
    }
    batch.bodies.insert(event.id.0, [].as_slice())?;
    event.payload_at = (0, 0);
    event.payload_deleted = Some(deleted);
    batch.events.insert(event.id.0, encode(event).as_slice())?;
    Ok(())
}

fn forget_answers(batch: &mut Batch, mut delivery: Delivery) -> Result<(), Fail> {
    if let Some(only) = &mut delivery.only_attempt {
        forget_answer(only);
        batch.deliveries.insert(delivery.id.0, encode(&delivery).as_slice())?;
        return Ok(());
    }
    for number in 1..=delivery.attempts {
        let key = (delivery.id.0, number);
        let Some(mut attempt) = batch.attempts.get(key)?.map(|bytes| decode::<Attempt>(bytes.value())).transpose()?
        else {
            continue;
        };
        forget_answer(&mut attempt);
        batch.attempts.insert(key, encode(&attempt).as_slice())?;
    }
    Ok(())
}

fn forget_answer(attempt: &mut Attempt) {
    if let Outcome::Answered(answer) = &mut attempt.outcome {
        answer.body_truncated |= !answer.body.is_empty();
        answer.body.clear();
    }
}
