//! The kind of an event, such as `contact.created`.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Fault, with_thousands};

/// Longest name in characters.
const MAX_CHARS: usize = 128;
/// Fewest and most segments of a name.
const SEGMENTS: std::ops::RangeInclusive<usize> = 2..=4;
/// First segment of the sender's own types.
const RESERVED: &str = "webhook";

/// The name of an event type: 2 to 4 segments of `a-z`, `0-9` and `_`, joined by full stops, at
/// most 128 characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventType(String);

impl EventType {
    /// The type of a test event. It belongs to the sender and goes to the tested webhook alone.
    pub const TEST: &str = "webhook.test";

    /// The type of a ping, which asks a receiver whether it answers again. The sender's own, too.
    pub const PING: &str = "webhook.ping";

    /// The content of a test event, as JSON.
    pub const TEST_DATA: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/examples/webhook.test.json"));

    /// Reads the name of any event type, the sender's own included.
    pub fn parse(text: &str) -> Result<EventType, Fault> {
        let chars = text.chars().count();
        if chars > MAX_CHARS {
            let chars = with_thousands(chars as u64);
            let message = format!("The event type is {chars} characters long. The limit is {MAX_CHARS}.");
            return Err(Fault::new("event_type_too_long", message));
        }
        if !SEGMENTS.contains(&text.split('.').count()) || !text.split('.').all(is_segment) {
            let message = "An event type is 2 to 4 words of a-z, 0-9 and _ joined by full stops, \
                           such as contact.created.";
            return Err(Fault::new("event_type_invalid", message));
        }
        Ok(EventType(text.to_owned()))
    }

    /// Reads the name of a type that an operator adds: `webhook.` is refused.
    pub fn parse_for_definition(text: &str) -> Result<EventType, Fault> {
        let event_type = EventType::parse(text)?;
        if event_type.category() == RESERVED {
            let message = "Names that begin with webhook. are the sender's own. Begin with another word.";
            return Err(Fault::new("event_type_reserved", message));
        }
        Ok(event_type)
    }

    /// The type of a test event.
    pub fn test() -> EventType {
        EventType(EventType::TEST.to_owned())
    }

    /// The type of a ping.
    pub fn ping() -> EventType {
        EventType(EventType::PING.to_owned())
    }

    /// The first segment, such as `contact`.
    pub fn category(&self) -> &str {
        self.0.split('.').next().unwrap_or_default()
    }

    /// The whole name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether `text` can stand between two full stops of a name.
pub(super) fn is_segment(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
}

/// The known name that `name` was most likely meant to be, for "did you mean"; none if every one
/// is too far away to be a slip.
pub fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let length = name.chars().count();
    if length > MAX_CHARS {
        return None;
    }
    // A slip changes a few letters or one word. Beyond a third of the name it is a guess.
    let most = (length / 3).max(2);
    known
        .map(|each| (strsim::osa_distance(name, each), each))
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, each)| each)
}

impl fmt::Display for EventType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Serialize for EventType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for EventType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        EventType::parse(&text).map_err(|fault| serde::de::Error::custom(fault.message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_two_to_four_words_joined_by_full_stops() {
        let longest = format!("a.{}", "b".repeat(126));
        for good in ["contact.created", "a.b.c.d", "v2.order_line.created", "0._", &longest] {
            assert_eq!(EventType::parse(good).map(|parsed| parsed.to_string()), Ok(good.to_owned()));
        }
        let rule = "An event type is 2 to 4 words of a-z, 0-9 and _ joined by full stops, such as contact.created.";
        for bad in [
            "",
            "contact",
            "contact.",
            ".created",
            "contact..created",
            "a.b.c.d.e",
            "Contact.created",
            "contact.créé",
            "contact-created.now",
            "contact.*",
            "contact.created ",
        ] {
            assert_eq!(EventType::parse(bad), Err(Fault::new("event_type_invalid", rule)), "{bad:?}");
        }
        let message = "The event type is 129 characters long. The limit is 128.";
        assert_eq!(EventType::parse(&format!("{longest}b")), Err(Fault::new("event_type_too_long", message)));
        assert_eq!(EventType::parse(&"é".repeat(128)), Err(Fault::new("event_type_invalid", rule)));
    }

    #[test]
    fn the_first_word_is_the_category_and_webhook_is_ours() {
        assert_eq!(EventType::parse("contact.created").expect("a name").category(), "contact");
        assert_eq!(EventType::parse(EventType::TEST), Ok(EventType::test()));
        let message = "Names that begin with webhook. are the sender's own. Begin with another word.";
        let fault = Fault::new("event_type_reserved", message);
        assert_eq!(EventType::parse_for_definition("webhook.test"), Err(fault));
        assert!(EventType::parse_for_definition("webhooks.test").is_ok());
        serde_json::from_str::<serde_json::Value>(EventType::TEST_DATA).expect("JSON");
    }

    #[test]
    fn a_slip_is_met_with_the_name_that_was_meant() {
        let known = ["contact.created", "contact.updated", "ticket.created", "message.received"];
        for (typed, meant) in [
            ("contact.create", Some("contact.created")),
            ("contcat.updated", Some("contact.updated")),
            ("Contact.Created", Some("contact.created")),
            ("message.recieved", Some("message.received")),
            ("tickets.created", Some("ticket.created")),
            ("invoice.paid", None),
            ("", None),
            (&"contact.created".repeat(20), None),
        ] {
            assert_eq!(nearest(typed, known.into_iter()), meant, "{typed}");
        }
    }
}
