//! What to say about a name that nobody knows.

use super::{
    keys::{KEYS, SECTIONS},
    table::{Key, VARIABLE_PREFIX},
};

/// What is wrong with a key of the file that does not exist.
pub(super) fn unknown_key(name: &str) -> String {
    let bare = name.rsplit('.').next().unwrap_or(name);
    let hint = match nearest_key(&name.replace('.', "_"), bare) {
        Some(key) => format!("did you mean {}?", in_its_section(key)),
        None => "config.example.toml has every key".to_owned(),
    };
    format!("unknown key {}; {hint}", plain(name))
}

/// What is wrong with a section of the file that does not exist.
pub(super) fn unknown_section(name: &str) -> String {
    let near = nearest(SECTIONS.iter().map(|section| (*section, strsim::damerau_levenshtein(name, section))), name);
    let hint = match near {
        Some(section) => format!("did you mean [{section}]?"),
        None => format!("allowed: [{}]", SECTIONS.join("], [")),
    };
    format!("unknown section [{}]; {hint}", plain(name))
}

/// What is wrong with an environment variable of ours that sets no key.
pub(super) fn unknown_variable(variable: &str) -> String {
    let name = variable.strip_prefix(VARIABLE_PREFIX).unwrap_or(variable).to_lowercase();
    let (name, ending) = match name.strip_suffix("_file") {
        Some(name) => (name, "_FILE"),
        None => (name.as_str(), ""),
    };
    match nearest_key(name, name) {
        Some(key) => format!("unknown variable; did you mean {}{ending}?", key.variable()),
        None => "unknown variable; config.example.toml has every key, and sender.timeout_ms is set by \
                 HOOKSTEAD_SENDER_TIMEOUT_MS"
            .to_owned(),
    }
}

/// The key nearest to a name, given with underscores for the full stops and without its section.
fn nearest_key(name: &str, bare: &str) -> Option<&'static Key> {
    let distance = |key: &Key| {
        let whole = strsim::damerau_levenshtein(name, &key.name.replace('.', "_"));
        // A key in the wrong section, or without one, is found by its own name.
        whole.min(strsim::damerau_levenshtein(bare, key.bare_name()) + 1)
    };
    // Long names are not compared: the time would grow with their square.
    if name.len() > 64 {
        return None;
    }
    nearest(KEYS.iter().map(|key| (key, distance(key))), bare)
}

/// The known name nearest to `name`.
pub(super) fn nearest_of<'a>(known: &[&'a str], name: &str) -> Option<&'a str> {
    if name.len() > 64 {
        return None;
    }
    // `secret` was meant as `secret_file`, however many letters that is away.
    let beginning = format!("{name}_");
    let longer = known.iter().find(|known| known.starts_with(&beginning)).copied();
    longer.or_else(|| nearest(known.iter().map(|known| (*known, strsim::damerau_levenshtein(name, known))), name))
}

/// The candidate at the least distance, unless so much differs that it would be a guess.
fn nearest<T>(candidates: impl Iterator<Item = (T, usize)>, name: &str) -> Option<T> {
    let most = 2 + name.len() / 6;
    candidates.filter(|(_, distance)| *distance <= most).min_by_key(|(_, distance)| *distance).map(|(found, _)| found)
}

fn in_its_section(key: &Key) -> String {
    match key.name.split_once('.') {
        Some((section, name)) => format!("{name} in section [{section}]"),
        None => format!("{} at the top of the file", key.name),
    }
}

/// A name from outside on one line: control characters escaped, cut where it is long.
pub(super) fn plain(name: &str) -> String {
    name.chars().take(64).flat_map(char::escape_debug).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_find_the_key_that_was_meant() {
        let cases = [
            ("lisen", "unknown key lisen; did you mean listen at the top of the file?"),
            ("sender.timeout_sec", "unknown key sender.timeout_sec; did you mean timeout_ms in section [sender]?"),
            ("timeout_ms", "unknown key timeout_ms; did you mean timeout_ms in section [sender]?"),
            ("limits.listen", "unknown key limits.listen; did you mean listen at the top of the file?"),
            ("log.Level", "unknown key log.Level; did you mean level in section [log]?"),
            ("colour", "unknown key colour; config.example.toml has every key"),
            ("a\u{1b}[2J", "unknown key a\\u{1b}[2J; config.example.toml has every key"),
        ];
        for (name, message) in cases {
            assert_eq!(unknown_key(name), message);
        }
    }

    #[test]
    fn slips_find_the_section_that_was_meant() {
        assert_eq!(unknown_section("limit"), "unknown section [limit]; did you mean [limits]?");
        assert_eq!(
            unknown_section("database"),
            "unknown section [database]; allowed: [limits], [sender], [store], [web], [log], [alarm], [admin]"
        );
    }

    #[test]
    fn slips_find_the_variable_that_was_meant() {
        let cases = [
            ("HOOKSTEAD_LISTN", "unknown variable; did you mean HOOKSTEAD_LISTEN?"),
            ("HOOKSTEAD_DATADIR", "unknown variable; did you mean HOOKSTEAD_DATA_DIR?"),
            ("HOOKSTEAD_TIMEOUT_MS", "unknown variable; did you mean HOOKSTEAD_SENDER_TIMEOUT_MS?"),
            ("HOOKSTEAD_ADMIN_PASWORD_FILE", "unknown variable; did you mean HOOKSTEAD_ADMIN_PASSWORD_FILE?"),
        ];
        for (variable, message) in cases {
            assert_eq!(unknown_variable(variable), message);
        }
        assert!(unknown_variable("HOOKSTEAD_COLOUR").contains("config.example.toml"));
    }
}
