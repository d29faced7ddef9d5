//! What the operator decides: read at the start, and again on SIGHUP, from flags, environment and file,
//! checked, and then plain data.
//!
//! A flag goes before the environment (`HOOKSTEAD_*`, or `HOOKSTEAD_*_FILE` for a value in a file),
//! that before the configuration file, and that before the default. Everything that is wrong is
//! reported at once. The list of keys is `keys`; nothing here knows what a key is for, apart from
//! `consistency`, which knows the keys that depend on each other.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

mod consistency;
mod declared;
mod document;
mod environment;
mod file;
mod keys;
mod problem;
mod reload;
mod rules;
mod secret;
mod show;
mod source;
mod suggest;
mod table;
#[cfg(test)]
mod tests;
mod tls;
mod value;

pub use keys::{Admin, Alarm, Config, Limits, Log, LogFormat, LogLevel, Sender, Store, Web};
pub use problem::ConfigProblems;
pub use secret::{Password, ProxyUrl};
pub use source::Source;

use document::Content;
use keys::KEYS;
use rules::{Given, from_folder};
use value::Value;

/// The configuration file that is read from the working directory if it is there and no other is named.
pub const DEFAULT_FILE: &str = "hookstead.toml";

/// Name of the key file where none is named.
const KEY_FILE: &str = "hookstead.key";

/// Largest configuration file, in bytes.
const LARGEST_FILE: u64 = 1 << 20;

/// What the command line says about the configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flags {
    /// `--config`: the file to read, which must exist then.
    pub config: Option<PathBuf>,
    /// `--listen`, as typed.
    pub listen: Option<String>,
    /// `--data-dir`, as typed.
    pub data_dir: Option<String>,
}

/// One key as `check-config` and the Settings page show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// The key with its section, such as `sender.timeout_ms`.
    pub key: &'static str,
    /// The value in the notation of the file; secrets masked.
    pub value: String,
    /// The environment variable that can set it.
    pub variable: String,
    /// Where it came from.
    pub source: Source,
}

impl Config {
    /// Reads the configuration. `environment` is `std::env::vars_os()`, `working_dir` an absolute path.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it, at once.
    pub fn load(
        flags: &Flags,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
        working_dir: &Path,
    ) -> Result<Config, ConfigProblems> {
        let mut loader =
            Loader { config: Config::defaults(), problems: ConfigProblems::default(), working_dir, folder: None };
        loader.config.data_dir = from_folder(working_dir, &loader.config.data_dir);
        loader.read_file(flags.config.as_deref());
        loader.read_environment(environment);
        loader.read_flags(flags);
        loader.place_key_file();
        consistency::check(&loader.config, &mut loader.problems);
        declared::check(&loader.config, &mut loader.problems);
        tls::check(&mut loader.config, &mut loader.problems);
        if loader.problems.is_empty() { Ok(loader.config) } else { Err(loader.problems) }
    }

    /// The file of the keys that seal secrets.
    pub fn key_file(&self) -> PathBuf {
        self.secret_key_file.clone().unwrap_or_else(|| self.data_dir.with_file_name(KEY_FILE))
    }

    /// Every key with its value and where that came from, in the order of `config.example.toml`.
    pub fn describe(&self) -> Vec<Described> {
        let rows = KEYS.iter().zip(&self.sources);
        let described = |(key, source): (&table::Key, &Source)| Described {
            key: key.name,
            value: (key.show)(self),
            variable: key.variable(),
            source: source.clone(),
        };
        rows.map(described).collect()
    }

    /// Where the value of `key` came from, such as `sender.timeout_ms`; the default for a key that is none.
    pub fn source(&self, key: &str) -> &Source {
        let position = KEYS.iter().position(|known| known.name == key);
        position.map_or(&Source::Default, |position| &self.sources[position])
    }

    /// Whether somebody set `key`, so that it is fixed for whoever uses the pages.
    pub fn is_set(&self, key: &str) -> bool {
        *self.source(key) != Source::Default
    }

