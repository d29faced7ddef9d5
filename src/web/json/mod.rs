//! Reading a JSON object member by member, collecting every fault on the way.
//!
//! One pass splits the object into its members, each kept as the bytes that were sent; then the
//! members that are known are taken one by one, and what is left over is named. Nothing here knows
//! what an event or a webhook is.

mod read;
#[cfg(test)]
mod tests;

use std::collections::HashSet;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::{error::Category, value::RawValue};

use crate::domain::{Fault, Problem, ProblemKind, nearest};

pub use read::{any, checked, elements, list, object, parsed, text, whole_number, yes_or_no};

/// How much of a key is repeated in a message, in characters.
const SHOWN_CHARS: usize = 60;

/// A member as it was sent.
pub type Raw = RawValue;

/// What reading a member gives: the value, or its faults.
pub type Read<T> = Result<T, Vec<Fault>>;

/// A JSON object that is being read.
#[derive(Debug)]
pub struct Object<'a> {
    members: Vec<(String, &'a Raw)>,
    known: Vec<&'static str>,
    faults: Vec<Fault>,
}

impl<'a> Object<'a> {
    /// The object that is the whole of `body`.
    ///
    /// # Errors
    /// `not_utf8` and `malformed_json` (400), also for a key that is there twice; `invalid` (422)
    /// for JSON that is no object.
    pub fn from_body(body: &'a [u8]) -> Result<Self, Problem> {
        let not_understood = |code, detail: &str| Problem::new(ProblemKind::NotUnderstood, code, detail);
        if body.is_empty() {
            return Err(not_understood("malformed_json", "The body is empty. Send a JSON object."));
        }
        let Ok(text) = std::str::from_utf8(body) else {
            return Err(not_understood("not_utf8", "The body is not UTF-8. Send UTF-8 without a byte order mark."));
        };
        if text.starts_with('\u{FEFF}') {
            let detail = "The body begins with a byte order mark (line 1, column 1). Send UTF-8 without one.";
            return Err(not_understood("malformed_json", detail));
        }
        let raw: &Raw = serde_json::from_str(text).map_err(|error| malformed(&error))?;
        let members = Self::members_of(raw).map_err(|fault| Problem::invalid(vec![fault]))?;
        if let Some(fault) = duplicate(&members) {
            let problem = not_understood("malformed_json", &fault.message);
            return Err(Problem { faults: vec![fault], ..problem });
        }
        Ok(Object { members, known: Vec::new(), faults: Vec::new() })
    }

    /// An object without members, for an optional body that was left out.
    pub fn empty() -> Self {
        Object { members: Vec::new(), known: Vec::new(), faults: Vec::new() }
    }

    /// An object inside another.
    fn inside(raw: &'a Raw) -> Result<Self, Fault> {
        let members = Self::members_of(raw)?;
        match duplicate(&members) {
            Some(fault) => Err(fault),
            None => Ok(Object { members, known: Vec::new(), faults: Vec::new() }),
        }
    }

    fn members_of(raw: &'a Raw) -> Result<Vec<(String, &'a Raw)>, Fault> {
        if !raw.get().starts_with('{') {
            return Err(Fault::new("wrong_type", "Send a JSON object here, in braces."));
        }
        // What was split before is JSON; only a key with half a surrogate pair can still fail.
        let members: Members<'a> = serde_json::from_str(raw.get())
            .map_err(|_| Fault::new("not_unicode", "A key of this object is not Unicode text."))?;
        Ok(members.0)
    }

