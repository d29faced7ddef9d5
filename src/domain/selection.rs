//! Which event types a webhook wants.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{EventType, Fault, event_type::is_segment, with_thousands};

/// The most patterns that a configuration can allow in one selection.
const MAX_PATTERNS: usize = 10_000;
/// Longest pattern in characters: the longest event type.
const MAX_CHARS: usize = 128;
/// Most segments before `.*`; the longest name has one more.
const MAX_PREFIX_SEGMENTS: usize = 3;

/// A set of patterns, at least one: the name of an event type, `prefix.*` for every type below that
/// prefix at any depth, or `*` for every type. The latter two include types that are added later.
///
/// It knows the form of names and not which types exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    patterns: Vec<String>,
}

impl Selection {
    /// Every event type, also ones added later.
    pub fn every() -> Selection {
        Selection { patterns: vec!["*".to_owned()] }
    }

    /// Reads the patterns in the order given; a pattern that is there twice is kept once. Each
    /// fault points to its entry (`/0`), or to the whole list.
    pub fn parse(patterns: &[String]) -> Result<Selection, Vec<Fault>> {
        if patterns.is_empty() {
            return Err(vec![Fault::new("events_empty", "Select at least one event.")]);
        }
        if patterns.len() > MAX_PATTERNS {
            return Err(vec![too_many(patterns.len(), MAX_PATTERNS)]);
        }
        let mut faults = Vec::new();
        let mut kept: Vec<String> = Vec::new();
        for (position, pattern) in patterns.iter().enumerate() {
            match check(pattern) {
                Err(fault) => faults.push(fault.at(format_args!("/{position}"))),
                Ok(()) if kept.contains(pattern) => {}
                Ok(()) => kept.push(pattern.clone()),
            }
        }
        if faults.is_empty() { Ok(Selection { patterns: kept }) } else { Err(faults) }
    }

    /// Fails if there are more than `most` patterns.
    pub fn check_limit(&self, most: usize) -> Result<(), Fault> {
        if self.patterns.len() > most { Err(too_many(self.patterns.len(), most)) } else { Ok(()) }
    }

    /// Whether events of this type are wanted.
    pub fn matches(&self, event_type: &EventType) -> bool {
        self.patterns.iter().any(|pattern| match pattern.strip_suffix('*') {
            // `ticket.*` leaves `ticket.`, full stop included, so that `tickets.created` does not match.
            Some(beginning) => event_type.as_str().starts_with(beginning),
            None => pattern == event_type.as_str(),
        })
    }

    /// The patterns, each once, in the order given.
    pub fn patterns(&self) -> &[String] {
        &self.patterns
    }

    /// Whether every type is wanted, also ones added later.
    pub fn is_every(&self) -> bool {
        self.patterns.iter().any(|pattern| pattern == "*")
    }

    /// The patterns that are names of event types, for a check against the catalogue.
    pub fn exact_names(&self) -> impl Iterator<Item = &str> {
        self.patterns.iter().map(String::as_str).filter(|pattern| !pattern.ends_with('*'))
    }

    /// The prefixes of patterns such as `ticket.*`, without the full stop and the star.
    pub fn prefixes(&self) -> impl Iterator<Item = &str> {
        self.patterns.iter().filter_map(|pattern| pattern.strip_suffix(".*"))
    }
}

fn too_many(count: usize, most: usize) -> Fault {
    let (count, most) = (with_thousands(count as u64), with_thousands(most as u64));
    Fault::new("events_too_many", format!("Select at most {most} events; these are {count}."))
}

fn check(pattern: &str) -> Result<(), Fault> {
    if pattern == "*" {
        return Ok(());
    }
    let Some(prefix) = pattern.strip_suffix(".*") else {
        return EventType::parse(pattern).map(drop);
    };
    let is_prefix = pattern.len() <= MAX_CHARS
        && prefix.split('.').count() <= MAX_PREFIX_SEGMENTS
        && prefix.split('.').all(is_segment);
    if is_prefix {
        return Ok(());
    }
    let message = "Write a group of events as 1 to 3 words of a-z, 0-9 and _ joined by full stops and followed by .*, \
                   such as ticket.*.";
    Err(Fault::new("event_pattern_invalid", message))
}

