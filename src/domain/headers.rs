//! Headers that a webhook's owner adds to every request.
//!
//! What is accepted here reaches the receiver byte for byte, and cannot change how the request is
//! framed, where it goes, or what the signature says.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

use super::{Fault, with_thousands};

/// The most headers that a configuration can allow one webhook.
const UTMOST_HEADERS: usize = 100;
/// The most bytes of all names and values together that a configuration can allow.
const UTMOST_BYTES: usize = 64 << 10;
/// How much of a name is repeated in a message, in characters.
const SHOWN_CHARS: usize = 60;

/// Names that the sender sets itself, in lower case; `webhook-…` is reserved besides.
///
/// `keep-alive` and `proxy-connection` are not in the API's list but belong to it: they speak of the
/// connection, which is the sender's, and RFC 9110 section 7.6.1 names both beside `connection`.
const RESERVED: [&str; 12] = [
    "connection",
    "content-length",
    "content-type",
    "expect",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
];
const RESERVED_PREFIX: &str = "webhook-";

/// One header as its owner typed it. `Debug` does not show the value, which is often a key.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomHeader {
    /// The name, in the case it was typed.
    pub name: String,
    /// The value, sent as its UTF-8 bytes.
    pub value: String,
    /// Whether pages and logs show dots in place of the value.
    #[serde(default)]
    pub hidden: bool,
}

/// The headers of one webhook: within its limits, each name once, none of the sender's.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct CustomHeaders(Vec<CustomHeader>);

impl CustomHeaders {
    /// Checks all headers and gives every fault at once, each pointing to its member (`/0/name`).
    pub fn parse(headers: Vec<CustomHeader>) -> Result<CustomHeaders, Vec<Fault>> {
        let parsed = CustomHeaders(headers);
        parsed.check_limits(UTMOST_HEADERS, UTMOST_BYTES).map_err(|fault| vec![fault])?;
        let headers = parsed.0;
        let mut faults = Vec::new();
        for (position, header) in headers.iter().enumerate() {
            let earlier = &headers[..position];
            let name = check_name(&header.name).and_then(|()| check_new(&header.name, earlier));
            faults.extend(name.map_err(|fault| fault.at(format_args!("/{position}/name"))).err());
            let value = check_value(&header.value).and_then(|()| check_credentials(header));
            faults.extend(value.map_err(|fault| fault.at(format_args!("/{position}/value"))).err());
        }
        if faults.is_empty() { Ok(CustomHeaders(headers)) } else { Err(faults) }
    }

    /// Fails if there are more than `most` headers, or more than `most_bytes` bytes of names and
    /// values together.
    pub fn check_limits(&self, most: usize, most_bytes: usize) -> Result<(), Fault> {
        if self.0.len() > most {
            let count = with_thousands(self.0.len() as u64);
            let message = format!("A webhook has at most {most} headers; these are {count}.");
            return Err(Fault::new("headers_too_many", message));
        }
        let bytes: usize = self.0.iter().map(|header| header.name.len() + header.value.len()).sum();
        if bytes > most_bytes {
            let (bytes, limit) = (with_thousands(bytes as u64), with_thousands(most_bytes as u64));
            let message = format!("The headers have {bytes} bytes together. The limit is {limit}.");
            return Err(Fault::new("headers_too_large", message));
        }
        Ok(())
    }

    /// The headers in the order given.
    pub fn as_slice(&self) -> &[CustomHeader] {
        &self.0
    }

    /// The headers in the order given.
    pub fn iter(&self) -> std::slice::Iter<'_, CustomHeader> {
        self.0.iter()
    }

    /// The same headers with every hidden value left out, for copies that outlive the webhook.
    pub fn without_hidden_values(&self) -> CustomHeaders {
        let shown = |header: &CustomHeader| if header.hidden { String::new() } else { header.value.clone() };
        CustomHeaders(self.iter().map(|header| CustomHeader { value: shown(header), ..header.clone() }).collect())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'a> IntoIterator for &'a CustomHeaders {
    type Item = &'a CustomHeader;
    type IntoIter = std::slice::Iter<'a, CustomHeader>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Debug for CustomHeader {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("CustomHeader")
            .field("name", &self.name)
            .field("hidden", &self.hidden)
            .finish_non_exhaustive()
    }
}

