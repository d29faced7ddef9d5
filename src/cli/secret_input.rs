//! What several commands read: a Secret, and the bytes of a file or of standard input.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use clap::Args;

use crate::domain::Secret;

/// Largest body that is read, in bytes; the largest event that any server takes.
pub(super) const LARGEST_BODY: u64 = 64 << 20;
/// Largest file with a Secret, a key or headers, in bytes.
pub(super) const LARGEST_TEXT: u64 = 64 << 10;

/// Where the Secret comes from.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[group(id = "secret_input", required = true, multiple = false)]
pub struct SecretInput {
    /// The Secret itself; others on this machine can see it while the command runs
    #[arg(long, value_name = "SECRET")]
    secret: Option<String>,
    /// A file that holds the Secret, on its first line
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
}

impl SecretInput {
    /// The Secret.
    pub(super) fn read(&self) -> Result<Secret, String> {
        let text = match (&self.secret, &self.secret_file) {
            (Some(secret), _) => secret.clone(),
            (None, Some(file)) => first_line(file)?,
            (None, None) => return Err("give --secret or --secret-file".to_owned()),
        };
        Secret::parse(&text).map_err(|fault| fault.message)
    }
}

/// The first line of a file, without its end.
pub(super) fn first_line(file: &Path) -> Result<String, String> {
    let bytes = bytes(Some(file), LARGEST_TEXT)?;
    let text = String::from_utf8(bytes).map_err(|_| format!("{}: this is not text", file.display()))?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

/// The bytes of a file; of standard input if none is named, or `-`.
pub(super) fn bytes(file: Option<&Path>, limit: u64) -> Result<Vec<u8>, String> {
    let file = file.filter(|file| *file != Path::new("-"));
    let name = file.map_or_else(|| "standard input".to_owned(), |file| file.display().to_string());
    let told = |error: io::Error| format!("{name}: {error}");
    let input: Box<dyn Read> = match file {
        Some(file) => Box::new(File::open(file).map_err(told)?),
        None => Box::new(io::stdin().lock()),
    };
    let mut bytes = Vec::new();
    input.take(limit + 1).read_to_end(&mut bytes).map_err(told)?;
    match bytes.len() as u64 > limit {
        true => Err(format!("{name}: there are more than {limit} bytes")),
        false => Ok(bytes),
    }
}
