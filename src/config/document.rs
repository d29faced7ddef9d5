//! The text of the configuration file, as the keys that it sets.

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    declared::{Field, Item, LISTS},
    keys::{KEYS, SECTIONS},
    problem::MOST_PROBLEMS,
    suggest,
    value::Value,
};

/// What stands in one place of the file.
pub(super) struct Entry {
    /// Its line, counted from 1.
    pub(super) line: usize,
    /// A key that it sets, or what is wrong with it.
    pub(super) content: Result<Content, String>,
}

/// What a place of the file holds.
pub(super) enum Content {
    /// A key with its value.
    Setting(Setting),
    /// An item of a list such as `[[webhook]]`.
    Item(Item),
}

/// A key that the file sets.
pub(super) struct Setting {
    /// Its position in the list of keys.
    pub(super) key: usize,
    pub(super) value: Value,
}

/// Reads the file's text, from its top to its end. Keys are looked for only where the text as a whole
/// is TOML, because a slip in the notation makes the keys after it look wrong too.
pub(super) fn read(bytes: &[u8]) -> Vec<Entry> {
    let mut reader = Reader { line_starts: line_starts(bytes), entries: Vec::new(), problems: 0 };
    match std::str::from_utf8(bytes) {
        Ok(text) => reader.read_text(text),
        Err(error) => reader.problem(error.valid_up_to(), || "is not text; allowed: TOML in UTF-8".to_owned()),
    }
    reader.entries.sort_by_key(|entry| entry.line);
    reader.entries
}

/// Largest text in which more than one slip in the notation is looked for, in bytes. The parser keeps
/// several hundred bytes for each, and a large file that is no TOML has one on every line.
const EVERY_SLIP: usize = 64 << 10;

struct Reader {
    /// The position of the first byte of each line, so that finding a key's line does not read the text again.
    line_starts: Vec<usize>,
    entries: Vec<Entry>,
    problems: usize,
}

impl Reader {
    fn read_text(&mut self, text: &str) {
        let mut errors = match DeTable::parse(text) {
            Ok(table) => return self.read_file(table.get_ref()),
            Err(_) if text.len() <= EVERY_SLIP => DeTable::parse_recoverable(text).1,
            Err(error) => vec![error],
        };
        // What the parser says about the rest of a line is a consequence of the first slip on it.
        let position = |error: &toml::de::Error| error.span().map_or(0, |span| span.start);
        errors.sort_by_key(position);
        errors.dedup_by_key(|error| self.line(position(error)));
        for error in errors {
            self.problem(position(&error), || {
                format!("is not TOML: {}; allowed: lines such as key = value", error.message().replace('\n', " "))
            });
        }
    }

    fn read_file(&mut self, table: &DeTable<'_>) {
        for (name, value) in table {
            let start = name.span().start;
            let name = name.get_ref().as_ref();
            let is_section = SECTIONS.contains(&name);
            let list = LISTS.into_iter().find(|list| *list == name);
            match value.get_ref() {
                DeValue::Array(items) if let Some(list) = list => {
                    items.iter().for_each(|item| self.read_item(start, list, item));
                }
                _ if list.is_some() => self.not_a_list(start, name),
                DeValue::Table(keys) if is_section => self.read_section(name, keys),
                _ if is_section => self
                    .problem(start, || format!("{name} is a section; allowed: one line [{name}], with its keys below")),
                DeValue::Table(_) if position(name).is_none() => {
                    self.problem(start, || suggest::unknown_section(name));
                }
                value => self.read_key(start, name, value),
            }
        }
    }

    fn read_item(&mut self, start: usize, list: &'static str, item: &Spanned<DeValue<'_>>) {
        let DeValue::Table(keys) = item.get_ref() else { return self.not_a_list(start, list) };
        let field = |(name, value): (&Spanned<std::borrow::Cow<'_, str>>, &Spanned<DeValue<'_>>)| Field {
            name: name.get_ref().to_string(),
            line: self.line(name.span().start),
            value: as_written(value.get_ref()),
        };
        let mut fields: Vec<Field> = keys.iter().map(field).collect();
        fields.sort_by_key(|field| field.line);
        let line = self.line(item.span().start);
        self.entries.push(Entry { line, content: Ok(Content::Item(Item { list, line, fields })) });
    }

    fn not_a_list(&mut self, start: usize, name: &str) {
        self.problem(start, || format!("{name} is a list; allowed: lines [[{name}]], each with its keys below"));
    }

    fn read_section(&mut self, section: &str, table: &DeTable<'_>) {
        for (name, value) in table {
            self.read_key(name.span().start, &format!("{section}.{}", name.get_ref()), value.get_ref());
        }
    }

    fn read_key(&mut self, start: usize, name: &str, value: &DeValue<'_>) {
        match position(name) {
            Some(key) => {
                let content = Ok(Content::Setting(Setting { key, value: as_written(value) }));
                self.entries.push(Entry { line: self.line(start), content });
            }
            None => self.problem(start, || suggest::unknown_key(name)),
        }
    }

    /// One more than are shown is enough to know that there are more.
    fn problem(&mut self, position: usize, message: impl FnOnce() -> String) {
        if self.problems <= MOST_PROBLEMS {
            self.problems += 1;
            self.entries.push(Entry { line: self.line(position), content: Err(message()) });
        }
    }

    /// The line of a byte, counted from 1.
    fn line(&self, position: usize) -> usize {
        self.line_starts.partition_point(|start| *start <= position)
    }
}

fn line_starts(text: &[u8]) -> Vec<usize> {
    let after_line_ends = text.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(position, _)| position + 1);
    std::iter::once(0).chain(after_line_ends).collect()
}

fn position(name: &str) -> Option<usize> {
    KEYS.iter().position(|key| key.name == name)
}

fn as_written(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(number) => match i128::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Value::Whole(number),
            Err(_) => Value::Other("a number too large to read".to_owned()),
        },
        DeValue::Float(number) => Value::Other(match number.as_str() {
            text if text.len() <= 40 => format!("the number {text}"),
            _ => "a number with a fraction".to_owned(),
        }),
        DeValue::Boolean(flag) => Value::Flag(*flag),
        DeValue::Datetime(_) => Value::Other("a date or time".to_owned()),
        DeValue::Array(items) => Value::List(items.iter().map(Spanned::get_ref).map(as_written).collect()),
        DeValue::Table(fields) => {
            let field = |(name, value): (&Spanned<std::borrow::Cow<'_, str>>, &Spanned<DeValue<'_>>)| {
                (name.get_ref().to_string(), as_written(value.get_ref()))
            };
            Value::Table(fields.iter().map(field).collect())
        }
    }
}
