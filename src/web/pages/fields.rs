//! The fields of a form that was sent, `application/x-www-form-urlencoded`, read strictly: what is
//! not UTF-8 or not escaped as it should be is refused, never repaired.
//!
//! A field that is not there counts as empty. Of a field that is there several times the last one
//! counts, except where all are asked for. Unknown fields are not looked at.

use percent_encoding::percent_decode_str;

use crate::domain::{Problem, ProblemKind};

/// Most fields; our largest form has about 300 with every event type there may be.
const MAX_FIELDS: usize = 1_000;

/// The fields of a form.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Fields(Vec<(String, String)>);

impl Fields {
    /// Reads the body of a form.
    ///
    /// # Errors
    /// `bad_form` (400).
    pub fn parse(body: &[u8]) -> Result<Fields, Problem> {
        let text = std::str::from_utf8(body).map_err(|_| bad("The form is not in UTF-8."))?;
        let pairs: Vec<&str> = text.split('&').filter(|pair| !pair.is_empty()).take(MAX_FIELDS + 1).collect();
        if pairs.len() > MAX_FIELDS {
            return Err(bad("The form has too many fields."));
        }
        let fields = pairs.into_iter().map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode(name)?, decode(value)?))
        });
        fields.collect::<Result<_, _>>().map(Fields)
    }

    /// The value of a field; empty if it is not there.
    pub fn get(&self, name: &str) -> &str {
        self.0.iter().rev().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// Every value of a field that can be there several times.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Whether a box is ticked.
    pub fn ticked(&self, name: &str) -> bool {
        !self.get(name).is_empty()
    }

    /// Whether a field is there, empty or not.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(key, _)| key == name)
    }
}

impl FromIterator<(String, String)> for Fields {
    fn from_iter<T: IntoIterator<Item = (String, String)>>(pairs: T) -> Self {
        Fields(pairs.into_iter().collect())
    }
}

fn decode(text: &str) -> Result<String, Problem> {
    let escapes = text.bytes().enumerate().filter(|(_, byte)| *byte == b'%');
    for (position, _) in escapes {
        let digits = text.as_bytes().get(position + 1..position + 3);
        if !digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)) {
            return Err(bad("The form has a broken escape."));
        }
    }
    let spaced = text.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8().map_err(|_| bad("The form is not in UTF-8."))?;
    Ok(decoded.into_owned())
}

fn bad(detail: &str) -> Problem {
    Problem::new(ProblemKind::NotUnderstood, "bad_form", detail)
}

/// Says how many and not what: forms carry passwords and secrets.
impl std::fmt::Debug for Fields {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Fields({})", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_come_out_as_they_were_typed() {
        let fields = Fields::parse("a=1&b=x+y%26%C3%A4&a=2&=&c&event=p&event=q".as_bytes()).unwrap();
        assert_eq!(fields.get("a"), "2");
        assert_eq!(fields.get("b"), "x y&ä");
        assert_eq!((fields.get("c"), fields.get("missing")), ("", ""));
        assert!(fields.has("c") && !fields.has("missing"));
        assert_eq!(fields.all("event").collect::<Vec<_>>(), ["p", "q"]);
    }

    #[test]
    fn what_is_no_form_is_refused() {
        let many = "a=1&".repeat(MAX_FIELDS + 1);
        for bad in [b"a=%" as &[u8], b"a=%4", b"a=%zz", b"a=%FF", b"a=\xFF", many.as_bytes()] {
            assert_eq!(Fields::parse(bad).unwrap_err().code, "bad_form");
        }
        assert_eq!(Fields::parse(b"").unwrap(), Fields::default());
        assert!(Fields::parse("a=1&".repeat(MAX_FIELDS).as_bytes()).is_ok());
    }
}
