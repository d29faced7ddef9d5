//! Forgetting what is old enough, in bounded transactions.

use redb::{ReadableTable, ReadableTableMetadata};

use super::{
    Pending, Store,
    batch::Batch,
    fail::Fail,
    record::decode,
    tables::{ACCOUNT_HOURS, EVENTS, HOURS},
};
use crate::domain::{Delivery, Event, EventId, Problem, Status, Timestamp};

/// Events looked at in one transaction, and deliveries after which no further event is: some two
/// milliseconds of work or less, so that whoever publishes meanwhile hardly waits longer. Each step joins a
/// commit that is made anyway where others write.
const CHUNK: usize = 64;
const CHUNK_DELIVERIES: usize = 128;

/// What one step of forgetting did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forgotten {
    /// Events removed, with everything of theirs.
    pub events: usize,
    /// Where to go on; `None` if nothing older than the limit is left to look at.
    pub next: Option<EventId>,
}

impl Store {
    /// Removes events accepted before `before`, from `from` on, with their deliveries, attempts,
    /// bodies and index rows: a few at a time. An event with a pending delivery stays.
    pub fn forget(&self, before: Timestamp, from: EventId) -> Pending<Forgotten> {
        self.write(move |batch| forget(batch, before, from))
    }

    /// How many events there are.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn event_count(&self) -> Result<u64, Problem> {
        self.read(|transaction| Ok(transaction.open_table(EVENTS)?.len()?))
    }

    /// How many events were accepted before `before`, counted up to `most`.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn events_before(&self, before: Timestamp, most: usize) -> Result<usize, Problem> {
        self.read(|transaction| {
            let table = transaction.open_table(EVENTS)?;
            let mut count = 0;
            for row in table.range(0..super::logs::first_id_at(before))?.take(most) {
                row?;
                count += 1;
            }
            Ok(count)
        })
    }

    /// Removes hourly counts from before `hour`.
    pub fn forget_hours(&self, hour: u32) -> Pending<()> {
        self.write(move |batch| {
            batch.open(HOURS)?.retain(|(_, of), _| of >= hour)?;
            batch.open(ACCOUNT_HOURS)?.retain(|(of, _), _| of >= hour)?;
            Ok(())
        })
    }
}

fn forget(batch: &mut Batch, before: Timestamp, from: EventId) -> Result<Forgotten, Fail> {
    let end = super::logs::first_id_at(before);
    if from.0 >= end {
        return Ok(Forgotten { events: 0, next: None });
    }
    let mut old: Vec<Event> = Vec::with_capacity(CHUNK);
    for row in batch.events.range(from.0..end)?.take(CHUNK) {
        old.push(decode(row?.1.value())?);
    }
    let (mut removed, mut looked_at, mut last) = (0, 0, None);
    for event in &old {
        if looked_at >= CHUNK_DELIVERIES {
            break;
        }
        last = Some(event.id);
        let rows = batch.deliveries.range(event.id.0..event.id.deliveries_end().0)?;
        let deliveries: Vec<Delivery> = rows.map(|row| decode(row?.1.value())).collect::<Result<_, Fail>>()?;
        looked_at += deliveries.len();
        if deliveries.iter().any(|delivery| delivery.status == Status::Pending) {
            continue;
        }
        for delivery in &deliveries {
            batch.remove_delivery(event, delivery)?;
        }
        if let Some(external_id) = &event.external_id {
            batch.external_ids.remove((external_id.as_str(), event.account.as_str()))?;
        }
        batch.bodies.remove(event.id.0)?;
        batch.events.remove(event.id.0)?;
        removed += 1;
    }
    let all = old.len() < CHUNK && last == old.last().map(|event| event.id);
    let next = last.filter(|_| !all).map(|id| EventId(id.deliveries_end().0));
    Ok(Forgotten { events: removed, next })
}
