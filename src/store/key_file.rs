//! The file of the keys that seal secrets in the data file. It lies outside the data directory, so
//! that a copy of that alone tells nobody a secret.
//!
//! One key a line, 32 bytes as base64, the newest first; lines that begin with `#` are for people.
//! It is made at the first start, and never written over: a new key comes by a new file in its place
//! that holds the old ones too.

use std::{
    fmt, fs,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use base64::{Engine, engine::general_purpose::STANDARD};

use super::seal::{KEY_BYTES, KeyId, Seal};

/// Largest key file, in bytes.
const LARGEST: u64 = 64 << 10;

const ABOUT: &str = "\
# The keys that seal the secrets in Hookstead's data file, the newest first.
# Whoever has this file and the data file can read every secret; without it, nobody can.
# Keep a copy away from the backups of the data. Keep old keys as long as backups of their time.
";

/// Fills a slice with random bytes that nobody can guess.
pub type RandomBytes = Arc<dyn Fn(&mut [u8]) + Send + Sync>;

/// Where the keys are, and what new ones are made of.
#[derive(Clone)]
pub struct KeyFile {
    /// The file.
    pub path: PathBuf,
    /// For new keys and for sealing.
    pub random: RandomBytes,
}

impl fmt::Debug for KeyFile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("KeyFile").field(&self.path).finish()
    }
}

impl KeyFile {
    /// The keys for a store, all of whose secrets are sealed with the key `sealed`. Where nothing is
    /// sealed yet and there is no file, makes it with a first key.
    ///
    /// # Errors
    /// What is wrong and what to do; then nothing was changed.
    pub(super) fn open(&self, sealed: Option<&str>) -> Result<Seal, String> {
        let shown = self.path.display();
        let elsewhere = "or say with secret_key_file (HOOKSTEAD_SECRET_KEY_FILE) where it is. Nothing was changed";
        match (self.read()?, sealed) {
            (Some(keys), Some(id)) if !keys.iter().any(|key| KeyId::of(key).to_string() == id) => {
                let ids: Vec<_> = keys.iter().map(|key| KeyId::of(key).to_string()).collect();
                Err(format!(
                    "its secrets are sealed with key {id}, and the key file {shown} holds {} and not that one. Put the \
                     key file that belongs to this data in its place, {elsewhere}",
                    ids.join(", ")
                ))
            }
            (Some(keys), _) => Ok(self.seal(&keys)),
            (None, Some(id)) => Err(format!(
                "its secrets are sealed with key {id}, and the key file {shown} is not there. Put it back from where \
                 you keep a copy, {elsewhere}"
            )),
            (None, None) => {
                let key = self.new_key();
                match self.make(&[key]) {
                    Ok(()) => tracing::info!(file = %shown, "made the key file; keep a copy of it away from the data"),
                    // Another process on another data directory was first.
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return self.open(None),
                    Err(error) => return Err(cannot_make(&self.path, &error)),
                }
                Ok(self.seal(&[key]))
            }
        }
    }

    /// Puts a new key in front of those in the file.
    ///
    /// # Errors
    /// What is wrong and what to do; then nothing was changed.
    pub(super) fn add_key(&self) -> Result<Seal, String> {
        let shown = self.path.display();
        let known = self.read()?.ok_or_else(|| format!("The key file {shown} is gone. Put it back first."))?;
        let keys: Vec<_> = std::iter::once(self.new_key()).chain(known).collect();
        self.replace(&keys).map_err(|error| {
            format!(
                "The key file {shown} cannot be written: {error}. Where it is managed elsewhere, put a new line in \
                 front of the others, made by `openssl rand -base64 32`, and start the server again."
            )
        })?;
        Ok(self.seal(&keys))
    }

    fn seal(&self, keys: &[[u8; KEY_BYTES]]) -> Seal {
        Seal::with(keys, self.random.clone())
    }