impl<'de> Deserialize<'de> for CustomHeaders {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let headers = Vec::<CustomHeader>::deserialize(deserializer)?;
        CustomHeaders::parse(headers).map_err(|faults| {
            let messages: Vec<String> = faults.into_iter().map(|fault| fault.message).collect();
            serde::de::Error::custom(messages.join(" "))
        })
    }
}

pub(super) fn check_name(name: &str) -> Result<(), Fault> {
    if name.is_empty() {
        return Err(Fault::new("header_name_empty", "Enter the name of the header, or remove the row."));
    }
    if !name.bytes().all(is_token_byte) {
        let message = format!("“{}” is not a header name. Use letters, digits and hyphens.", shortened(name));
        return Err(Fault::new("header_name_invalid", message));
    }
    let lower = name.to_ascii_lowercase();
    if RESERVED.contains(&&*lower) || lower.starts_with(RESERVED_PREFIX) {
        let message = format!("“{}” is set by the sender and cannot be changed here.", shortened(name));
        return Err(Fault::new("header_reserved", message));
    }
    Ok(())
}

fn check_new(name: &str, earlier: &[CustomHeader]) -> Result<(), Fault> {
    if earlier.iter().any(|header| header.name.eq_ignore_ascii_case(name)) {
        let message = format!("“{}” is there twice. Keep one.", shortened(name));
        return Err(Fault::new("header_twice", message));
    }
    Ok(())
}

/// RFC 9110 section 5.5: visible characters, spaces and tabs between them, and bytes from 0x80,
/// which are UTF-8 here. The control characters of Unicode are refused with those of ASCII.
fn check_value(value: &str) -> Result<(), Fault> {
    if value.contains(['\r', '\n']) {
        return Err(Fault::new("header_value_line", "A header value must be one line."));
    }
    if value.starts_with([' ', '\t']) || value.ends_with([' ', '\t']) {
        let message = "The header value begins or ends with a space. Remove it; it would not arrive.";
        return Err(Fault::new("header_value_spaces", message));
    }
    if value.contains(|character: char| character.is_control() && character != '\t') {
        let message = "The header value holds a control character. Remove it.";
        return Err(Fault::new("header_value_invalid", message));
    }
    Ok(())
}

/// `authorization` is the one header whose value the HTTP library takes as visible ASCII only.
fn check_credentials(header: &CustomHeader) -> Result<(), Fault> {
    if header.name.eq_ignore_ascii_case("authorization") && !header.value.is_ascii() {
        let message = "An Authorization header may hold visible ASCII characters only.";
        return Err(Fault::new("header_value_invalid", message));
    }
    Ok(())
}