    /// What is allowed and yet worth a second look, one line each. Show them at every start.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

/// A configuration on its way, with what was found wrong so far. What is read later goes before what is there.
struct Loader<'a> {
    config: Config,
    problems: ConfigProblems,
    working_dir: &'a Path,
    /// The folder of the configuration file, if there is one.
    folder: Option<PathBuf>,
}

impl Loader<'_> {
    fn read_file(&mut self, named: Option<&Path>) {
        let path = from_folder(self.working_dir, named.unwrap_or(Path::new(DEFAULT_FILE)));
        // A link that leads nowhere is there, so that it is reported and not passed over.
        if named.is_none() && path.symlink_metadata().is_err() {
            return;
        }
        let name = named.map_or(DEFAULT_FILE.to_owned(), |path| path.display().to_string());
        let contents = match file::read(&path, LARGEST_FILE) {
            Ok(contents) => contents,
            Err(message) => return self.problems.push(name, message),
        };
        let folder = path.parent().unwrap_or(self.working_dir);
        self.folder = Some(folder.to_owned());
        let mut items = Vec::new();
        for entry in document::read(&contents.bytes) {
            let source = Source::File { name: name.clone(), line: entry.line };
            match entry.content {
                Ok(Content::Setting(setting)) => self.set(setting.key, &setting.value, folder, source),
                Ok(Content::Item(item)) => items.push(item),
                Err(message) => self.problems.push(source, message),
            }
        }
        self.config.declared = declared::read(&items, &name, folder, &mut self.problems);
        let secrets = [
            ("admin.password", self.config.admin.password.is_some(), "HOOKSTEAD_ADMIN_PASSWORD_FILE"),
            ("alarm.secret", self.config.alarm.secret.is_some(), "HOOKSTEAD_ALARM_SECRET_FILE"),
        ];
        for (key, _, variable) in secrets.iter().filter(|(_, is_set, _)| *is_set && contents.readable_by_all) {
            self.config.warnings.push(format!(
                "{name}: every user of this machine can read {key} in it; run chmod 600 {name}, or use {variable}"
            ));
        }
    }

    fn read_environment(&mut self, variables: impl IntoIterator<Item = (OsString, OsString)>) {
        let environment = environment::read(variables, self.working_dir);
        self.problems.append(environment.problems);
        for setting in environment.settings {
            self.set(setting.key, &setting.value, self.working_dir, Source::Environment(setting.variable));
        }
    }

    fn read_flags(&mut self, flags: &Flags) {
        let given = [("listen", "--listen", &flags.listen), ("data_dir", "--data-dir", &flags.data_dir)];
        for (name, flag, text) in given {
            let Some(text) = text else { continue };
            let key = KEYS.iter().position(|key| key.name == name).expect("these keys are in the list");
            self.set(key, &Value::Plain(text.clone()), self.working_dir, Source::Flag(flag));
        }
    }

    /// Says where the key file is if nobody did.
    fn place_key_file(&mut self) {
        let beside_file = self.folder.as_ref().map(|folder| folder.join(KEY_FILE));
        let config = &mut self.config;
        let path = config.secret_key_file.take().or(beside_file).unwrap_or_else(|| config.key_file());
        if path.starts_with(&config.data_dir) {
            let shown = path.display();
            config.warnings.push(format!(
                "secret_key_file {shown} is inside data_dir: whoever gets a copy of that folder gets every secret in it"
            ));
        }
        config.secret_key_file = Some(path);
    }

    fn set(&mut self, key: usize, value: &Value, folder: &Path, source: Source) {
        let name = KEYS[key].name;
        match (KEYS[key].read)(&mut self.config, &Given { value, folder }) {
            Ok(()) => self.config.sources[key] = source,
            Err(refusal) => {
                let why = if refusal.why.is_empty() { String::new() } else { format!(": {}", refusal.why) };
                let message = format!("{name} is {}{why}; allowed: {}", refusal.told, (KEYS[key].allowed)());
                self.problems.push_about(name, source, message);
            }
        }
    }
}
