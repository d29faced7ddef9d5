//! What is wrong with a configuration: everything at once, each as one line that says what is allowed.

use std::fmt;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ConfigProblem {
    /// Where it stands: `hookstead.toml:12`, `HOOKSTEAD_LISTEN`, `flag --listen`.
    pub(super) place: String,
    /// What is wrong and what is allowed.
    pub(super) message: String,
    /// The key that has no usable value because of it.
    pub(super) key: Option<&'static str>,
}

/// Everything that is wrong with a configuration. Its text is one line for each.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConfigProblems(Vec<ConfigProblem>);

/// Most problems that are shown; a file that is no configuration at all has one on every line.
pub(super) const MOST_PROBLEMS: usize = 50;

impl ConfigProblems {
    /// The lines, without their ends.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        let rest = (self.0.len() > MOST_PROBLEMS).then(|| "There are more problems.".to_owned());
        self.0.iter().take(MOST_PROBLEMS).map(|problem| format!("{}: {}", problem.place, problem.message)).chain(rest)
    }

    pub(super) fn push(&mut self, place: impl fmt::Display, message: impl Into<String>) {
        self.0.push(ConfigProblem { place: place.to_string(), message: message.into(), key: None });
    }

    pub(super) fn push_about(&mut self, key: &'static str, place: impl fmt::Display, message: impl Into<String>) {
        self.0.push(ConfigProblem { place: place.to_string(), message: message.into(), key: Some(key) });
    }

    pub(super) fn append(&mut self, more: ConfigProblems) {
        self.0.extend(more.0);
    }

    /// Whether one of `keys` has no usable value.
    pub(super) fn concern(&self, keys: &[&str]) -> bool {
        self.0.iter().filter_map(|problem| problem.key).any(|key| keys.contains(&key))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for ConfigProblems {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines().try_for_each(|line| writeln!(formatter, "{line}"))
    }
}

impl std::error::Error for ConfigProblems {}
