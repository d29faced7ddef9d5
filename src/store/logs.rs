//! Finding deliveries for the log. The index says in which blocks there is something with a property
//! (see [`super::tags`]); a filter over several of them visits the blocks that have all, found by
//! jumping back and forth, and looks at each row there, up to a bound.

use std::collections::HashSet;

use redb::{ReadOnlyTable, ReadTransaction, ReadableTableMetadata};

use super::{
    Store,
    batch::read,
    events::external_events,
    fail::Fail,
    record::decode,
    tables::{BODIES, DELIVERIES, EVENTS, LOG_BLOCKS},
    tags::{self, Block, Tag},
};
use crate::domain::{
    AccountId, Cursor, Delivery, DeliveryId, Event, EventId, HttpStatusFilter, LogCount, LogCursor, LogFilter, Page,
    Problem, Timestamp, WebhookId,
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
            let mut search = Search::new(transaction, filter, |account| self.webhooks_of(account))?;
            match cursor {
                Some(Cursor::NewerThan(id)) => {
                    search.first = search.first.max(id.0 + 1);
                    let Part { mut items, end, looked_at } = search.run(Direction::Newer, limit)?;
                    items.reverse();
                    let older = items.last().map(|delivery| Cursor::OlderThan(delivery.id));
                    Ok(Page { newer: end.map(Cursor::NewerThan), older, items, looked_at })
                }
                _ => {
                    if let Some(Cursor::OlderThan(id)) = cursor {
                        search.end = search.end.min(id.0);
                    }
                    let Part { items, end, looked_at } = search.run(Direction::Older, limit)?;
                    let newer = cursor.and_then(|_| items.first()).map(|delivery| Cursor::NewerThan(delivery.id));
                    Ok(Page { older: end.map(Cursor::OlderThan), newer, items, looked_at })
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
            let mut search = Search::new(transaction, filter, |account| self.webhooks_of(account))?;
            search.end = search.end.min(last.0.saturating_add(1));
            if let Some(Cursor::NewerThan(id)) = cursor {
                search.first = search.first.max(id.0 + 1);
            }
            let Part { items, end, looked_at } = search.run(Direction::Newer, limit)?;
            Ok(Page { items, older: None, newer: end.map(Cursor::NewerThan), looked_at })
        })
    }

    /// How many deliveries fit `filter`, counted up to `most` and in a bounded number of rows.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn count_logs(&self, filter: &LogFilter, most: usize) -> Result<LogCount, Problem> {
        self.read(|transaction| {
            if *filter == LogFilter::default() {
                return Ok(LogCount { number: transaction.open_table(DELIVERIES)?.len()?, at_least: false });
            }
            Search::new(transaction, filter, |account| self.webhooks_of(account))?.count(most)
        })
    }

    fn webhooks_of(&self, account: &AccountId) -> HashSet<WebhookId> {
        self.webhooks().of_account_with_deleted(account).map(|webhook| webhook.id).collect()
    }
}

/// What a search has found.
struct Part {
    items: Vec<Delivery>,
    /// The last one looked at, if there may be more behind it.
    end: Option<DeliveryId>,
    /// The number looked at, if the search ended at its bound.
    looked_at: Option<usize>,
}

/// What a search has found so far.
#[derive(Default)]
struct Found {
    items: Vec<Delivery>,
    number: usize,
    /// Only the number is asked for.
    only_count: bool,
    last_looked_at: Option<DeliveryId>,
    looked_at: usize,
    bytes_searched: usize,
    /// The event looked at last, and whether it fits.
    event: Option<(EventId, bool)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Older,
    Newer,
}

/// One search: what a block must have to be looked at, and the range of ids.
struct Search<'a> {
    deliveries: ReadOnlyTable<u128, &'static [u8]>,
    index: ReadOnlyTable<(u8, u64, u128), u32>,
    events: ReadOnlyTable<u128, &'static [u8]>,
    bodies: ReadOnlyTable<u128, &'static [u8]>,
    tags: Vec<Tag>,
    /// First id, and the one after the last.
    first: u128,
    end: u128,
    filter: &'a LogFilter,
    /// The webhooks of the account that is asked for.
    of_account: Option<HashSet<WebhookId>>,
    /// What to look for in payloads.
    text: Option<&'a [u8]>,
    /// Only these events, where the typed text is an id of theirs.
    only: Option<Vec<EventId>>,
}

