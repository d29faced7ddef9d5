//! The configuration as a whole: what the operator writes, and what Hookstead makes of it.

use std::{ffi::OsString, fs, path::Path};

use tempfile::TempDir;

use super::{Config, ConfigProblems, DEFAULT_FILE, Flags};

mod bad_input;
mod declared;
mod example;
mod precedence;

/// A folder to start Hookstead in, with what it would find there.
struct Place {
    folder: TempDir,
    environment: Vec<(OsString, OsString)>,
    flags: Flags,
}

impl Place {
    fn empty() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        Place { folder, environment: Vec::new(), flags: Flags::default() }
    }

    /// A folder with this `hookstead.toml`.
    fn with(config: impl AsRef<[u8]>) -> Self {
        Self::empty().file(DEFAULT_FILE, config)
    }

    fn file(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().expect("a file is in a folder")).unwrap();
        fs::write(path, content).unwrap();
        self
    }

    fn variable(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    fn flags(mut self, flags: Flags) -> Self {
        self.flags = flags;
        self
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn load(&self) -> Result<Config, ConfigProblems> {
        Config::load(&self.flags, self.environment.clone(), self.path())
    }

    fn config(&self) -> Config {
        self.load().unwrap_or_else(|problems| panic!("refused:\n{problems}"))
    }

    /// The lines that say what is wrong, with `FOLDER` for the temporary folder.
    fn problems(&self) -> Vec<String> {
        let Err(problems) = self.load() else { return Vec::new() };
        let folder = self.path().display().to_string();
        problems.lines().map(|line| line.replace(&folder, "FOLDER")).collect()
    }
}

/// The key as `check-config` shows it: value and source.
fn shown(config: &Config, key: &str) -> (String, String) {
    let row = config.describe().into_iter().find(|row| row.key == key).expect("a key of the list");
    (row.value, row.source.to_string())
}
