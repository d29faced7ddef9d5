//! `hookstead check-config`: every value and where it came from.

use std::process::ExitCode;

use super::output::answer;
use crate::config::{Config, Described};

/// Prints the configuration, which is right if it came this far.
pub(super) fn run(config: Config) -> ExitCode {
    answer(&table(&config.describe()))
}

/// One line for each key, its value in the notation of the file, the source behind it.
fn table(rows: &[Described]) -> String {
    let lines: Vec<_> = rows.iter().map(|row| (format!("{} = {}", row.key, row.value), &row.source)).collect();
    // One long value does not push every source off the screen.
    let width = lines.iter().map(|(line, _)| line.chars().count()).filter(|width| *width <= 60).max().unwrap_or(0);
    lines.iter().map(|(line, source)| format!("{line:width$}  # {source}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Flags;

    #[test]
    fn a_row_is_a_line_with_its_source() {
        let folder = tempfile::tempdir().unwrap();
        let environment = [
            ("HOOKSTEAD_ADMIN_EMAIL".into(), "admin@example.com".into()),
            ("HOOKSTEAD_ADMIN_PASSWORD".into(), "correct horse battery".into()),
        ];
        let config = Config::load(&Flags::default(), environment, folder.path()).unwrap();
        let text = table(&config.describe());
        assert!(text.starts_with("listen = \"127.0.0.1:8080\"  "), "{text}");
        let password = text.lines().last().unwrap();
        let words: Vec<_> = password.split_whitespace().collect();
        assert_eq!(words, ["admin.password", "=", "\"********\"", "#", "HOOKSTEAD_ADMIN_PASSWORD"]);
        assert!(!text.contains("correct horse"));
    }
}