/// `tchar` of RFC 9110 section 5.6.2.
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn shortened(name: &str) -> String {
    match name.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(name: &str, value: &str) -> CustomHeader {
        CustomHeader { name: name.to_owned(), value: value.to_owned(), hidden: false }
    }

    /// The one fault of one header: pointer and message.
    fn fault_of(name: &str, value: &str) -> (String, String) {
        let mut faults = CustomHeaders::parse(vec![header(name, value)]).expect_err(name);
        assert_eq!(faults.len(), 1, "{name}: {value:?}");
        let fault = faults.remove(0);
        (fault.pointer, fault.message)
    }

    #[test]
    fn headers_are_kept_as_typed_and_in_order() {
        let typed = vec![
            header("X-Api-Key", "a b\tc"),
            header("x-empty", ""),
            header("x_odd!#$%&'*+.^`|~9", "grüße ✓"),
            header("Webhooks", "not one of the sender's"),
        ];
        let headers = CustomHeaders::parse(typed.clone()).expect("all right");
        assert_eq!(headers.as_slice(), typed);
        assert_eq!(headers.iter().count(), (&headers).into_iter().count());
        assert!(!headers.is_empty() && CustomHeaders::default().is_empty());
    }

    #[test]
    fn names_that_are_none_and_names_of_the_sender_are_refused() {
        for name in ["X Api", "X-Api:", "X-Ápi", "x\r\ny", "(x)", "\0"] {
            let message = format!("“{name}” is not a header name. Use letters, digits and hyphens.");
            assert_eq!(fault_of(name, "1"), ("/0/name".to_owned(), message));
        }
        for name in RESERVED.iter().chain(&["Host", "Webhook-Id", "webhook-", "WEBHOOK-anything", "Content-Length"]) {
            let message = format!("“{name}” is set by the sender and cannot be changed here.");
            assert_eq!(fault_of(name, "1"), ("/0/name".to_owned(), message));
        }
        assert_eq!(fault_of("", "1").1, "Enter the name of the header, or remove the row.");
        let (_, message) = fault_of(&"é".repeat(1000), "1");
        assert_eq!(message, format!("“{}…” is not a header name. Use letters, digits and hyphens.", "é".repeat(60)));
    }

    #[test]
    fn every_character_below_256_is_refused_or_can_be_sent() {
        for character in (0..=255_u8).map(char::from) {
            let inside = CustomHeaders::parse(vec![header("x", &format!("a{character}b"))]).is_ok();
            assert_eq!(inside, character == '\t' || !character.is_control(), "{character:?} in a value");
            let name = CustomHeaders::parse(vec![header(&format!("x{character}"), "1")]).is_ok();
            let is_tchar = character.is_ascii_graphic() && !"\"(),/:;<=>?@[\\]{}".contains(character);
            assert_eq!(name, is_tchar, "{character:?} in a name");
        }
        for (value, message) in [
            ("a\nb", "A header value must be one line."),
            ("a\r", "A header value must be one line."),
            (" a", "The header value begins or ends with a space. Remove it; it would not arrive."),
            ("a\t", "The header value begins or ends with a space. Remove it; it would not arrive."),
            ("a\0b", "The header value holds a control character. Remove it."),
        ] {
            assert_eq!(fault_of("x", value), ("/0/value".to_owned(), message.to_owned()));
        }
    }

    #[test]
    fn all_faults_come_at_once_and_point_to_their_member() {
        let headers =
            vec![header("X-Api-Key", "1"), header("Host", "a\nb"), header("x-api-key", "2"), header("X-Env", "ok")];
        let faults = CustomHeaders::parse(headers).expect_err("three are wrong");
        let found: Vec<(&str, &str)> = faults.iter().map(|fault| (&*fault.pointer, &*fault.message)).collect();
        assert_eq!(
            found,
            [
                ("/1/name", "“Host” is set by the sender and cannot be changed here."),
                ("/1/value", "A header value must be one line."),
                ("/2/name", "“x-api-key” is there twice. Keep one."),
            ]
        );
    }

    #[test]
    fn number_and_size_are_bounded() {
        let many = |count: usize| (0..count).map(|number| header(&format!("x-{number}"), "1")).collect::<Vec<_>>();
        let check = |headers| CustomHeaders::parse(headers).expect("within the utmost").check_limits(20, 4096);
        assert!(check(many(20)).is_ok());
        let too_many = Fault::new("headers_too_many", "A webhook has at most 20 headers; these are 21.");
        assert_eq!(check(many(21)), Err(too_many));
        assert!(check(vec![header("x", &"1".repeat(4095))]).is_ok());
        let too_large = Fault::new("headers_too_large", "The headers have 4,097 bytes together. The limit is 4,096.");
        assert_eq!(check(vec![header("x", &"1".repeat(4096))]), Err(too_large));
        assert!(CustomHeaders::parse(many(1000)).is_err() && CustomHeaders::parse(many(100)).is_ok());
    }

    #[test]
    fn values_are_in_records_and_never_in_debug() {
        let hidden = CustomHeader { hidden: true, ..header("Authorization", "Bearer abc") };
        let headers = CustomHeaders::parse(vec![hidden]).expect("all right");
        assert!(!format!("{headers:?}").contains("Bearer"));
        assert_eq!(headers.without_hidden_values().as_slice()[0].value, "");
        let record = rmp_serde::to_vec(&headers).expect("a record");
        assert_eq!(rmp_serde::from_slice::<CustomHeaders>(&record).expect("the same"), headers);
        let typed: CustomHeaders = serde_json::from_str(r#"[{"name":"X-Env","value":"prod"}]"#).expect("not hidden");
        assert_eq!(typed.as_slice(), [header("X-Env", "prod")]);
        assert_eq!(typed.without_hidden_values(), typed);
        assert!(serde_json::from_str::<CustomHeaders>(r#"[{"name":"Host","value":"a"}]"#).is_err());
    }
}