impl<'a> Search<'a> {
    fn new(
        transaction: &ReadTransaction,
        filter: &'a LogFilter,
        webhooks_of: impl Fn(&AccountId) -> HashSet<WebhookId>,
    ) -> Result<Self, Fail> {
        let status = filter.status.map(tags::status);
        let answered = filter.http_status.and_then(|wanted| match wanted {
            HttpStatusFilter::Exactly(status) => tags::http_status(status).or(Some(tags::http_class(status / 100))),
            HttpStatusFilter::Class(class) => Some(tags::http_class(class)),
            // The index has each cause by itself; such rows are found by looking.
            HttpStatusFilter::NoAnswer => None,
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
            index: transaction.open_table(LOG_BLOCKS)?,
            events: transaction.open_table(EVENTS)?,
            bodies: transaction.open_table(BODIES)?,
            tags: tags.into_iter().flatten().collect(),
            first: filter.since.map_or(0, first_id_at),
            end: filter.until.map_or(u128::MAX, first_id_at),
            filter,
            of_account: filter.account.as_ref().map(&webhooks_of),
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

    /// The rows found, at most `limit`.
    fn run(&self, direction: Direction, limit: usize) -> Result<Part, Fail> {
        let mut found = Found::default();
        let more = self.search(direction, limit, &mut found)?;
        let at_bound = more && found.number < limit;
        Ok(Part {
            items: found.items,
            end: found.last_looked_at.filter(|_| more),
            looked_at: at_bound.then_some(found.looked_at),
        })
    }

    /// Their number, at most `most`.
    fn count(&self, most: usize) -> Result<LogCount, Fail> {
        let mut found = Found { only_count: true, ..Found::default() };
        let more = self.search(Direction::Older, most, &mut found)?;
        Ok(LogCount { number: found.number as u64, at_least: more })
    }

    /// Looks at one stretch after the other. True if it ended before the last of them.
    fn search(&self, direction: Direction, limit: usize, found: &mut Found) -> Result<bool, Fail> {
        let (mut first, mut end) = (self.first, self.end);
        while let Some((from, to)) = self.next_stretch(first, end, direction)? {
            if self.look(from, to, direction, limit, found)? {
                return Ok(true);
            }
            match direction {
                Direction::Older => end = from,
                Direction::Newer => first = to,
            }
        }
        Ok(false)
    }

    /// Looks at the rows of a stretch. True if it ended before the last of them.
    fn look(&self, from: u128, to: u128, direction: Direction, limit: usize, found: &mut Found) -> Result<bool, Fail> {
        let mut rows = self.deliveries.range(from..to)?;
        while let Some(row) = if direction == Direction::Older { rows.next_back() } else { rows.next() } {
            if found.number == limit || found.looked_at == MOST_LOOKED_AT || found.bytes_searched > MOST_BYTES_SEARCHED
            {
                return Ok(true);
            }
            found.looked_at += 1;
            let (id, bytes) = row?;
            found.last_looked_at = Some(DeliveryId(id.value()));
            let delivery: Delivery = decode(bytes.value())?;
            if self.fits(&delivery)
                && self.fits_event(&delivery, &mut found.event)?
                && self.contains_text(&delivery, &mut found.bytes_searched)?
            {
                found.number += 1;
                if !found.only_count {
                    found.items.push(delivery);
                }
            }
        }
        Ok(false)
    }

    /// The next ids to look at, from the first up to the one after the last: those of a block that
    /// has every tag.
    fn next_stretch(&self, mut first: u128, mut end: u128, direction: Direction) -> Result<Option<(u128, u128)>, Fail> {
        let Some((leading, others)) = self.tags.split_first() else {
            return Ok((first < end).then_some((first, end)));
        };
        'candidate: loop {
            let Some(candidate) = self.next_block(*leading, first, end, direction)? else { return Ok(None) };
            let ids = tags::ids_of(candidate);
            for tag in others {
                // From the candidate on, itself included.
                let (from, to) = match direction {
                    Direction::Older => (first, ids.end.min(end)),
                    Direction::Newer => (ids.start.max(first), end),
                };
                match self.next_block(*tag, from, to, direction)? {
                    None => return Ok(None),
                    Some(same) if same == candidate => {}
                    Some(further) => {
                        match direction {
                            Direction::Older => end = tags::ids_of(further).end.min(end),
                            Direction::Newer => first = tags::ids_of(further).start.max(first),
                        }
                        continue 'candidate;
                    }
                }
            }
            return Ok(Some((ids.start.max(first), ids.end.min(end))));
        }
    }

    /// The next block with a tag that has ids in the range.
    fn next_block(&self, tag: Tag, first: u128, end: u128, direction: Direction) -> Result<Option<Block>, Fail> {
        if first >= end {
            return Ok(None);
        }
        let (from, to) = (tags::block(first), tags::block(end - 1));
        let mut rows = self.index.range((tag.0, tag.1, from)..=(tag.0, tag.1, to))?;
        let row = if direction == Direction::Older { rows.next_back() } else { rows.next() };
        Ok(row.transpose()?.map(|(key, _)| key.value().2))
    }

    /// What the row itself says.
    fn fits(&self, delivery: &Delivery) -> bool {
        let cause = delivery.last.and_then(|last| last.cause);
        self.only.as_ref().is_none_or(|events| events.contains(&delivery.event()))
            && self.of_account.as_ref().is_none_or(|webhooks| webhooks.contains(&delivery.webhook))
            && self.filter.webhook.is_none_or(|webhook| webhook == delivery.webhook)
            && self.filter.status.is_none_or(|status| status == delivery.status)
            && (!self.filter.after_retry || delivery.attempts > 1)
            && self.filter.http_status.is_none_or(|wanted| delivery.last.is_some_and(|last| wanted.fits(&last)))
            && self.filter.cause.is_none_or(|wanted| cause == Some(wanted))
    }

    /// What only its event says. `last` is the event looked at before, as the deliveries of one
    /// stand together.
    fn fits_event(&self, delivery: &Delivery, last: &mut Option<(EventId, bool)>) -> Result<bool, Fail> {
        let Some(wanted) = &self.filter.event_type else { return Ok(true) };
        let id = delivery.event();
        if let Some((_, fits)) = last.filter(|(known, _)| *known == id) {
            return Ok(fits);
        }
        let fits = read::<Event>(&self.events, id.0)?.is_some_and(|event| event.event_type == *wanted);
        *last = Some((id, fits));
        Ok(fits)
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