impl Serialize for Selection {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.patterns.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Selection {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let patterns = Vec::<String>::deserialize(deserializer)?;
        Selection::parse(&patterns).map_err(|faults| {
            let messages: Vec<String> = faults.into_iter().map(|fault| fault.message).collect();
            serde::de::Error::custom(messages.join(" "))
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const VECTORS: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/vectors/vectors.json"));

    fn owned(patterns: &[&str]) -> Vec<String> {
        patterns.iter().map(|pattern| (*pattern).to_owned()).collect()
    }

    fn select(patterns: &[&str]) -> Selection {
        Selection::parse(&owned(patterns)).expect("a selection")
    }

    fn event(name: &str) -> EventType {
        EventType::parse(name).expect("a name")
    }

    #[test]
    fn the_vectors_match_as_they_say() {
        let vectors: serde_json::Value = serde_json::from_str(VECTORS).expect("the fixture is JSON");
        for case in vectors["event_selection"]["cases"].as_array().expect("a list") {
            let (patterns, name, expected): (Vec<String>, String, bool) =
                serde_json::from_value(case.clone()).expect("[selection, event type, matches]");
            let selection = Selection::parse(&patterns).expect("a selection");
            assert_eq!(selection.matches(&event(&name)), expected, "{case}");
        }
    }

    #[test]
    fn a_group_is_every_type_below_it_and_no_neighbour() {
        let selection = select(&["ticket.*", "order.line.*", "contact.created"]);
        for (name, matches) in [
            ("ticket.created", true),
            ("ticket.comment.added", true),
            ("tickets.created", false),
            ("order.line.added", true),
            ("order.created", false),
            ("contact.created", true),
            ("contact.created.twice", false),
        ] {
            assert_eq!(selection.matches(&event(name)), matches, "{name}");
        }
        assert!(!selection.is_every());
        assert_eq!(selection.exact_names().collect::<Vec<_>>(), ["contact.created"]);
        assert_eq!(selection.prefixes().collect::<Vec<_>>(), ["ticket", "order.line"]);
    }

    #[test]
    fn duplicates_are_folded_and_the_order_stays() {
        let selection = select(&["ticket.*", "contact.created", "ticket.*"]);
        assert_eq!(selection.patterns(), ["ticket.*", "contact.created"]);
        let every = select(&["*", "contact.created"]);
        assert!(every.is_every() && Selection::every().is_every());
        assert_eq!(every.exact_names().collect::<Vec<_>>(), ["contact.created"]);
        assert_eq!(every.prefixes().count(), 0);
    }

    #[test]
    fn every_mistake_is_named_at_once() {
        let at_least_one = Fault::new("events_empty", "Select at least one event.");
        assert_eq!(Selection::parse(&[]), Err(vec![at_least_one]));
        let too_many = Fault::new("events_too_many", "Select at most 10,000 events; these are 10,001.");
        assert_eq!(Selection::parse(&vec!["*".to_owned(); 10_001]), Err(vec![too_many]));
        let mistakes = ["contact", "ticket.*", ".*", "**", "a.*.b", "a.b.c.d.*", "Ticket.*", ""];
        let faults = Selection::parse(&owned(&mistakes)).expect_err("only one is right");
        let found: Vec<(&str, &str)> = faults.iter().map(|fault| (&*fault.pointer, fault.code)).collect();
        assert_eq!(
            found,
            [
                ("/0", "event_type_invalid"),
                ("/2", "event_pattern_invalid"),
                ("/3", "event_type_invalid"),
                ("/4", "event_type_invalid"),
                ("/5", "event_pattern_invalid"),
                ("/6", "event_pattern_invalid"),
                ("/7", "event_type_invalid"),
            ]
        );
    }

    #[test]
    fn a_selection_is_a_list_of_texts_in_records() {
        let selection = select(&["ticket.*", "contact.created"]);
        let json = serde_json::to_string(&selection).expect("a list");
        assert_eq!(json, r#"["ticket.*","contact.created"]"#);
        assert_eq!(serde_json::from_str::<Selection>(&json).expect("the same"), selection);
        assert!(serde_json::from_str::<Selection>("[]").is_err());
    }

    proptest! {
        #[test]
        fn a_type_matches_its_own_name_its_groups_and_everything(name in "[a-z0-9_]{1,9}(\\.[a-z0-9_]{1,9}){1,3}") {
            let event_type = event(&name);
            prop_assert!(Selection::every().matches(&event_type));
            prop_assert!(select(&[&name]).matches(&event_type));
            for (end, _) in name.match_indices('.') {
                let group = format!("{}.*", &name[..end]);
                prop_assert!(select(&[&group]).matches(&event_type));
            }
        }
    }
}
