//! Reading events, their bodies and their deliveries.

use redb::{ReadTransaction, ReadableTable};

use super::{
    EventFilter, Store,
    batch::read,
    fail::Fail,
    logs::first_id_at,
    record::decode,
    tables::{ATTEMPTS, BODIES, DELIVERIES, EVENTS, EXTERNAL_IDS},
};
use crate::domain::{Attempt, Cursor, Delivery, DeliveryId, Event, EventCursor, EventId, Page, Problem};

/// Events looked at for one page, however few fit.
const MOST_LOOKED_AT: usize = 10_000;

impl Store {
    /// The greatest number any id of the store has, so that new ones are greater.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn last_id(&self) -> Result<u128, Problem> {
        let newest = self.webhooks().all_with_deleted().map(|webhook| webhook.id.0).max().unwrap_or_default();
        self.read(|transaction| {
            let last = transaction.open_table(EVENTS)?.last()?.map_or(0, |(id, _)| id.value());
            Ok(last.max(newest))
        })
    }

    /// The newest delivery's id, or zero.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn newest_delivery(&self) -> Result<DeliveryId, Problem> {
        self.read(|transaction| {
            Ok(DeliveryId(transaction.open_table(DELIVERIES)?.last()?.map_or(0, |(id, _)| id.value())))
        })
    }

    /// The event of that id.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn event(&self, id: EventId) -> Result<Option<Event>, Problem> {
        self.read(|transaction| read(&transaction.open_table(EVENTS)?, id.0))
    }

    /// The bytes that are sent for an event; none once they were deleted on request.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn body(&self, id: EventId) -> Result<Option<Vec<u8>>, Problem> {
        self.read(|transaction| {
            let bytes = transaction.open_table(BODIES)?.get(id.0)?.map(|bytes| bytes.value().to_vec());
            // What was deleted on request is empty, and nothing else is.
            Ok(bytes.filter(|bytes| !bytes.is_empty()))
        })
    }

    /// The delivery of that id.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn delivery(&self, id: DeliveryId) -> Result<Option<Delivery>, Problem> {
        self.read(|transaction| read(&transaction.open_table(DELIVERIES)?, id.0))
    }

    /// The deliveries of an event, in the order of their webhooks.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn deliveries_of(&self, event: EventId) -> Result<Vec<Delivery>, Problem> {
        self.read(|transaction| {
            let table = transaction.open_table(DELIVERIES)?;
            table.range(event.0..event.deliveries_end().0)?.map(|row| decode(row?.1.value())).collect()
        })
    }

    /// The attempts of a delivery, the first one first.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn attempts(&self, delivery: &Delivery) -> Result<Vec<Attempt>, Problem> {
        if let Some(only) = &delivery.only_attempt {
            return Ok(vec![Attempt::clone(only)]);
        }
        self.read(|transaction| {
            let table = transaction.open_table(ATTEMPTS)?;
            let rows = table.range((delivery.id.0, 0)..=(delivery.id.0, u32::MAX))?;
            rows.map(|row| decode(row?.1.value())).collect()
        })
    }

    /// Events that fit `filter`, newest first, at most `limit` of them.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn events(
        &self,
        filter: &EventFilter,
        cursor: Option<EventCursor>,
        limit: usize,
    ) -> Result<Page<Event, EventId>, Problem> {
        self.read(|transaction| match &filter.external_id {
            Some(external_id) => {
                let items = by_external_id(transaction, filter, external_id.as_str())?;
                Ok(Page { items, older: None, newer: None, looked_at: None })
            }
            None => scan(transaction, filter, cursor, limit),
        })
    }
}

fn fits(filter: &EventFilter, event: &Event) -> bool {
    filter.account.as_ref().is_none_or(|account| *account == event.account)
        && filter.event_type.as_ref().is_none_or(|event_type| *event_type == event.event_type)
        && filter.since.is_none_or(|since| event.received_at >= since)
        && filter.until.is_none_or(|until| event.received_at < until)
}

/// The events under one id of the caller's, one for each account at the most.
fn by_external_id(transaction: &ReadTransaction, filter: &EventFilter, id: &str) -> Result<Vec<Event>, Fail> {
    let events = transaction.open_table(EVENTS)?;
    let mut found = Vec::new();
    for key in external_events(transaction, id)? {
        found.extend(read::<Event>(&events, key.0)?.filter(|event| fits(filter, event)));
    }
    found.sort_by_key(|event| std::cmp::Reverse(event.id));
    Ok(found)
}

/// The ids of the events under one id of the caller's, in any account; at most 100.
pub(super) fn external_events(transaction: &ReadTransaction, id: &str) -> Result<Vec<EventId>, Fail> {
    let table = transaction.open_table(EXTERNAL_IDS)?;
    let mut found = Vec::new();
    for row in table.range((id, "")..)?.take(100) {
        let (key, event) = row?;
        if key.value().0 != id {
            break;
        }
        found.push(EventId(event.value()));
    }
    Ok(found)
}

fn scan(
    transaction: &ReadTransaction,
    filter: &EventFilter,
    cursor: Option<EventCursor>,
    limit: usize,
) -> Result<Page<Event, EventId>, Fail> {
    let table = transaction.open_table(EVENTS)?;
    let mut first = filter.since.map_or(0, first_id_at);
    let mut end = filter.until.map_or(u128::MAX, first_id_at);
    let newest_first = !matches!(cursor, Some(Cursor::NewerThan(_)));
    match cursor {
        Some(Cursor::OlderThan(id)) => end = end.min(id.0),
        Some(Cursor::NewerThan(id)) => first = first.max(id.0 + 1),
        None => {}
    }
    let mut rows = table.range(first..end.max(first))?;
    let mut items: Vec<Event> = Vec::new();
    let mut looked_at = 0;
    let mut last_looked_at = None;
    let mut more = false;
    while let Some(row) = if newest_first { rows.next_back() } else { rows.next() } {
        if items.len() == limit || looked_at == MOST_LOOKED_AT {
            more = true;
            break;
        }
        let (id, bytes) = row?;
        looked_at += 1;
        last_looked_at = Some(EventId(id.value()));
        let event: Event = decode(bytes.value())?;
        if fits(filter, &event) {
            items.push(event);
        }
    }
    if newest_first {
        let newer = cursor.and_then(|_| items.first()).map(|event| Cursor::NewerThan(event.id));
        Ok(Page { older: last_looked_at.filter(|_| more).map(Cursor::OlderThan), newer, items, looked_at: None })
    } else {
        items.reverse();
        let older = items.last().map(|event| Cursor::OlderThan(event.id));
        Ok(Page { newer: last_looked_at.filter(|_| more).map(Cursor::NewerThan), older, items, looked_at: None })
    }
}
