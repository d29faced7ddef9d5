//! Finding deliveries for the log. Every property with a tag is a sorted list of log ids; a filter
//! over several of them is the intersection of their lists, found by jumping back and forth. What
//! has no tag (a success, a 200, text in the payload) is looked up row by row, up to a bound.

use redb::{ReadOnlyTable, ReadTransaction};

use super::{
    Store,
    batch::read,
    events::external_events,
    fail::Fail,
    tables::{BODIES, DELIVERIES, LOG_INDEX},
    tags::{self, Tag},
};
use crate::domain::{
    Cursor, Delivery, DeliveryId, EventId, HttpStatusFilter, LogCursor, LogFilter, Page, Problem, Timestamp,
};

/// Rows looked at for one page, however few fit.
const MOST_LOOKED_AT: usize = 10_000;
/// Bytes of payloads searched for one page.
const MOST_BYTES_SEARCHED: usize = 64 << 20;

/// The least number an id made at `moment` can have.
pub(super) fn first_id_at(moment: Timestamp) -> u128 {
    u128::from(moment.as_millis()) << 80
}

impl Store {
    /// Deliveries that fit `filter`, newest first, at most `limit` of them.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn logs(
        &self,
        filter: &LogFilter,
        cursor: Option<LogCursor>,
        limit: usize,
    ) -> Result<Page<Delivery, DeliveryId>, Problem> {
        self.read(|transaction| {
            let mut search = Search::new(transaction, filter)?;
            match cursor {
                Some(Cursor::NewerThan(id)) => {
                    search.first = search.first.max(id.0 + 1);
                    let (mut items, end) = search.run(Direction::Newer, limit)?;
                    items.reverse();
                    let older = items.last().map(|delivery| Cursor::OlderThan(delivery.id));
                    Ok(Page { newer: end.map(Cursor::NewerThan), older, items })
                }
                _ => {
                    if let Some(Cursor::OlderThan(id)) = cursor {
                        search.end = search.end.min(id.0);
                    }
                    let (items, end) = search.run(Direction::Older, limit)?;
                    let newer = cursor.and_then(|_| items.first()).map(|delivery| Cursor::NewerThan(delivery.id));
                    Ok(Page { older: end.map(Cursor::OlderThan), newer, items })
                }
            }
        })
    }

    /// Deliveries that fit `filter` up to `last`, oldest first. The page's `newer` says where to go
    /// on; without it that was all.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn logs_oldest_first(
        &self,
        filter: &LogFilter,
        cursor: Option<LogCursor>,
        last: DeliveryId,
        limit: usize,
    ) -> Result<Page<Delivery, DeliveryId>, Problem> {
        self.read(|transaction| {
            let mut search = Search::new(transaction, filter)?;
            search.end = search.end.min(last.0.saturating_add(1));
            if let Some(Cursor::NewerThan(id)) = cursor {
                search.first = search.first.max(id.0 + 1);
            }
            let (items, end) = search.run(Direction::Newer, limit)?;
            Ok(Page { items, older: None, newer: end.map(Cursor::NewerThan) })
        })
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Older,
    Newer,
}

/// One search: the lists to intersect, the range of ids, and what is left to check on each row.
struct Search<'a> {
    deliveries: ReadOnlyTable<u128, &'static [u8]>,
    index: ReadOnlyTable<(u8, u128, u128), ()>,
    bodies: ReadOnlyTable<u128, &'static [u8]>,
    tags: Vec<Tag>,
    /// First id, and the one after the last.
    first: u128,
    end: u128,
    filter: &'a LogFilter,
    /// What to look for in payloads.
    text: Option<&'a [u8]>,
    /// Only these events, where the typed text is an id of theirs.
    only: Option<Vec<EventId>>,
}

impl<'a> Search<'a> {
    fn new(transaction: &ReadTransaction, filter: &'a LogFilter) -> Result<Self, Fail> {
        let status = filter.status.and_then(tags::status);
        let answered = filter.http_status.and_then(|wanted| match wanted {
            HttpStatusFilter::Exactly(status) => tags::http_status(status),
            HttpStatusFilter::Class(class) => tags::http_class(class),
        });
        // The rarest kinds first: the fewer candidates, the fewer jumps.
        let tags = [
            filter.cause.map(tags::cause),
            answered,
            status,
            filter.webhook.map(tags::webhook),
            filter.event_type.as_ref().map(tags::event_type),
            filter.account.as_ref().map(tags::account),
        ];
        let mut search = Search {
            deliveries: transaction.open_table(DELIVERIES)?,
            index: transaction.open_table(LOG_INDEX)?,
            bodies: transaction.open_table(BODIES)?,
            tags: tags.into_iter().flatten().collect(),
            first: filter.since.map_or(0, first_id_at),
            end: filter.until.map_or(u128::MAX, first_id_at),
            filter,
            text: None,
            only: None,
        };
        if let Some(event) = filter.event {
            search.limit_to(event.0, event.deliveries_end().0);
        }
        if let Some(text) = filter.text.as_deref().filter(|text| !text.is_empty()) {
            search.look_for(transaction, text)?;
        }
        Ok(search)
    }

