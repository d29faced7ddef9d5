//! How often events of each type come, told from the newest events.

use std::{collections::HashMap, time::Duration};

use crate::domain::{Event, EventType, Timestamp};

/// How far back the traffic is counted.
const DAY: Duration = Duration::from_secs(86_400);

/// How often events of each type come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Traffic {
    types: HashMap<EventType, Seen>,
    /// Events looked at.
    looked_at: usize,
    /// The events looked at are all of the last 24 hours; otherwise there are more of them.
    is_whole: bool,
    /// They are all that are kept.
    is_everything: bool,
    /// Accepted in the last 24 hours, in whole hours.
    accepted: u64,
}

/// What was seen of one type.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Seen {
    /// How many in the last 24 hours, as far as looked at.
    count: u64,
    /// When the newest one was accepted.
    last: Option<Timestamp>,
}

/// How often one type came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TypeTraffic {
    /// In the last 24 hours.
    pub last_day: u64,
    /// That is no count but a share of all that came.
    pub is_about: bool,
    /// When the newest one was accepted; `None` if none of those looked at is of this type.
    pub last_seen: Option<Timestamp>,
    /// If none was seen: how many were looked at, where that was not all that are kept.
    pub among: Option<usize>,
}

impl Traffic {
    /// Tells it from the newest events, newest first. `is_everything` if there are no more;
    /// `accepted` is the number of all of the last 24 hours.
    pub fn of(newest: &[Event], is_everything: bool, accepted: u64, now: Timestamp) -> Traffic {
        let since = now.minus(DAY);
        let reaches_back = newest.last().is_some_and(|oldest| oldest.received_at < since);
        let (looked_at, is_whole) = (newest.len(), is_everything || reaches_back);
        let mut traffic = Traffic { looked_at, is_whole, is_everything, accepted, ..Traffic::default() };
        for event in newest.iter().filter(|event| !event.test) {
            let seen = traffic.types.entry(event.event_type.clone()).or_default();
            seen.count += u64::from(event.received_at >= since);
            seen.last.get_or_insert(event.received_at);
        }
        traffic
    }

    /// How often that type came.
    pub fn of_type(&self, name: &EventType) -> TypeTraffic {
        let seen = self.types.get(name).copied().unwrap_or_default();
        let share = u128::from(seen.count) * u128::from(self.accepted) / (self.looked_at.max(1) as u128);
        TypeTraffic {
            last_day: if self.is_whole { seen.count } else { u64::try_from(share).unwrap_or(u64::MAX) },
            is_about: !self.is_whole,
            last_seen: seen.last,
            among: (seen.last.is_none() && !self.is_everything).then_some(self.looked_at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{AccountId, EventId, NewEvent};

    fn event(number: u128, name: &str, at: Timestamp) -> Event {
        let name = EventType::parse(name).expect("a name");
        NewEvent::build(EventId(number << 16), AccountId::default(), name, None, None, at, "{}").event
    }

    #[test]
    fn a_type_is_counted_where_a_day_was_looked_at_and_else_told_by_its_share() {
        let now = Timestamp::from_millis(1_767_605_400_000);
        let ago = |hours: u64| now.minus(Duration::from_secs(hours * 3_600));
        let mut events = vec![event(4, "a.b", ago(1)), event(3, "c.d", ago(2)), event(2, "a.b", ago(3))];
        let name = |name: &str| EventType::parse(name).expect("a name");
        let some = Traffic::of(&events, false, 3_000, now);
        let expected = TypeTraffic { last_day: 2_000, is_about: true, last_seen: Some(ago(1)), among: None };
        assert_eq!(some.of_type(&name("a.b")), expected);
        assert_eq!(some.of_type(&name("x.y")).among, Some(3));

        events.push(event(1, "a.b", ago(30)));
        let whole = Traffic::of(&events, false, 3_000, now);
        let expected = TypeTraffic { last_day: 2, is_about: false, last_seen: Some(ago(1)), among: None };
        assert_eq!(whole.of_type(&name("a.b")), expected);
        let nothing = TypeTraffic { last_day: 0, is_about: false, last_seen: None, among: None };
        assert_eq!(Traffic::of(&events, true, 3, now).of_type(&name("x.y")), nothing);
        let mut test = event(5, "x.y", ago(0));
        test.test = true;
        assert_eq!(Traffic::of(&[test], true, 1, now).of_type(&name("x.y")), nothing);
    }
}
