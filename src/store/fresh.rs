//! Deliveries that were just accepted, kept in memory until the sender takes them, so that the first
//! attempt of most needs no read from disk. Only a shortcut: whatever is not here is on disk.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use crate::domain::{Delivery, DeliveryId, Event, EventId, Timestamp};

/// What is kept, in bytes: bodies, each once however many webhooks get it, and what deliveries take.
const MOST_BYTES: usize = 16 << 20;

/// What a delivery takes besides its body, roughly.
const OVERHEAD_BYTES: usize = 512;

/// How long a delivery is kept that nobody takes while others need the room: its webhook waits, or
/// its receiver is slow.
const KEPT_FOR: Duration = Duration::from_secs(5);

/// One delivery with what it is about.
#[derive(Debug, Clone)]
pub struct FreshDelivery {
    pub delivery: Delivery,
    pub event: Arc<Event>,
    pub body: Arc<[u8]>,
}

/// What a transaction changes here once it is committed.
#[expect(clippy::large_enum_variant, reason = "most are the large one, and a box for each would cost more")]
pub enum Change {
    /// It was made and is due.
    Made(FreshDelivery),
    /// It is not what it was made as any more.
    Gone(DeliveryId),
}

/// Deliveries that were just accepted.
#[derive(Debug, Default)]
pub struct Fresh {
    deliveries: HashMap<DeliveryId, FreshDelivery>,
    /// In the order they came; those that were taken are in it until their turn.
    order: VecDeque<(Timestamp, DeliveryId)>,
    /// How many deliveries of each event are kept.
    events: HashMap<EventId, usize>,
    bytes: usize,
}

impl Fresh {
    pub fn change(&mut self, changes: Vec<Change>) {
        for change in changes {
            match change {
                Change::Made(fresh) => self.put(fresh),
                Change::Gone(id) => drop(self.take(id)),
            }
        }
    }

    /// Gives a delivery away.
    pub fn take(&mut self, id: DeliveryId) -> Option<FreshDelivery> {
        let taken = self.deliveries.remove(&id)?;
        self.bytes -= OVERHEAD_BYTES;
        let left = self.events.get_mut(&id.event()).expect("counted when it was put in");
        *left -= 1;
        if *left == 0 {
            self.events.remove(&id.event());
            self.bytes -= taken.body.len();
        }
        Some(taken)
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Fresh::default();
    }

    /// Older ones stay, because the sender takes them first; a new one is left to the disk where
    /// there is no room for it.
    fn put(&mut self, fresh: FreshDelivery) {
        let (now, id) = (fresh.event.received_at, fresh.delivery.id);
        let body_bytes = if self.events.contains_key(&id.event()) { 0 } else { fresh.body.len() };
        let needed = body_bytes + OVERHEAD_BYTES;
        while let Some((came, id)) = self.order.front().copied()
            && (!self.deliveries.contains_key(&id) || (self.bytes + needed > MOST_BYTES && now - came > KEPT_FOR))
        {
            self.order.pop_front();
            self.take(id);
        }
        // One that was left waiting in front of the order must not let the rest of it grow.
        if self.bytes + needed > MOST_BYTES || self.order.len() * OVERHEAD_BYTES > MOST_BYTES {
            return;
        }
        self.bytes += needed;
        *self.events.entry(id.event()).or_default() += 1;
        self.order.push_back((now, id));
        self.deliveries.insert(id, fresh);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{AccountId, EventId, EventType, NewEvent, WebhookId};

    fn fresh(number: u128, at_ms: u64, payload_bytes: usize) -> FreshDelivery {
        let at = Timestamp::from_millis(at_ms);
        let event_type = EventType::parse("contact.created").expect("a type");
        let payload = format!("\"{}\"", "x".repeat(payload_bytes));
        let new = NewEvent::build(EventId(number << 16), AccountId::default(), event_type, None, None, at, &payload);
        let delivery = Delivery::new(new.event.id.delivery(0), WebhookId(1), at, false);
        FreshDelivery { delivery, event: Arc::new(new.event), body: new.body.into() }
    }

    fn id(number: u128) -> DeliveryId {
        EventId(number << 16).delivery(0)
    }

    #[test]
    fn a_delivery_is_given_once_and_not_after_it_changed() {
        let mut kept = Fresh::default();
        kept.change(vec![Change::Made(fresh(1, 0, 10)), Change::Made(fresh(2, 0, 10)), Change::Gone(id(2))]);
        assert!(kept.take(id(1)).is_some());
        assert!(kept.take(id(1)).is_none() && kept.take(id(2)).is_none());
        assert_eq!(kept.bytes, 0);
    }

    #[test]
    fn a_body_counts_once_however_many_webhooks_get_it() {
        let mut kept = Fresh::default();
        let first = fresh(1, 0, MOST_BYTES / 2);
        let second = FreshDelivery {
            delivery: Delivery::new(first.event.id.delivery(1), WebhookId(2), Timestamp::default(), false),
            ..first.clone()
        };
        kept.change(vec![Change::Made(first), Change::Made(second)]);
        assert_eq!(kept.deliveries.len(), 2);
        assert!(kept.take(id(1)).is_some());
        assert!(kept.bytes > MOST_BYTES / 2, "the other one still has it");
        assert!(kept.take(EventId(1 << 16).delivery(1)).is_some());
        assert_eq!(kept.bytes, 0);
    }

    #[test]
    fn what_nobody_takes_makes_room_after_a_while_and_the_memory_is_bounded() {
        let mut kept = Fresh::default();
        let large = MOST_BYTES / 3;
        kept.change((1..=4).map(|number| Change::Made(fresh(number, 0, large))).collect());
        assert!(kept.bytes <= MOST_BYTES);
        assert_eq!((kept.deliveries.len(), kept.deliveries.contains_key(&id(1))), (2, true), "the older ones stay");
        kept.change((5..=9).map(|number| Change::Made(fresh(number, 6_000, MOST_BYTES / 4))).collect());
        assert!(kept.bytes <= MOST_BYTES);
        assert!(!kept.deliveries.contains_key(&id(1)) && kept.deliveries.contains_key(&id(5)));
    }
}
