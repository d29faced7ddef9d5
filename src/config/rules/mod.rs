//! What the values of the keys may be. A rule says what is allowed and turns a value as written into
//! one that is right; nobody checks again after that.

use std::{marker::PhantomData, ops::RangeInclusive, path::Path};

use super::value::Value;

mod address;
mod path;
mod text;

pub(super) use address::{address, network, private_target, proxy_url, public_url, target_url};
pub(super) use path::{AnyFile, ExistingFile, Folder, from_folder};
pub(super) use text::{SecretText, SigningSecret, email};

/// What one key takes.
pub(super) trait Rule<T> {
    /// What is allowed, to be read after "allowed:". The example file says the same.
    fn allowed(&self) -> String;
    /// The value, if it is allowed.
    fn read(&self, given: &Given<'_>) -> Result<T, Refusal>;
}

/// A value as written, and the folder from which a relative path in it is counted.
pub(super) struct Given<'a> {
    pub(super) value: &'a Value,
    pub(super) folder: &'a Path,
}

impl Given<'_> {
    /// The refusal of this value; `why` may be empty where the value speaks for itself.
    pub(super) fn refused(&self, why: impl Into<String>) -> Refusal {
        Refusal { told: self.value.told(), why: why.into() }
    }
}

/// A value that is not allowed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// The value, to be read after "is"; never a secret.
    pub(super) told: String,
    /// What is wrong with it, or nothing where what is allowed says enough.
    pub(super) why: String,
}

/// A whole number in `range`.
pub(super) fn whole(range: RangeInclusive<u64>) -> Whole {
    Whole { range, zero: false }
}

/// A whole number in `range`, or 0, which then has a meaning of its own.
pub(super) fn whole_or_zero(range: RangeInclusive<u64>) -> Whole {
    Whole { range, zero: true }
}

/// See [`whole`].
pub(super) struct Whole {
    range: RangeInclusive<u64>,
    zero: bool,
}

impl<T: TryFrom<u64>> Rule<T> for Whole {
    fn allowed(&self) -> String {
        let zero = if self.zero { "0 or " } else { "" };
        format!("{zero}a whole number from {} to {}", self.range.start(), self.range.end())
    }

    fn read(&self, given: &Given<'_>) -> Result<T, Refusal> {
        let number = given.value.whole().and_then(|number| u64::try_from(number).ok());
        number
            .filter(|number| self.range.contains(number) || (self.zero && *number == 0))
            .and_then(|number| T::try_from(number).ok())
            .ok_or_else(|| given.refused(""))
    }
}

/// `true` or `false`.
pub(super) struct Flag;

impl Rule<bool> for Flag {
    fn allowed(&self) -> String {
        "true or false".to_owned()
    }

    fn read(&self, given: &Given<'_>) -> Result<bool, Refusal> {
        given.value.flag().ok_or_else(|| given.refused(""))
    }
}

/// A type whose values are a few words.
pub(super) trait Word: Copy + PartialEq + 'static {
    /// Every value with its word.
    const ALL: &[(&str, Self)];

    /// The word of this value.
    fn word(self) -> &'static str {
        Self::ALL.iter().find(|(_, value)| *value == self).expect("every value has its word").0
    }
}

/// One of the words of a type.
pub(super) fn one_of<T: Word>() -> OneOf<T> {
    OneOf(PhantomData)
}

/// See [`one_of`].
pub(super) struct OneOf<T>(PhantomData<T>);

impl<T: Word> Rule<T> for OneOf<T> {
    fn allowed(&self) -> String {
        let words: Vec<_> = T::ALL.iter().map(|(word, _)| format!("{word:?}")).collect();
        format!("one of {}", words.join(", "))
    }

    fn read(&self, given: &Given<'_>) -> Result<T, Refusal> {
        let text = given.value.text().unwrap_or_default();
        let found = T::ALL.iter().find(|(word, _)| *word == text);
        found.map(|(_, value)| *value).ok_or_else(|| given.refused(""))
    }
}

/// Text that `parse` understands.
pub(super) fn parsed<T>(allowed: &'static str, parse: fn(&str) -> Result<T, String>) -> text::Text<T> {
    text::Text { allowed, parse }
}

/// What `inner` allows, or empty text for none.
pub(super) fn optional<R>(inner: R) -> Optional<R> {
    Optional(inner)
}

/// See [`optional`].
pub(super) struct Optional<R>(R);

impl<T, R: Rule<T>> Rule<Option<T>> for Optional<R> {
    fn allowed(&self) -> String {
        format!("{}, or empty for none", self.0.allowed())
    }

    fn read(&self, given: &Given<'_>) -> Result<Option<T>, Refusal> {
        match given.value.text() {
            Some("") => Ok(None),
            _ => self.0.read(given).map(Some),
        }
    }
}

/// A list of that many items, each of which `item` allows.
pub(super) fn list<R>(count: RangeInclusive<usize>, item: R) -> List<R> {
    List { count, item }
}

/// See [`list`].
pub(super) struct List<R> {
    count: RangeInclusive<usize>,
    item: R,
}

impl<T, R: Rule<T>> Rule<Vec<T>> for List<R> {
    fn allowed(&self) -> String {
        format!("a list of {} to {}, each {}", self.count.start(), self.count.end(), self.item.allowed())
    }

    fn read(&self, given: &Given<'_>) -> Result<Vec<T>, Refusal> {
        let items = given.value.list().ok_or_else(|| given.refused(""))?;
        if !self.count.contains(&items.len()) {
            return Err(Refusal { told: format!("a list of {}", items.len()), why: String::new() });
        }
        let read_item = |value| {
            let refused = |refusal: Refusal| Refusal { told: format!("a list with {}", refusal.told), ..refusal };
            self.item.read(&Given { value, folder: given.folder }).map_err(refused)
        };
        items.iter().map(read_item).collect()
    }
}