    fn new_key(&self) -> [u8; KEY_BYTES] {
        let mut key = [0; KEY_BYTES];
        (self.random)(&mut key);
        key
    }

    /// The keys in the file, the newest first; `None` if there is no file.
    fn read(&self) -> Result<Option<Vec<[u8; KEY_BYTES]>>, String> {
        use std::os::unix::fs::PermissionsExt;
        let shown = self.path.display();
        let cannot = |error: io::Error| {
            let who = rustix::process::geteuid().as_raw();
            let remedy = match error.kind() {
                io::ErrorKind::PermissionDenied => format!(". Run: chown {who} {shown}"),
                _ => String::new(),
            };
            format!("the key file {shown} cannot be read by user {who}: {error}{remedy}")
        };
        let metadata = match fs::metadata(&self.path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound && !self.path.is_symlink() => return Ok(None),
            Err(error) => return Err(cannot(error)),
        };
        if !metadata.is_file() || metadata.len() > LARGEST {
            return Err(format!("{shown} is no key file: it should be a file of a few lines"));
        }
        if metadata.permissions().mode() & 0o007 != 0 {
            tracing::warn!("every user of this machine can open the key file {shown}; run chmod 600 {shown}");
        }
        parse(&fs::read_to_string(&self.path).map_err(cannot)?)
            .map(Some)
            .map_err(|line| format!("line {line} of the key file {shown} is no key: 32 bytes in base64, or a comment"))?
            .filter(|keys| !keys.is_empty())
            .map(Some)
            .ok_or_else(|| format!("the key file {shown} holds no key. Put it back from where you keep a copy"))
    }

    /// Makes the file, unless there is one; it is never there in part.
    fn make(&self, keys: &[[u8; KEY_BYTES]]) -> io::Result<()> {
        let unfinished = self.write_beside(&self.path, keys)?;
        let made = fs::hard_link(&unfinished, &self.path);
        let _ = fs::remove_file(&unfinished);
        made?;
        sync_folder(&self.path)
    }

    fn replace(&self, keys: &[[u8; KEY_BYTES]]) -> io::Result<()> {
        // Where a link stands, what it leads to is replaced.
        let path = fs::canonicalize(&self.path)?;
        let unfinished = self.write_beside(&path, keys)?;
        fs::rename(&unfinished, &path).inspect_err(|_| drop(fs::remove_file(&unfinished)))?;
        sync_folder(&path)
    }

    fn write_beside(&self, path: &Path, keys: &[[u8; KEY_BYTES]]) -> io::Result<PathBuf> {
        use std::os::unix::fs::OpenOptionsExt;
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".new-{}", std::process::id()));
        let unfinished = path.with_file_name(name);
        let _ = fs::remove_file(&unfinished);
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
        let lines: String = keys.iter().map(|key| STANDARD.encode(key) + "\n").collect();
        let written = file.write_all(format!("{ABOUT}{lines}").as_bytes()).and_then(|()| file.sync_all());
        written.inspect_err(|_| drop(fs::remove_file(&unfinished)))?;
        Ok(unfinished)
    }
}

/// The keys of a file's text, or the number of the line that is none.
fn parse(text: &str) -> Result<Vec<[u8; KEY_BYTES]>, usize> {
    let lines = text.lines().enumerate().map(|(position, line)| (position + 1, line.trim()));
    let keys = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')).map(|(number, line)| {
        let bytes = STANDARD.decode(line).map_err(|_| number)?;
        bytes.try_into().map_err(|_| number)
    });
    keys.collect()
}

fn cannot_make(path: &Path, error: &io::Error) -> String {
    let (shown, me) = (path.display(), rustix::process::geteuid().as_raw());
    format!(
        "cannot make the key file {shown}: {error} (running as {me}). It holds the key of the secrets in the data file \
         and belongs outside the data directory. Make its folder writable, or name another place with secret_key_file \
         (HOOKSTEAD_SECRET_KEY_FILE)"
    )
}

fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::File::open(folder)?.sync_all()
}
