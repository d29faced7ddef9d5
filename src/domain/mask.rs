//! Fields of a payload whose values are not shown to anybody: on pages, in the API, in files.
//!
//! What is sent and what is stored stays byte for byte as it came; masking is for eyes.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{
    Fault,
    raw_json::{PartKind, tokens, unescaped},
};

/// Most fields of one event type, and the most characters of one.
const MOST_FIELDS: usize = 50;
const MOST_CHARS: usize = 200;

/// What stands in place of a value.
pub const MASK: &str = "\"***\"";

/// The masked fields of an event type, each as keys joined by full stops from `data` on, such as
/// `contact.email`. `*` is any key. Lists are looked through: `contacts.phone` is the phone of each.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaskedFields(Vec<String>);

impl MaskedFields {
    /// Reads the fields; each fault points to its own.
    ///
    /// # Errors
    /// `masked_field_invalid`, `masked_fields_too_many`.
    pub fn parse(fields: Vec<String>) -> Result<MaskedFields, Vec<Fault>> {
        if fields.len() > MOST_FIELDS {
            let message = format!("An event type has at most {MOST_FIELDS} masked fields; these are {}.", fields.len());
            return Err(vec![Fault::new("masked_fields_too_many", message)]);
        }
        let mut faults = Vec::new();
        let mut kept: Vec<String> = Vec::with_capacity(fields.len());
        for (position, field) in fields.into_iter().enumerate() {
            // As JSONPath writes it.
            let bare = field.strip_prefix("$.").unwrap_or(&field).to_owned();
            let is_path = !bare.split('.').any(|key| key.trim() != key || key.is_empty());
            if !is_path || bare.chars().count() > MOST_CHARS || bare.chars().any(char::is_control) {
                let message = "Write a field as keys joined by full stops, such as contact.email. * is any key.";
                faults.push(Fault::new("masked_field_invalid", message).at(format_args!("/{position}")));
            } else if !kept.contains(&bare) {
                kept.push(bare);
            }
        }
        if faults.is_empty() { Ok(MaskedFields(kept)) } else { Err(faults) }
    }

    /// The fields, as they were entered.
    pub fn as_slice(&self) -> &[String] {
        &self.0
    }

    /// The payload with every masked value replaced, and nothing else changed.
    pub fn mask<'a>(&self, payload: &'a [u8]) -> Cow<'a, [u8]> {
        if self.0.is_empty() {
            return Cow::Borrowed(payload);
        }
        let fields: Vec<Vec<&str>> = self.0.iter().map(|field| field.split('.').collect()).collect();
        let mut shown = Vec::with_capacity(payload.len());
        let mut copied = 0;
        // For each open bracket the key that is being read; a list has none.
        let mut open: Vec<Option<String>> = Vec::new();
        let mut masked_from: Option<usize> = None;
        let mut all = tokens(payload);
        while let Some(token) = all.next() {
            let end = payload.len() - all.left();
            match (token.kind, token.text) {
                (_, b"," | b":") => {}
                (_, b"}" | b"]") => {
                    open.pop();
                    if masked_from == Some(open.len()) {
                        (masked_from, copied) = (None, end);
                    }
                }
                (PartKind::Key, text) => {
                    if let Some(key) = open.last_mut() {
                        *key = Some(unescaped(text).into_owned());
                    }
                }
                (_, text) => {
                    let opens = matches!(text, b"{" | b"[");
                    if masked_from.is_none() && fields.iter().any(|field| is_at(field, &open)) {
                        shown.extend_from_slice(&payload[copied..end - text.len()]);
                        shown.extend_from_slice(MASK.as_bytes());
                        copied = end;
                        masked_from = opens.then_some(open.len());
                    }
                    if opens {
                        open.push(None);
                    }
                }
            }
        }
        // What is no whole JSON may end inside of a masked value.
        if masked_from.is_none() {
            shown.extend_from_slice(&payload[copied..]);
        }
        Cow::Owned(shown)
    }
}

