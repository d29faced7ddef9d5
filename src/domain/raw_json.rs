//! Reading JSON as bytes, token by token, without changing any of them.
//!
//! A payload is never parsed into values and printed again: that would change large numbers, the
//! order of keys and duplicate keys. Everything here takes valid JSON, walks it once without
//! recursion, and does what it can with anything else.

use std::{borrow::Cow, collections::HashSet, iter::Peekable};

use super::Fault;

/// What a piece of JSON is, for its colour on a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartKind {
    /// A string before a colon.
    Key,
    /// Any other string.
    String,
    /// A number, exactly as it was written.
    Number,
    /// `true`, `false`, `null`, or what is no JSON.
    Literal,
    /// One of `{ } [ ] , :`.
    Punctuation,
}

/// The smallest piece that means something, without the white space around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token<'a> {
    /// What it is.
    pub kind: PartKind,
    /// Its bytes, quotation marks and escapes included.
    pub text: &'a [u8],
}

/// A piece of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// What it is.
    pub kind: PartKind,
    /// The text to show; a colon has the space after it.
    pub text: String,
}

/// A line of the formatted text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// How deep it is nested; a page puts two spaces for each level.
    pub indent: usize,
    /// Its pieces, from left to right.
    pub parts: Vec<Part>,
}

/// Refuses JSON that is nested deeper than `limit` arrays and objects.
pub fn check_depth(raw: &[u8], limit: usize) -> Result<(), Fault> {
    let mut depth: usize = 0;
    for token in tokens(raw) {
        match token.text {
            b"{" | b"[" => depth += 1,
            b"}" | b"]" => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > limit {
            let message = format!("The JSON is nested too deeply. The limit is {limit} levels.");
            return Err(Fault::new("too_deep", message));
        }
    }
    Ok(())
}

/// The first key that the outermost object has twice, however it is escaped; none for other JSON.
pub fn top_level_duplicate(raw: &[u8]) -> Option<String> {
    let mut seen = HashSet::new();
    let mut depth: usize = 0;
    for token in tokens(raw) {
        match (token.kind, token.text) {
            (_, b"{" | b"[") => depth += 1,
            (_, b"}" | b"]") => depth = depth.saturating_sub(1),
            (PartKind::Key, text) if depth == 1 => {
                let key = unescaped(text);
                if !seen.insert(key.clone()) {
                    return Some(key.into_owned());
                }
            }
            _ => {}
        }
    }
    None
}

/// Every line of the JSON, formatted; see [`lines`].
pub fn format_lines(raw: &[u8]) -> Vec<Line> {
    lines(raw).collect()
}

/// The JSON with each member and each element on a line of its own, and every token as it was sent.
///
/// Lines are made as they are asked for, because a body of 1 MiB can have half a million of them.
pub fn lines(raw: &[u8]) -> Lines<'_> {
    Lines { tokens: tokens(raw).peekable(), indent: 0 }
}

/// The iterator of [`lines`].
pub struct Lines<'a> {
    tokens: Peekable<Tokens<'a>>,
    indent: usize,
}

impl Iterator for Lines<'_> {
    type Item = Line;

    fn next(&mut self) -> Option<Line> {
        let mut token = self.tokens.next()?;
        if closes(token.text) {
            self.indent = self.indent.saturating_sub(1);
        }
        let mut line = Line { indent: self.indent, parts: vec![part(token)] };
        loop {
            if token.text == b"," {
                return Some(line);
            }
            let next_closes = self.tokens.peek().is_some_and(|next| closes(next.text));
            let opens = matches!(token.text, b"{" | b"[");
            if opens && !next_closes {
                self.indent += 1;
                return Some(line);
            }
            // A closing bracket begins a line, except right behind the one it closes: `{}`.
            if next_closes && !opens {
                return Some(line);
            }
            let Some(next) = self.tokens.next() else { return Some(line) };
            line.parts.push(part(next));
            token = next;
        }
    }
}

/// The tokens of the JSON, in order.
pub fn tokens(raw: &[u8]) -> Tokens<'_> {
    Tokens { rest: raw }
}

