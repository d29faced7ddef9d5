//! Where a value came from.

use std::fmt;

/// Where a value came from. Its text is what `check-config` and the Settings page show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Nobody set it.
    Default,
    /// The configuration file.
    File {
        /// The file as it was named.
        name: String,
        /// The line of the key, counted from 1.
        line: usize,
    },
    /// This environment variable, which may be the one that names a file.
    Environment(String),
    /// This flag of the command line.
    Flag(&'static str),
}

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Default => formatter.write_str("default"),
            Source::File { name, line } => write!(formatter, "{name}:{line}"),
            Source::Environment(variable) => formatter.write_str(variable),
            Source::Flag(flag) => write!(formatter, "flag {flag}"),
        }
    }
}