    /// Takes a member that must be there.
    pub fn required<T>(&mut self, name: &'static str, read: impl FnOnce(&'a Raw) -> Read<T>) -> Option<T> {
        match self.take(name) {
            Some(raw) => self.keep(name, read(raw)),
            None => {
                self.fault(name, Fault::new("missing", format!("Add the member {name}.")));
                None
            }
        }
    }

    /// Takes a member that may be left out; `null` is the same as leaving it out.
    pub fn optional<T>(&mut self, name: &'static str, read: impl FnOnce(&'a Raw) -> Read<T>) -> Option<T> {
        let raw = self.take(name).filter(|raw| raw.get() != "null")?;
        self.keep(name, read(raw))
    }

    /// Takes a member of a merge patch that cannot be taken away.
    pub fn changed<T>(&mut self, name: &'static str, read: impl FnOnce(&'a Raw) -> Read<T>) -> Option<T> {
        let raw = self.take(name)?;
        if raw.get() == "null" {
            self.fault(name, Fault::new("not_removable", format!("{name} cannot be taken away. Give it a value.")));
            return None;
        }
        self.keep(name, read(raw))
    }

    /// Takes a member of a merge patch: `None` leaves it, `Some(None)` takes it away.
    pub fn nullable<T>(&mut self, name: &'static str, read: impl FnOnce(&'a Raw) -> Read<T>) -> Option<Option<T>> {
        let raw = self.take(name)?;
        if raw.get() == "null" {
            return Some(None);
        }
        self.keep(name, read(raw)).map(Some)
    }

    /// Refuses members that answers show and requests cannot set, with what to do instead.
    pub fn read_only(&mut self, names: &[&'static str], instead: &str) {
        for name in names {
            if let Some(index) = self.members.iter().position(|(key, _)| key == name) {
                self.members.swap_remove(index);
                self.fault(name, Fault::new("read_only", format!("{name} cannot be set here. {instead}")));
            }
        }
    }

    /// Takes every member that is left, whatever it is.
    pub fn take_all(&mut self) {
        self.members.clear();
    }

    /// Takes every member that is left, with its name.
    pub fn take_each<T>(&mut self, read: impl Fn(&str, &'a Raw) -> Read<T>) -> Option<Vec<(String, T)>> {
        let mut taken = Vec::new();
        for (name, raw) in std::mem::take(&mut self.members) {
            match read(&name, raw) {
                Ok(value) => taken.push((name, value)),
                Err(faults) => self.faults.extend(at_member(&name, faults)),
            }
        }
        Some(taken)
    }

    /// Adds a fault of the member `name`.
    pub fn fault(&mut self, name: &str, fault: Fault) {
        self.faults.push(fault.at(format_args!("/{name}")));
    }

    /// Builds a value from the members; fails with every fault at once, unknown members included.
    ///
    /// `build` answers `None` only after a fault.
    ///
    /// # Errors
    /// Each fault, pointing to its member.
    pub fn read<T>(mut self, build: impl FnOnce(&mut Self) -> Option<T>) -> Read<T> {
        let value = build(&mut self);
        let known = &self.known;
        let unknown = self.members.iter().map(|(key, _)| {
            let hint = match nearest(key, known.iter().copied()) {
                Some(name) => format!("Did you mean {name}?"),
                None => format!("Known are {}.", known.join(", ")),
            };
            let message = format!("There is no member “{}” here. {hint}", shortened(key));
            Fault::new("unknown_key", message).at(format_args!("/{}", escaped(&shortened(key))))
        });
        self.faults.extend(unknown);
        match value {
            Some(value) if self.faults.is_empty() => Ok(value),
            _ => Err(self.faults),
        }
    }

    /// The names that `build` takes from an object, for the test of the OpenAPI document.
    #[cfg(test)]
    pub fn names_read<T>(build: impl FnOnce(&mut Object<'static>) -> Option<T>) -> Vec<&'static str> {
        let mut object = Object::empty();
        build(&mut object);
        object.known
    }

    fn take(&mut self, name: &'static str) -> Option<&'a Raw> {
        self.known.push(name);
        let index = self.members.iter().position(|(key, _)| key == name)?;
        Some(self.members.swap_remove(index).1)
    }

    fn keep<T>(&mut self, name: &str, read: Read<T>) -> Option<T> {
        match read {
            Ok(value) => Some(value),
            Err(faults) => {
                self.faults.extend(at_member(name, faults));
                None
            }
        }
    }
}

struct Members<'a>(Vec<(String, &'a Raw)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Vec<(String, &'de Raw)>;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(members)
            }
        }
        deserializer.deserialize_map(InOrder).map(Members)
    }
}

fn at_member(name: &str, faults: Vec<Fault>) -> impl Iterator<Item = Fault> {
    let pointer = format!("/{}", escaped(&shortened(name)));
    faults.into_iter().map(move |fault| fault.at(&pointer))
}

fn duplicate(members: &[(String, &Raw)]) -> Option<Fault> {
    let mut seen = HashSet::new();
    let (key, _) = members.iter().find(|(key, _)| !seen.insert(key.as_str()))?;
    let key = shortened(key);
    let message = format!("The member “{key}” is there twice. Keep one.");
    Some(Fault::new("duplicate_key", message).at(format_args!("/{}", escaped(&key))))
}

/// Says where the JSON breaks off, and repeats nothing of it.
fn malformed(error: &serde_json::Error) -> Problem {
    let what = match error.classify() {
        Category::Eof => "ends too early",
        _ => "is not JSON",
    };
    let detail = format!("The body {what} at line {}, column {}.", error.line(), error.column());
    Problem::new(ProblemKind::NotUnderstood, "malformed_json", detail)
}

fn shortened(key: &str) -> String {
    match key.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}…", &key[..end]),
        None => key.to_owned(),
    }
}

/// A key as a part of a JSON Pointer (RFC 6901 section 3).
fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}