/// The iterator of [`tokens`].
#[derive(Debug, Clone)]
pub struct Tokens<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        let start = trim_start(self.rest);
        let first = *start.first()?;
        let length = match first {
            b'{' | b'}' | b'[' | b']' | b',' | b':' => 1,
            b'"' => string_length(start),
            _ => start.iter().position(|&byte| ends_word(byte)).unwrap_or(start.len()),
        };
        let (text, rest) = start.split_at(length);
        self.rest = rest;
        let kind = match first {
            b'{' | b'}' | b'[' | b']' | b',' | b':' => PartKind::Punctuation,
            b'"' if trim_start(rest).first() == Some(&b':') => PartKind::Key,
            b'"' => PartKind::String,
            b'-' | b'0'..=b'9' => PartKind::Number,
            _ => PartKind::Literal,
        };
        Some(Token { kind, text })
    }
}

impl Tokens<'_> {
    /// How many bytes are left behind the last token.
    pub fn left(&self) -> usize {
        self.rest.len()
    }
}

/// The length of the string that `raw` begins with, both quotation marks included; all of `raw` if
/// it does not end.
fn string_length(raw: &[u8]) -> usize {
    let mut escaped = false;
    for (position, &byte) in raw.iter().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return position + 1,
            _ => {}
        }
    }
    raw.len()
}

fn trim_start(raw: &[u8]) -> &[u8] {
    let start = raw.iter().position(|&byte| !is_space(byte)).unwrap_or(raw.len());
    &raw[start..]
}

/// The four bytes that are white space in JSON (RFC 8259, section 2).
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

fn ends_word(byte: u8) -> bool {
    is_space(byte) || matches!(byte, b'{' | b'}' | b'[' | b']' | b',' | b':' | b'"')
}

fn closes(text: &[u8]) -> bool {
    matches!(text, b"}" | b"]")
}

fn part(token: Token<'_>) -> Part {
    let mut text = String::from_utf8_lossy(token.text).into_owned();
    if token.text == b":" {
        text.push(' ');
    }
    Part { kind: token.kind, text }
}

