//! Ids: a prefix that says what the thing is, then a ULID of 26 characters.
//!
//! All ids sort by the time they were made. An event and its deliveries share one number line: an
//! event takes a number with room for [`DELIVERIES_PER_EVENT`] more after it, and its delivery *n*
//! has the event's number plus *n*. So the deliveries of an event are one range of keys and need
//! no index of their own.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Timestamp;

/// Numbers kept free after each event for its deliveries; the most webhooks one event can go to.
pub const DELIVERIES_PER_EVENT: u128 = 1 << 16;

/// Text that is not an id of the kind asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAnId;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u128);

        impl $name {
            /// What the id begins with, the underscore included.
            pub const PREFIX: &str = $prefix;

            /// When the id was made, to the millisecond.
            pub fn made_at(self) -> Timestamp {
                Timestamp::from_millis(ulid::Ulid(self.0).timestamp_ms())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut buffer = [0; ulid::ULID_LEN];
                formatter.write_str($prefix)?;
                formatter.write_str(ulid::Ulid(self.0).array_to_str(&mut buffer))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, formatter)
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;

            /// Takes exactly what `Display` gives: upper case, no spaces, no look-alike letters.
            fn from_str(text: &str) -> Result<Self, NotAnId> {
                let number = text.strip_prefix($prefix).ok_or(NotAnId)?;
                let id = $name(ulid::Ulid::from_string(number).map_err(|_| NotAnId)?.0);
                if id.to_string() == text { Ok(id) } else { Err(NotAnId) }
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    serializer.collect_str(self)
                } else {
                    serializer.serialize_bytes(&self.0.to_be_bytes())
                }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                use serde::de::Error;
                if deserializer.is_human_readable() {
                    let text = String::deserialize(deserializer)?;
                    text.parse().map_err(|_| D::Error::custom(concat!("not an id that begins with ", $prefix)))
                } else {
                    let bytes = serde_bytes::ByteArray::<16>::deserialize(deserializer)?;
                    Ok($name(u128::from_be_bytes(bytes.into_array())))
                }
            }
        }
    };
}

id!(
    /// Something that happened: `evt_…`.
    EventId, "evt_"
);
id!(
    /// A configured receiver: `whk_…`.
    WebhookId, "whk_"
);
id!(
    /// One event for one webhook, the *Log ID*: `log_…`.
    DeliveryId, "log_"
);
id!(
    /// Who calls the API: `key_…` (not the key itself, which is `hsk_…`).
    ApiKeyId, "key_"
);
id!(
    /// A person who signs in: `usr_…`.
    UserId, "usr_"
);
id!(
    /// A bulk resend: `job_…`.
    JobId, "job_"
);

impl EventId {
    /// The delivery of this event that was made as the `position`-th, counted from 0.
    ///
    /// # Panics
    /// If `position` does not fit the room kept after an event.
    pub fn delivery(self, position: usize) -> DeliveryId {
        let offset = position as u128 + 1;
        assert!(offset < DELIVERIES_PER_EVENT, "webhooks of one account are limited far below the room after an event");
        DeliveryId(self.0 + offset)
    }

    /// The first id that can be no delivery of this event.
    pub fn deliveries_end(self) -> DeliveryId {
        DeliveryId(self.0 + DELIVERIES_PER_EVENT)
    }
}

/// Gives ids that always grow, also within one millisecond and when the clock steps back.
///
/// The caller brings the time and the randomness. Two ids given in one millisecond differ by at
/// least [`DELIVERIES_PER_EVENT`].
#[derive(Debug, Default)]
pub struct IdSequence {
    last: u128,
}

impl IdSequence {
    /// A sequence whose ids are all greater than `last`.
    pub fn after(last: u128) -> Self {
        IdSequence { last: (last | (DELIVERIES_PER_EVENT - 1)) + 1 }
    }

    /// The next number: `now` in front, `random` behind, or a random step past the last one if
    /// that would not be greater. Its lowest sixteen bits are zero, see [`DELIVERIES_PER_EVENT`].
    pub fn next(&mut self, now: Timestamp, random: u64) -> u128 {
        let fresh = ulid::Ulid::from_parts(now.as_millis(), u128::from(random) << 16).0;
        let step = DELIVERIES_PER_EVENT * (1 + u128::from(random & 0xFFFF));
        self.last = if fresh > self.last + DELIVERIES_PER_EVENT { fresh } else { self.last + step };
        self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_prefix_and_26_characters_and_comes_back_from_its_text() {
        let id = EventId(ulid::Ulid::from_parts(1_767_605_400_123, 7).0);
        let text = id.to_string();
        assert_eq!(text.len(), "evt_".len() + 26);
        assert_eq!(text.parse(), Ok(id));
        assert_eq!(id.made_at(), Timestamp::from_millis(1_767_605_400_123));
    }

    #[test]
    fn text_that_is_not_exactly_an_id_is_refused() {
        // Some letters in it, so that lower case is another text.
        let good = EventId(u128::MAX - 1).to_string();
        for bad in [
            "",
            "evt_",
            "log_00000000000000000000000001",
            &good.to_lowercase(),
            &format!(" {good}"),
            &format!("{good}0"),
        ] {
            assert_eq!(bad.parse::<EventId>(), Err(NotAnId), "{bad:?}");
        }
        assert_eq!("evt_ZZZZZZZZZZZZZZZZZZZZZZZZZZ".parse::<EventId>(), Err(NotAnId), "over 128 bits");
    }

    #[test]
    fn ids_grow_within_a_millisecond_and_when_the_clock_steps_back() {
        let mut ids = IdSequence::default();
        let mut last = ids.next(Timestamp::from_millis(5_000), u64::MAX);
        for (millis, random) in [(5_000, 0), (5_000, u64::MAX), (4_000, 3), (5_001, 0), (1, 9)] {
            let next = ids.next(Timestamp::from_millis(millis), random);
            assert!(next >= last + DELIVERIES_PER_EVENT);
            assert_eq!(next % DELIVERIES_PER_EVENT, 0);
            last = next;
        }
    }
}
