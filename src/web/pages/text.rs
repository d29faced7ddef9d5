//! Text from outside made fit to be seen, and numbers in words. What it gives is still plain text;
//! the templates escape it.

use std::{borrow::Cow, fmt::Write as _, time::Duration};

use crate::domain::with_thousands;

/// Text as a page shows it: characters that have no shape, or that turn others around, become
/// marks one can see. Line breaks and tabs stay.
pub fn display_text(text: &str) -> Cow<'_, str> {
    marked(text, |character| is_unseen(character) && !matches!(character, '\n' | '\t'))
}

/// The same for text that is one line: line breaks and tabs become marks as well.
pub fn display_line(text: &str) -> Cow<'_, str> {
    marked(text, is_unseen)
}

/// Bytes from outside as text; what is no UTF-8 becomes `�`.
pub fn display_bytes(bytes: &[u8]) -> String {
    display_text(&String::from_utf8_lossy(bytes)).into_owned()
}

/// At most `most` characters of a line: its beginning and its end, with `…` between them.
pub fn middle_cut(text: &str, most: usize) -> String {
    let count = text.chars().count();
    if count <= most {
        return text.to_owned();
    }
    let end = most / 3;
    let start = most - end - 1;
    let first: String = text.chars().take(start).collect();
    let last: String = text.chars().skip(count - end).collect();
    format!("{first}…{last}")
}

/// A size such as `606 B`, `1.2 KB` or `200 KB`; 1 KB is 1,024 bytes.
pub fn size(bytes: usize) -> String {
    const UNITS: [&str; 4] = ["KB", "MB", "GB", "TB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1023.5 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if value < 10.0 { format!("{value:.1} {}", UNITS[unit]) } else { format!("{value:.0} {}", UNITS[unit]) }
}

/// A number and its noun: `1 webhook`, `1,204 webhooks`.
pub fn count(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", with_thousands(number), if number == 1 { one } else { many })
}

/// `1st`, `2nd`, `3rd`, `11th`.
pub fn ordinal(number: u32) -> String {
    let ending = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

/// A length of time in its two largest units, such as `2 h 50 min` or `5 s`.
pub fn length(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let units = [("d", seconds / 86_400), ("h", seconds / 3600 % 24), ("min", seconds / 60 % 60), ("s", seconds % 60)];
    let Some(first) = units.iter().position(|(_, number)| *number > 0) else { return "0 s".to_owned() };
    let shown = units[first..].iter().take(2).filter(|(_, number)| *number > 0);
    shown.map(|(unit, number)| format!("{number} {unit}")).collect::<Vec<_>>().join(" ")
}

/// Text as part of a URL's query.
pub fn query_value(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

fn marked(text: &str, is_marked: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(&is_marked) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            plain if !is_marked(plain) => shown.push(plain),
            // The control pictures of Unicode stand in the order of the characters they picture.
            control @ '\u{0}'..='\u{1F}' => shown.push(char::from_u32(0x2400 + control as u32).unwrap_or('\u{FFFD}')),
            '\u{7F}' => shown.push('\u{2421}'),
            other => write!(shown, "⟦U+{:04X}⟧", other as u32).expect("writing to a string does not fail"),
        }
    }
    Cow::Owned(shown)
}

/// Control characters, marks that override or embed a direction, and line separators. Joiners stay:
/// emoji and Persian need them.
fn is_unseen(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}' | '\u{FEFF}' | '\u{E0000}'..='\u{E007F}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_becomes_a_mark() {
        for (text, shown) in [
            ("plain", "plain"),
            ("a\u{202E}b", "a⟦U+202E⟧b"),
            ("\u{1B}[31m", "␛[31m"),
            ("a\u{0}b\u{7F}", "a␀b␡"),
            ("\u{2066}x\u{2069}", "⟦U+2066⟧x⟦U+2069⟧"),
            ("line\none\ttab", "line\none\ttab"),
            ("👩\u{200D}👧 می\u{200C}خواهم", "👩\u{200D}👧 می\u{200C}خواهم"),
            ("\u{85}", "⟦U+0085⟧"),
        ] {
            assert_eq!(display_text(text), shown, "{text:?}");
        }
        assert_eq!(display_line("a\r\nb"), "a␍␊b");
        assert_eq!(display_bytes(b"\xFF\x00ok"), "\u{FFFD}␀ok");
    }

    #[test]
    fn a_long_line_keeps_both_ends() {
        assert_eq!(middle_cut("abcdefghij", 6), "abc…ij");
        assert_eq!(middle_cut("äöü", 3), "äöü");
    }

    #[test]
    fn numbers_read_as_words() {
        for (bytes, shown) in
            [(0, "0 B"), (606, "606 B"), (1_230, "1.2 KB"), (204_800, "200 KB"), (1_048_576, "1.0 MB")]
        {
            assert_eq!(size(bytes), shown);
        }
        for (seconds, shown) in [(0, "0 s"), (5, "5 s"), (300, "5 min"), (10_200, "2 h 50 min"), (90_061, "1 d 1 h")] {
            assert_eq!(length(Duration::from_secs(seconds)), shown);
        }
        assert_eq!([1, 2, 3, 4, 11, 22, 113].map(ordinal), ["1st", "2nd", "3rd", "4th", "11th", "22nd", "113th"]);
        assert_eq!(count(1, "webhook", "webhooks"), "1 webhook");
        assert_eq!(count(1_204, "webhook", "webhooks"), "1,204 webhooks");
    }
}