    fn limit_to(&mut self, first: u128, end: u128) {
        self.first = self.first.max(first);
        self.end = self.end.min(end);
    }

    /// A log id, an event id or a caller's id is found exactly; anything else is text in payloads.
    fn look_for(&mut self, transaction: &ReadTransaction, text: &'a str) -> Result<(), Fail> {
        if let Ok(id) = text.parse::<DeliveryId>() {
            self.limit_to(id.0, id.0.saturating_add(1));
        } else if let Ok(event) = text.parse::<EventId>() {
            self.limit_to(event.0, event.deliveries_end().0);
        } else {
            let events = external_events(transaction, text)?;
            match (events.iter().min(), events.iter().max()) {
                (Some(oldest), Some(newest)) => {
                    self.limit_to(oldest.0, newest.deliveries_end().0);
                    self.only = Some(events);
                }
                _ => self.text = Some(text.as_bytes()),
            }
        }
        Ok(())
    }

    /// The rows found, and the last id looked at if there may be more behind it.
    fn run(&self, direction: Direction, limit: usize) -> Result<(Vec<Delivery>, Option<DeliveryId>), Fail> {
        let (mut first, mut end) = (self.first, self.end);
        let (mut found, mut last_looked_at) = (Vec::new(), None);
        let mut bytes_searched = 0;
        for looked_at in 0.. {
            let Some(id) = self.next(first, end, direction)? else { return Ok((found, None)) };
            if found.len() == limit || looked_at == MOST_LOOKED_AT || bytes_searched > MOST_BYTES_SEARCHED {
                break;
            }
            last_looked_at = Some(DeliveryId(id));
            match direction {
                Direction::Older => end = id,
                Direction::Newer => first = id + 1,
            }
            let Some(delivery) = read::<Delivery>(&self.deliveries, id)? else { continue };
            if self.fits(&delivery) && self.contains_text(&delivery, &mut bytes_searched)? {
                found.push(delivery);
            }
        }
        Ok((found, last_looked_at))
    }

    /// The next id in every list, inside the range.
    fn next(&self, mut first: u128, mut end: u128, direction: Direction) -> Result<Option<u128>, Fail> {
        let Some((leading, others)) = self.tags.split_first() else {
            return self.next_row(first, end, direction);
        };
        'candidate: loop {
            let Some(candidate) = self.next_tagged(*leading, first, end, direction)? else { return Ok(None) };
            for tag in others {
                // From the candidate on, itself included.
                let (from, to) = match direction {
                    Direction::Older => (first, candidate + 1),
                    Direction::Newer => (candidate, end),
                };
                match self.next_tagged(*tag, from, to, direction)? {
                    None => return Ok(None),
                    Some(same) if same == candidate => {}
                    Some(further) => {
                        match direction {
                            Direction::Older => end = further + 1,
                            Direction::Newer => first = further,
                        }
                        continue 'candidate;
                    }
                }
            }
            return Ok(Some(candidate));
        }
    }

    fn next_row(&self, first: u128, end: u128, direction: Direction) -> Result<Option<u128>, Fail> {
        if first >= end {
            return Ok(None);
        }
        let mut rows = self.deliveries.range(first..end)?;
        let row = if direction == Direction::Older { rows.next_back() } else { rows.next() };
        Ok(row.transpose()?.map(|(id, _)| id.value()))
    }

    fn next_tagged(&self, tag: Tag, first: u128, end: u128, direction: Direction) -> Result<Option<u128>, Fail> {
        if first >= end {
            return Ok(None);
        }
        let mut rows = self.index.range((tag.0, tag.1, first)..(tag.0, tag.1, end))?;
        let row = if direction == Direction::Older { rows.next_back() } else { rows.next() };
        Ok(row.transpose()?.map(|(key, _)| key.value().2))
    }

    /// What no tag says.
    fn fits(&self, delivery: &Delivery) -> bool {
        let answered = delivery.last.and_then(|last| last.http_status);
        self.only.as_ref().is_none_or(|events| events.contains(&delivery.event()))
            && self.filter.status.is_none_or(|status| status == delivery.status)
            && self.filter.http_status.is_none_or(|wanted| answered.is_some_and(|status| wanted.fits(status)))
    }

    fn contains_text(&self, delivery: &Delivery, searched: &mut usize) -> Result<bool, Fail> {
        let Some(text) = self.text else { return Ok(true) };
        let Some(body) = self.bodies.get(delivery.event().0)? else { return Ok(false) };
        *searched += body.value().len();
        Ok(contains(body.value(), text))
    }
}

/// Whether `text` stands in `body`. The payload is searched as it was received: text that the
/// sender escaped (`\u00e9`) is found as escaped only.
fn contains(body: &[u8], text: &[u8]) -> bool {
    text.len() <= body.len() && body.windows(text.len()).any(|window| window == text)
}
