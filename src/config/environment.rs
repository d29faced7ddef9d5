//! The variables of the environment that are ours.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    path::Path,
};

use super::{
    file, keys::KEYS, problem::ConfigProblems, rules::from_folder, suggest, table::VARIABLE_PREFIX, value::Value,
};

/// What is set in the environment.
#[derive(Default)]
pub(super) struct Environment {
    /// The keys that are set.
    pub(super) settings: Vec<Setting>,
    /// What is wrong with our variables.
    pub(super) problems: ConfigProblems,
}

/// One key that a variable sets.
pub(super) struct Setting {
    /// Its position in the list of keys.
    pub(super) key: usize,
    pub(super) value: Value,
    /// The variable, which may be the one that names a file.
    pub(super) variable: String,
}

/// Longest value in a file that a variable names, in bytes.
const LONGEST_VALUE: u64 = 64 << 10;

/// Reads our variables. Relative names of files are counted from `working_dir`.
pub(super) fn read(variables: impl IntoIterator<Item = (OsString, OsString)>, working_dir: &Path) -> Environment {
    let mut ours: BTreeMap<String, OsString> = variables
        .into_iter()
        .map(|(name, value)| (name.to_string_lossy().into_owned(), value))
        .filter(|(name, value)| name.starts_with(VARIABLE_PREFIX) && !is_service_link(name, value))
        .collect();

    let mut environment = Environment::default();
    for (key, variable) in KEYS.iter().map(|key| key.variable()).enumerate() {
        let file_variable = format!("{variable}_FILE");
        match (ours.remove(&variable), ours.remove(&file_variable)) {
            (None, None) => {}
            (Some(value), None) => environment.add(key, variable, plain(&value)),
            (None, Some(path)) => environment.add(key, file_variable, value_in_file(&path, working_dir)),
            (Some(_), Some(_)) => {
                let message = format!("{file_variable} is set as well; allowed: one of the two");
                environment.problems.push_about(KEYS[key].name, variable, message);
            }
        }
    }
    for variable in ours.into_keys() {
        environment.problems.push(suggest::plain(&variable), suggest::unknown_variable(&variable));
    }
    environment
}

impl Environment {
    fn add(&mut self, key: usize, variable: String, value: Result<String, String>) {
        match value {
            Ok(text) => self.settings.push(Setting { key, value: Value::Plain(text), variable }),
            Err(message) => self.problems.push_about(KEYS[key].name, variable, message),
        }
    }
}

fn plain(value: &OsStr) -> Result<String, String> {
    value.to_str().map(str::to_owned).ok_or_else(|| "is not text; allowed: UTF-8".to_owned())
}

/// The text of the file, less one line end, because editors and `echo` put one there.
fn value_in_file(path: &OsStr, working_dir: &Path) -> Result<String, String> {
    let path = from_folder(working_dir, Path::new(path));
    let told = |what: String| format!("{:?} {what}", path.display().to_string());
    let bytes = file::read(&path, LONGEST_VALUE).map_err(told)?.bytes;
    let text = String::from_utf8(bytes).map_err(|_| told("is not text; allowed: UTF-8".to_owned()))?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
}

/// Whether Kubernetes or Docker made this variable to announce a service whose name begins with
/// `hookstead`; they do so in every container beside it, so such names are no slips of anybody's.
fn is_service_link(name: &str, value: &OsStr) -> bool {
    let announces_port = || {
        let (_, rest) = name.split_once("_PORT_")?;
        let (port, rest) = rest.split_once('_')?;
        let protocol = rest.split('_').next()?;
        Some(port.parse::<u16>().is_ok() && ["TCP", "UDP", "SCTP"].contains(&protocol))
    };
    name.ends_with("_SERVICE_HOST")
        || name.ends_with("_SERVICE_PORT")
        || name.contains("_SERVICE_PORT_")
        || (name.ends_with("_PORT") && value.to_string_lossy().contains("://"))
        || announces_port().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn service_links_are_passed_over() {
        let cases = [
            ("HOOKSTEAD_SERVICE_HOST", "10.96.0.7", true),
            ("HOOKSTEAD_SERVICE_PORT", "8080", true),
            ("HOOKSTEAD_SERVICE_PORT_HTTP", "8080", true),
            ("HOOKSTEAD_PORT", "tcp://10.96.0.7:8080", true),
            ("HOOKSTEAD_PORT_8080_TCP", "tcp://10.96.0.7:8080", true),
            ("HOOKSTEAD_PORT_8080_TCP_ADDR", "10.96.0.7", true),
            ("HOOKSTEAD_WEB_PORT_8080_TCP_PROTO", "tcp", true),
            ("HOOKSTEAD_PORT", "8080", false),
            ("HOOKSTEAD_LISTEN", "127.0.0.1:8080", false),
        ];
        for (name, value, passed_over) in cases {
            assert_eq!(is_service_link(name, OsStr::new(value)), passed_over, "{name}");
        }
    }

    #[test]
    fn every_variable_means_one_key() {
        let mut variables: Vec<_> = KEYS.iter().map(|key| key.variable()).collect();
        variables.extend(KEYS.iter().map(|key| format!("{}_FILE", key.variable())));
        let all = variables.len();
        variables.sort();
        variables.dedup();
        assert_eq!(variables.len(), all);
    }
}
