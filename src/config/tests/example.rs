//! `config.example.toml` says what the list of keys says.

use super::*;
use crate::config::{
    Source,
    keys::{KEYS, SECTIONS},
    rules::Given,
    value::Value,
};

const EXAMPLE: &str = include_str!("../../../config.example.toml");

/// A setting of the example is a line without a space after the `#`; with one it is a sentence.
fn is_setting(line: &str) -> bool {
    line.strip_prefix('#').is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_lowercase()))
}

#[test]
fn the_example_changes_nothing() {
    let place = Place::with(EXAMPLE);
    assert!(place.config().describe().iter().all(|row| row.source == Source::Default));
}

#[test]
fn the_example_has_every_key_in_order_with_its_default() {
    let text: String = EXAMPLE
        .lines()
        .map(|line| if is_setting(line) { &line[1..] } else { line })
        .flat_map(|line| [line, "\n"])
        .collect();
    let place = Place::with(text);
    let found = place.config().describe();
    fs::remove_file(place.path().join(DEFAULT_FILE)).unwrap();
    let expected = place.config().describe();
    let mut lines = Vec::new();
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!((found.key, &found.value), (expected.key, &expected.value));
        match &found.source {
            Source::File { line, .. } => lines.push(*line),
            source => panic!("{} is not in the example: {source}", found.key),
        }
    }
    assert!(lines.is_sorted(), "the order of the example is the order of the list");
}

#[test]
fn the_example_says_what_is_allowed() {
    let mut section = String::new();
    let mut comment = String::new();
    let mut documented = Vec::new();
    for line in EXAMPLE.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = format!("{name}.");
        } else if let Some(sentence) = line.strip_prefix("# ") {
            comment.push_str(&format!("{sentence} "));
        } else if is_setting(line) {
            let name = format!("{section}{}", line[1..].split(' ').next().unwrap());
            let key = KEYS.iter().find(|key| key.name == name).unwrap_or_else(|| panic!("{name} is no key"));
            let allowed = format!("Allowed: {}.", (key.allowed)());
            assert!(comment.contains(&allowed), "above {name}, not found: {allowed}\nfound: {comment}");
            documented.push(name);
        } else {
            comment.clear();
        }
    }
    assert_eq!(documented.len(), KEYS.len());
}

#[test]
fn the_examples_of_what_the_file_sets_up_are_right() {
    let lines: Vec<_> = EXAMPLE.lines().skip_while(|line| !line.starts_with("# [[")).collect();
    let is_line = |line: &str| line.starts_with("[[") || line.split(' ').nth(1) == Some("=");
    let lines = lines.iter().filter_map(|line| line.strip_prefix("# ")).filter(|line| is_line(line));
    let text = lines.collect::<Vec<_>>().join("\n");
    let place = Place::with(text).file("erp-secret", "correct horse battery");
    let place = place.file("erp-token", "Bearer abc\n").file("crm-key", format!("hsk_{}\n", "a".repeat(32)));
    let declared = place.config().declared;
    let counts = (declared.event_types.len(), declared.webhooks.len(), declared.api_keys.len());
    assert_eq!(counts, (1, 1, 1));
    let webhook = &declared.webhooks[0];
    let headers: Vec<_> = webhook.headers.iter().map(|one| (&*one.name, &*one.value, one.hidden)).collect();
    assert_eq!(headers, [("X-Team", "crm", false), ("Authorization", "Bearer abc", true)]);
    assert_eq!(webhook.secret.as_ref().unwrap().as_str(), "correct horse battery");
    assert_eq!(declared.api_keys[0].last_four, "aaaa");
}

#[test]
fn every_section_of_the_list_stands_in_the_example() {
    for section in SECTIONS {
        assert!(EXAMPLE.lines().any(|line| line == format!("[{section}]")), "{section}");
    }
}

#[test]
fn every_default_is_allowed() {
    let mut config = Config::defaults();
    for (key, row) in KEYS.iter().zip(Config::defaults().describe()) {
        let value: toml::Table = format!("value = {}", row.value).parse().unwrap();
        let value = match &value["value"] {
            toml::Value::String(text) => Value::Text(text.clone()),
            toml::Value::Integer(number) => Value::Whole((*number).into()),
            toml::Value::Boolean(flag) => Value::Flag(*flag),
            toml::Value::Array(items) => {
                Value::List(items.iter().map(|item| Value::Whole(item.as_integer().unwrap().into())).collect())
            }
            other => panic!("no key has a {}", other.type_str()),
        };
        let given = Given { value: &value, folder: Path::new("") };
        assert_eq!((key.read)(&mut config, &given), Ok(()), "{}", key.name);
    }
}
