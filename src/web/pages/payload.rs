//! Showing a payload: formatted by walking its bytes, so that every number, escape and key stays
//! as it was sent.

use askama::{Template, filters::HtmlSafe};

use super::text::{display_line, display_text, size};
use crate::domain::{PartKind, raw_json};

/// Bytes shown before "Show all".
const FIRST_BYTES: usize = 64 * 1024;
/// Bytes shown at the most; beyond them there is the download. A body of a megabyte as coloured
/// lines would be tens of megabytes of page.
const MOST_BYTES: usize = 512 * 1024;

/// An object or array of more lines than this can be folded away.
const FOLDED_FROM: usize = 50;

/// A payload as it is shown.
#[derive(Template)]
#[template(path = "parts/payload.html")]
pub struct Payload {
    view: View,
    shown: String,
    all: String,
    /// More is shown than a browser lays out at once without being held up.
    is_large: bool,
    /// Everything that fits is shown.
    is_whole: bool,
    can_show_all: bool,
    /// The address that shows all.
    all_address: String,
}

enum View {
    Formatted(Vec<Piece>),
    Raw(String),
}

/// A piece of the formatted text.
enum Piece {
    Line(ShownLine),
    /// A line that begins what can be folded away.
    Fold(ShownLine),
    /// The end of it.
    End,
}

struct ShownLine {
    number: usize,
    indent: String,
    parts: Vec<ShownPart>,
}

struct ShownPart {
    class: &'static str,
    text: String,
}

impl Payload {
    /// The payload `body`; only its beginning unless `all` is asked for.
    pub fn new(body: &[u8], raw: bool, all: bool) -> Payload {
        let most = if all { MOST_BYTES } else { FIRST_BYTES };
        let (view, shown) = match raw {
            true => {
                let end = floor_char(body, most);
                (View::Raw(display_text(&String::from_utf8_lossy(&body[..end])).into_owned()), end)
            }
            false => {
                let (lines, shown) = formatted(body, most);
                (View::Formatted(folded(lines)), shown)
            }
        };
        Payload {
            view,
            shown: size(shown),
            all: size(body.len()),
            is_large: shown > FIRST_BYTES,
            is_whole: shown >= body.len(),
            can_show_all: !all,
            all_address: "?all=1#payload".to_owned(),
        }
    }

    /// Says where all of it is shown.
    pub fn all_at(mut self, address: String) -> Payload {
        self.all_address = address;
        self
    }
}

impl HtmlSafe for Payload {}

/// Lines until `most` bytes of text are shown; a last line that is too long is cut.
fn formatted(body: &[u8], most: usize) -> (Vec<ShownLine>, usize) {
    let mut lines = Vec::new();
    let mut bytes = 0;
    for line in raw_json::lines(body) {
        if bytes >= most {
            return (lines, bytes.min(body.len() - 1));
        }
        let mut parts = Vec::with_capacity(line.parts.len());
        for part in line.parts {
            bytes += part.text.len();
            let text = match bytes > most + FIRST_BYTES {
                true => format!("{}…", &part.text[..floor_char(part.text.as_bytes(), FIRST_BYTES)]),
                false => part.text,
            };
            parts.push(ShownPart { class: class_of(part.kind), text: display_line(&text).into_owned() });
        }
        lines.push(ShownLine { number: lines.len() + 1, indent: "  ".repeat(line.indent), parts });
    }
    (lines, body.len())
}

/// Puts what is long enough between [`Piece::Fold`] and [`Piece::End`]. The whole is not folded.
fn folded(lines: Vec<ShownLine>) -> Vec<Piece> {
    let end = lines.len();
    let mut open = Vec::new();
    // For each line: whether it begins a fold, and how many end before it.
    let mut begins = vec![false; end];
    let mut ends = vec![0; end + 1];
    let mut mark = |from: usize, to: usize| {
        if from > 0 && to - from > FOLDED_FROM {
            begins[from] = true;
            ends[to] += 1;
        }
    };
    for (index, line) in lines.iter().enumerate() {
        let is = |part: Option<&ShownPart>, texts: [&str; 2]| part.is_some_and(|part| texts.contains(&&*part.text));
        if is(line.parts.first(), ["}", "]"])
            && let Some(from) = open.pop()
        {
            mark(from, index);
        }
        if is(line.parts.last(), ["{", "["]) {
            open.push(index);
        }
    }
    // What was cut off ends with the text.
    while let Some(from) = open.pop() {
        mark(from, end);
    }
    let mut pieces = Vec::with_capacity(end);
    for (index, line) in lines.into_iter().enumerate() {
        pieces.extend((0..ends[index]).map(|_| Piece::End));
        pieces.push(if begins[index] { Piece::Fold(line) } else { Piece::Line(line) });
    }
    pieces.extend((0..ends[end]).map(|_| Piece::End));
    pieces
}

/// The last place at or before `most` where no character is cut.
fn floor_char(bytes: &[u8], most: usize) -> usize {
    if bytes.len() <= most {
        return bytes.len();
    }
    let is_inside = |byte: u8| byte & 0b1100_0000 == 0b1000_0000;
    (0..=most).rev().find(|&end| !is_inside(bytes[end])).unwrap_or(0)
}

fn class_of(kind: PartKind) -> &'static str {
    match kind {
        PartKind::Key => "k",
        PartKind::String => "s",
        PartKind::Number => "n",
        PartKind::Literal => "v",
        PartKind::Punctuation => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_payload_is_changed_or_run() {
        let body = r#"{"n":1152921506151679042,"p":1299.90,"n":[],"html":"<script>\u0041</script>"}"#;
        let shown = Payload::new(body.as_bytes(), false, false).to_string();
        for part in ["1152921506151679042", "1299.90", r"&#60;script&#62;\u0041&#60;/script&#62;"] {
            assert!(shown.contains(part), "{part} in {shown}");
        }
        assert_eq!(shown.matches("&#34;n&#34;").count(), 2);
        assert!(!shown.contains("<script>"));
    }

    #[test]
    fn what_is_long_can_be_folded_away() {
        let long = vec!["1"; 60].join(",");
        let body = format!(r#"{{"short":[1,2],"long":[{long}],"deep":{{"list":[{long}],"end":true}}}}"#);
        let shown = Payload::new(body.as_bytes(), false, false).to_string();
        assert_eq!((shown.matches("<details open>").count(), shown.matches("</details>").count()), (3, 3));
        assert!(shown.contains("data-n=\"1\"") && shown.contains("data-n=\"133\""), "{shown}");
        let cut = format!(r#"{{"a":{{"b":["{}"]}}}}"#, vec!["x"; 60_000].join("\",\""));
        let shown = Payload::new(cut.as_bytes(), false, false).to_string();
        assert_eq!(shown.matches("<details open>").count(), shown.matches("</details>").count());
    }

    #[test]
    fn a_large_payload_is_shown_in_part() {
        let body = format!("[{}]", vec!["\"äää\""; 30_000].join(","));
        let first = Payload::new(body.as_bytes(), false, false);
        assert!(!first.is_whole && first.can_show_all);
        let shown = first.to_string();
        assert!(shown.len() < 1_000_000, "{}", shown.len());
        assert!(shown.contains("Show all"));
        let raw = Payload::new(body.as_bytes(), true, false);
        assert!(!raw.is_whole);
        assert!(Payload::new(b"{}", false, false).is_whole);
        let one_line = format!("\"{}\"", "x".repeat(900_000));
        assert!(Payload::new(one_line.as_bytes(), false, false).to_string().len() < 200_000);
    }
}
