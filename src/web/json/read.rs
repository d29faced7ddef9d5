//! What a member can be: the readers that an [`Object`] is read with.

use super::{Object, Raw, Read};
use crate::domain::Fault;

/// Reads any JSON value, byte for byte.
pub fn any(raw: &Raw) -> Read<Box<Raw>> {
    Ok(raw.to_owned())
}

/// Reads a string.
pub fn text(raw: &Raw) -> Read<String> {
    if !raw.get().starts_with('"') {
        return Err(wrong_type("Use a string, in quotation marks."));
    }
    serde_json::from_str(raw.get()).map_err(|_| {
        vec![Fault::new("not_unicode", "The string holds half of a surrogate pair. Send whole characters.")]
    })
}

/// Reads a string and what it stands for.
pub fn parsed<T>(parse: impl FnOnce(&str) -> Result<T, Fault>) -> impl FnOnce(&Raw) -> Read<T> {
    move |raw| parse(&text(raw)?).map_err(|fault| vec![fault])
}

/// Reads `true` or `false`.
pub fn yes_or_no(raw: &Raw) -> Read<bool> {
    match raw.get() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(wrong_type("Use true or false, without quotation marks.")),
    }
}

/// Reads a whole number, written without fraction and exponent.
pub fn whole_number(range: std::ops::RangeInclusive<u64>) -> impl Fn(&Raw) -> Read<u64> {
    move |raw| {
        let first = raw.get().as_bytes()[0];
        if first != b'-' && !first.is_ascii_digit() {
            return Err(wrong_type("Use a number, without quotation marks."));
        }
        raw.get().parse().ok().filter(|number| range.contains(number)).ok_or_else(|| {
            let message = format!("Use a whole number from {} to {}.", range.start(), range.end());
            vec![Fault::new("out_of_range", message)]
        })
    }
}

/// Reads an array, each element for itself.
pub fn list<'a, T>(read: impl Fn(&'a Raw) -> Read<T>) -> impl FnOnce(&'a Raw) -> Read<Vec<T>> {
    move |raw| {
        let mut faults = Vec::new();
        let mut values = Vec::new();
        for (index, element) in elements(raw)?.into_iter().enumerate() {
            match read(element) {
                Ok(value) => values.push(value),
                Err(more) => faults.extend(more.into_iter().map(|fault| fault.at(format_args!("/{index}")))),
            }
        }
        if faults.is_empty() { Ok(values) } else { Err(faults) }
    }
}

/// Splits an array into its elements.
pub fn elements(raw: &Raw) -> Read<Vec<&Raw>> {
    if !raw.get().starts_with('[') {
        return Err(wrong_type("Use an array, in square brackets."));
    }
    Ok(serde_json::from_str(raw.get()).expect("an array that was split off JSON is an array"))
}

/// Reads an object inside another.
pub fn object<'a, T>(build: impl Fn(&mut Object<'a>) -> Option<T>) -> impl Fn(&'a Raw) -> Read<T> {
    move |raw| Object::inside(raw).map_err(|fault| vec![fault])?.read(&build)
}

fn wrong_type(message: &str) -> Vec<Fault> {
    vec![Fault::new("wrong_type", message)]
}
