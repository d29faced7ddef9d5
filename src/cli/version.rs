//! `hookstead version`.

use std::{env::consts, process::ExitCode};

use super::output::answer;

/// Prints the version, for people or for programs.
pub(super) fn run(json: bool) -> ExitCode {
    answer(&text(json))
}

fn text(json: bool) -> String {
    let version = env!("CARGO_PKG_VERSION");
    if json {
        let members = serde_json::json!({ "version": version, "os": consts::OS, "arch": consts::ARCH });
        return format!("{members}\n");
    }
    format!("hookstead {version}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn for_people_and_for_programs() {
        assert_eq!(text(false), format!("hookstead {}\n", env!("CARGO_PKG_VERSION")));
        let members: serde_json::Value = serde_json::from_str(&text(true)).unwrap();
        assert_eq!(members["version"], env!("CARGO_PKG_VERSION"));
    }
}
