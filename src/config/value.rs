//! A value as somebody wrote it, before any rule has looked at it.

/// A value from the file, the environment or a flag. It may be a secret: show it by [`Value::told`] where none is due.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    /// Text in quotation marks.
    Text(String),
    /// A whole number.
    Whole(i128),
    /// `true` or `false`.
    Flag(bool),
    /// A list in brackets.
    List(Vec<Value>),
    /// A table, which stands within a list of the file.
    Table(Vec<(String, Value)>),
    /// Something no key takes, described: a date, a fraction.
    Other(String),
    /// Text from the environment or a flag, where numbers, flags and lists have no notation of their own.
    Plain(String),
}

impl Value {
    /// The text, if it is one.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Value::Text(text) | Value::Plain(text) => Some(text),
            _ => None,
        }
    }

    /// The whole number, if it is one.
    pub(super) fn whole(&self) -> Option<i128> {
        match self {
            Value::Whole(number) => Some(*number),
            Value::Plain(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    /// `true` or `false`, if it is one.
    pub(super) fn flag(&self) -> Option<bool> {
        match self {
            Value::Flag(flag) => Some(*flag),
            Value::Plain(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    /// The items, if it is a list. Plain text separates them by commas, and empty text has none.
    pub(super) fn list(&self) -> Option<Vec<Value>> {
        match self {
            Value::List(items) => Some(items.clone()),
            Value::Plain(text) if text.trim().is_empty() => Some(Vec::new()),
            Value::Plain(text) => Some(text.split(',').map(|item| Value::Plain(item.trim().to_owned())).collect()),
            _ => None,
        }
    }

    /// The value in words, to be read after "is". Long text is cut and control characters are escaped.
    pub(super) fn told(&self) -> String {
        match self {
            Value::Text(text) => format!("the text {}", quoted(text)),
            Value::Plain(text) => quoted(text),
            Value::Whole(number) => number.to_string(),
            Value::Flag(flag) => flag.to_string(),
            Value::List(items) => format!("a list of {}", items.len()),
            Value::Table(_) => "a table".to_owned(),
            Value::Other(description) => description.clone(),
        }
    }
}

/// Most characters of a wrong value that are repeated.
const TOLD_CHARACTERS: usize = 80;

fn quoted(text: &str) -> String {
    match text.char_indices().nth(TOLD_CHARACTERS) {
        Some((end, _)) => format!("{:?} and more", &text[..end]),
        None => format!("{text:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_becomes_what_is_asked_for() {
        let plain = |text: &str| Value::Plain(text.to_owned());
        assert_eq!(plain("15000").whole(), Some(15_000));
        assert_eq!(plain("15s").whole(), None);
        assert_eq!(plain("true").flag(), Some(true));
        assert_eq!(plain("yes").flag(), None);
        assert_eq!(plain("").list(), Some(vec![]));
        assert_eq!(plain("a, b").list(), Some(vec![plain("a"), plain("b")]));
        assert_eq!(plain("a,").list(), Some(vec![plain("a"), plain("")]));
    }

    #[test]
    fn text_of_the_file_is_only_text() {
        let text = Value::Text("15000".to_owned());
        assert_eq!((text.whole(), text.flag(), text.list()), (None, None, None));
    }

    #[test]
    fn told_is_short_and_harmless() {
        assert_eq!(Value::Text("a\u{1b}[2J".into()).told(), r#"the text "a\u{1b}[2J""#);
        let long = Value::Plain("é".repeat(1_000_000)).told();
        assert_eq!(long, format!("\"{}\" and more", "é".repeat(80)));
    }
}