/// Whether the keys that are being read are those of a field.
fn is_at(field: &[&str], open: &[Option<String>]) -> bool {
    let mut keys = open.iter().flatten();
    field.iter().all(|wanted| keys.next().is_some_and(|key| *wanted == "*" || wanted == key)) && keys.next().is_none()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn masked(fields: &[&str], payload: &str) -> String {
        let fields = MaskedFields::parse(fields.iter().map(|field| field.to_string()).collect()).unwrap();
        String::from_utf8(fields.mask(payload.as_bytes()).into_owned()).unwrap()
    }

    #[test]
    fn the_value_of_a_field_is_replaced_and_every_other_byte_stays() {
        for (fields, payload, shown) in [
            (&["email"][..], r#"{ "email" : "a@b.c", "n": 1.10 }"#, r#"{ "email" : "***", "n": 1.10 }"#),
            (&["email"], r#"{"email":null,"email":{"x":[1,2]}}"#, r#"{"email":"***","email":"***"}"#),
            (
                &["contact.email"],
                r#"{"contact":{"email":"a","id":7},"email":"b"}"#,
                r#"{"contact":{"email":"***","id":7},"email":"b"}"#,
            ),
            (
                &["contacts.phone"],
                r#"{"contacts":[{"phone":1},{"phone":2,"id":[3]}]}"#,
                r#"{"contacts":[{"phone":"***"},{"phone":"***","id":[3]}]}"#,
            ),
            (&["phone"], r#"[{"phone":1},[{"phone":[2]}]]"#, r#"[{"phone":"***"},[{"phone":"***"}]]"#),
            (
                &["*.iban"],
                r#"{"a":{"iban":"x"},"b":{"iban":"y"},"iban":"z"}"#,
                r#"{"a":{"iban":"***"},"b":{"iban":"***"},"iban":"z"}"#,
            ),
            (&["tags"], r#"{"tags":["a","b"],"more":{"tags":1}}"#, r#"{"tags":"***","more":{"tags":1}}"#),
            (&["größe", "$.a"], "{\"gr\\u00f6\\u00dfe\":1,\"a\":2}", "{\"gr\\u00f6\\u00dfe\":\"***\",\"a\":\"***\"}"),
            (&["a", "a.b"], r#"{"a":{"b":1},"c":2}"#, r#"{"a":"***","c":2}"#),
            (&["a"], r#""text""#, r#""text""#),
            (&["a"], r#"{"a":{"b":1"#, r#"{"a":"***""#),
            (&[], r#"{"a":1}"#, r#"{"a":1}"#),
        ] {
            assert_eq!(masked(fields, payload), shown, "{fields:?}");
        }
    }

    #[test]
    fn what_is_no_field_is_refused_and_named() {
        for field in ["", ".", "a.", "a..b", " a", "a\n", &"x".repeat(201)] {
            let faults = MaskedFields::parse(vec!["ok".into(), field.to_owned()]).unwrap_err();
            assert_eq!(
                (faults.len(), &*faults[0].pointer, faults[0].code),
                (1, "/1", "masked_field_invalid"),
                "{field:?}"
            );
        }
        assert!(MaskedFields::parse(vec!["a".into(); 51]).is_err());
        assert_eq!(MaskedFields::parse(vec!["a".into(), "$.a".into()]).unwrap().as_slice(), ["a"]);
    }

    proptest! {
        #[test]
        fn whatever_comes_nothing_of_the_value_is_left(value in "[a-z0-9]{8,20}", front in r#"[\[\]{},: "a]{0,12}"#) {
            let fields = MaskedFields::parse(vec!["secret".into()]).unwrap();
            let payload = format!(r#"{{"secret":["{value}",{{"x":"{value}"}}]}}"#);
            let shown = fields.mask(payload.as_bytes()).into_owned();
            prop_assert_eq!(shown, br#"{"secret":"***"}"#.to_vec());
            // Nor does what is no JSON stop it.
            let _ = fields.mask(format!("{front}{payload}").as_bytes());
        }
    }
}