/// A key with its escapes resolved; as it was written where that is not possible (half of a
/// surrogate pair).
pub(super) fn unescaped(key: &[u8]) -> Cow<'_, str> {
    match serde_json::from_slice::<String>(key) {
        Ok(key) => Cow::Owned(key),
        Err(_) => String::from_utf8_lossy(key),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    /// The lines as a page would show them.
    fn shown(raw: &str) -> String {
        let line = |line: Line| {
            let text: String = line.parts.into_iter().map(|part| part.text).collect();
            format!("{}{text}\n", "  ".repeat(line.indent))
        };
        lines(raw.as_bytes()).map(line).collect()
    }

    /// The second telling: JSON without the white space outside strings, byte by byte.
    fn without_space(raw: &[u8]) -> Vec<u8> {
        let (mut in_string, mut escaped) = (false, false);
        let mut kept = Vec::new();
        for &byte in raw {
            if in_string || !b" \t\r\n".contains(&byte) {
                kept.push(byte);
            }
            in_string = if byte == b'"' && !escaped { !in_string } else { in_string };
            escaped = in_string && byte == b'\\' && !escaped;
        }
        kept
    }

    fn nested(levels: usize) -> Vec<u8> {
        [vec![b'['; levels], vec![b']'; levels]].concat()
    }

    #[test]
    fn a_body_is_formatted_with_every_token_as_it_was_sent() {
        let raw = concat!(
            "{ \"z\":9007199254740993, \"a\" :1.50e+2,\"a\":\"\\u0041\\\"\\n{}\",\r\n",
            "\"list\":[1,[ ],{\t}, null],\"deep\":{\"x\":{\"y\":true}}}"
        );
        let expected = r#"{
  "z": 9007199254740993,
  "a": 1.50e+2,
  "a": "\u0041\"\n{}",
  "list": [
    1,
    [],
    {},
    null
  ],
  "deep": {
    "x": {
      "y": true
    }
  }
}
"#;
        assert_eq!(shown(raw), expected);
        for (raw, expected) in [("null", "null\n"), (" [] ", "[]\n"), ("[[]]", "[\n  []\n]\n"), ("", ""), (" \n", "")] {
            assert_eq!(shown(raw), expected, "{raw:?}");
        }
    }

    #[test]
    fn each_piece_knows_what_it_is() {
        let kinds: Vec<(PartKind, &str)> = tokens(br#"{"k" : ["v", -1, true, null]}"#)
            .filter(|token| token.kind != PartKind::Punctuation)
            .map(|token| (token.kind, std::str::from_utf8(token.text).expect("UTF-8")))
            .collect();
        assert_eq!(
            kinds,
            [
                (PartKind::Key, "\"k\""),
                (PartKind::String, "\"v\""),
                (PartKind::Number, "-1"),
                (PartKind::Literal, "true"),
                (PartKind::Literal, "null"),
            ]
        );
    }

    #[test]
    fn depth_counts_arrays_and_objects_and_not_brackets_in_strings() {
        for (raw, depth) in
            [(b"1".to_vec(), 0), (b"{}".to_vec(), 1), (br#"[{"a":[]},[],"[[[[\"[["]"#.to_vec(), 3), (nested(128), 128)]
        {
            assert_eq!(check_depth(&raw, depth), Ok(()));
            if depth > 0 {
                let message = format!("The JSON is nested too deeply. The limit is {} levels.", depth - 1);
                assert_eq!(check_depth(&raw, depth - 1), Err(Fault::new("too_deep", message)));
            }
        }
        assert!(check_depth(&nested(1 << 20), 128).is_err(), "a million levels need no stack");
        assert_eq!(lines(&nested(10_000)).count(), 19_999);
    }

    #[test]
    fn a_key_that_is_twice_in_the_outermost_object_is_found() {
        for (raw, duplicate) in [
            (r#"{"a":1,"b":2,"a":3}"#, Some("a")),
            (r#"{"a":1,"\u0061":2}"#, Some("a")),
            (r#"{"\ud800":1,"\ud800":2}"#, Some(r#""\ud800""#)),
            (r#"{"a":{"x":1,"x":2},"b":["a","a"]}"#, None),
            (r#"[{"a":1,"a":2}]"#, None),
            ("null", None),
        ] {
            assert_eq!(top_level_duplicate(raw.as_bytes()).as_deref(), duplicate, "{raw}");
        }
    }

    #[test]
    fn the_sample_payloads_keep_every_byte() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/payloads");
        let mut samples = 0;
        for kind in ["edge", "product", "vendor"] {
            for entry in std::fs::read_dir(format!("{folder}/{kind}")).expect("the samples") {
                let raw = std::fs::read(entry.expect("a sample").path()).expect("readable");
                assert_eq!(tokens(&raw).flat_map(|token| token.text.to_vec()).collect::<Vec<_>>(), without_space(&raw));
                samples += 1;
            }
        }
        assert!(samples > 30, "{samples}");
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
            "[ \\t\\n\\\\\"{}\\[\\],:]{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(6, 64, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map(any::<String>(), inner, 0..6)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn nothing_but_white_space_is_lost(value in any_json()) {
            let dense = serde_json::to_string(&value).expect("JSON");
            let spaced = serde_json::to_string_pretty(&value).expect("JSON").replace('\n', "\r\n\t");
            for raw in [&dense, &spaced] {
                let joined: String =
                    lines(raw.as_bytes()).flat_map(|line| line.parts).map(|part| match part.kind {
                        PartKind::Punctuation => part.text.trim_end().to_owned(),
                        _ => part.text,
                    }).collect();
                prop_assert_eq!(&joined, &dense);
                prop_assert_eq!(without_space(raw.as_bytes()), dense.as_bytes());
            }
        }

        #[test]
        fn lines_are_those_of_an_independent_printer(value in any_json()) {
            let pretty = serde_json::to_string_pretty(&value).expect("JSON");
            prop_assert_eq!(shown(&serde_json::to_string(&value).expect("JSON")), pretty + "\n");
        }

        #[test]
        fn bytes_that_are_no_json_are_walked_without_a_panic(raw: Vec<u8>, text in "[\\[\\]{}:,\"\\\\a1 ]{0,40}") {
            for raw in [raw.as_slice(), text.as_bytes()] {
                let joined: Vec<u8> = tokens(raw).flat_map(|token| token.text.to_vec()).collect();
                prop_assert_eq!(joined, without_space(raw));
                let _ = (format_lines(raw), check_depth(raw, 3), top_level_duplicate(raw));
            }
        }
    }
}
