//! What an event says has changed: the member `changes` of its payload, in words for a line.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

/// Changes shown; the payload itself has the rest.
const MOST: usize = 12;
/// Characters shown of a value.
const MOST_CHARS: usize = 60;

/// A field that has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedField {
    /// Its name.
    pub field: String,
    /// What it was.
    pub from: String,
    /// What it is.
    pub to: String,
}

/// The changes a payload tells of: each a member of `changes` that is `{"from":…,"to":…}` or a pair
/// `[…,…]`. Empty for every other payload.
pub fn changes(payload: &[u8]) -> Vec<ChangedField> {
    let Ok(Members(members)) = serde_json::from_slice(payload) else { return Vec::new() };
    let Some((_, changes)) = members.iter().find(|(name, _)| name == "changes") else { return Vec::new() };
    let Ok(Members(fields)) = serde_json::from_str(changes.get()) else { return Vec::new() };
    let changed = |(field, value): (String, &RawValue)| {
        let (from, to) = two_sides(value.get())?;
        Some(ChangedField { field, from, to })
    };
    fields.into_iter().filter_map(changed).take(MOST).collect()
}

fn two_sides(json: &str) -> Option<(String, String)> {
    if let Ok([from, to]) = serde_json::from_str::<[&RawValue; 2]>(json) {
        return Some((shown(from), shown(to)));
    }
    let Members(sides) = serde_json::from_str(json).ok()?;
    let side = |wanted: &str| sides.iter().find(|(name, _)| name == wanted).map(|(_, value)| shown(value));
    Some((side("from")?, side("to")?))
}

/// A value in a few characters: a text as it reads, an object by its name, anything else as written.
fn shown(value: &RawValue) -> String {
    let json = value.get();
    let text = match serde_json::from_str::<String>(json) {
        Ok(text) => text,
        Err(_) if json == "null" => return "none".to_owned(),
        Err(_) => {
            let members = serde_json::from_str(json).map(|Members(members)| members).unwrap_or_default();
            let name = members.iter().find(|(name, _)| name == "name");
            name.and_then(|(_, name)| serde_json::from_str(name.get()).ok()).unwrap_or_else(|| json.to_owned())
        }
    };
    match text.chars().count() > MOST_CHARS {
        true => text.chars().take(MOST_CHARS - 1).chain(['…']).collect(),
        false => text,
    }
}

/// The members of an object in their order, each value as it was written.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Members<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_read_from_the_payload() {
        let payload = br#"{"ticket":{},"changes":{"status":{"from":"open","to":"resolved"},
            "assignee":{"from":null,"to":{"id":"usr_7","name":"Sample Agent 7"}},
            "big":[9007199254740993, 1.10],"odd":7,"half":{"to":1}}}"#;
        let shown: Vec<_> =
            changes(payload).into_iter().map(|one| format!("{}: {} → {}", one.field, one.from, one.to)).collect();
        assert_eq!(
            shown,
            ["status: open → resolved", "assignee: none → Sample Agent 7", "big: 9007199254740993 → 1.10"]
        );
        let long = format!(r#"{{"changes":{{"note":["{}",true]}}}}"#, "ä".repeat(100));
        assert_eq!(changes(long.as_bytes())[0].from.chars().count(), 60);
        for other in ["", "null", "[]", "{}", r#"{"changes":[1]}"#, r#"{"changes":"x"}"#, r#"{"data":{"changes":{}}}"#]
        {
            assert_eq!(changes(other.as_bytes()), [], "{other}");
        }
    }
}
