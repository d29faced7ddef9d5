//! The folder of backups that the server makes by itself or on request: how they are named, which
//! are kept, and that one is there whole or not at all.

use std::{
    fs::{self, DirBuilder, File},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use super::{BackupMade, Watch};
use crate::{
    domain::Timestamp,
    store::{Store, switch},
};

const BEGINNING: &str = "hookstead-";
const ENDING: &str = ".backup";
/// Behind the name of a backup that is not finished.
const UNFINISHED: &str = ".unfinished";

/// A folder of backups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupFolder(pub PathBuf);

/// A backup in the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupFile {
    /// The name of its file.
    pub name: String,
    /// When it was made, by its name.
    pub at: Timestamp,
    /// Size of its file.
    pub bytes: u64,
}

impl BackupFolder {
    /// Every whole backup, the newest first.
    ///
    /// # Errors
    /// If the folder is there and cannot be read.
    pub fn list(&self) -> io::Result<Vec<BackupFile>> {
        let entries = match fs::read_dir(&self.0) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut found = Vec::new();
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if let Some(at) = made_at(&name) {
                found.push(BackupFile { name, at, bytes: entry.metadata()?.len() });
            }
        }
        found.sort_by_key(|file| std::cmp::Reverse(file.at));
        Ok(found)
    }

    /// Opens a backup. A name that is none of a backup's is not there.
    ///
    /// # Errors
    /// If it is not there, or cannot be read.
    pub fn open(&self, name: &str) -> io::Result<File> {
        match made_at(name) {
            Some(_) => File::open(self.0.join(name)),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    /// Makes a backup, and deletes the oldest ones so that `keep` are there.
    ///
    /// # Errors
    /// What is wrong, for a person. Nothing of it is left behind then.
    pub fn make(&self, store: &Store, now: Timestamp, keep: usize, watch: Watch) -> Result<BackupMade, String> {
        let words = |error: io::Error| format!("{}: {error}", self.0.display());
        DirBuilder::new().recursive(true).mode(0o700).create(&self.0).map_err(words)?;
        self.tidy().map_err(words)?;
        let path = self.0.join(format!("{BEGINNING}{}{ENDING}", switch::file_time(now)));
        let made = write_whole(&path, |file| store.back_up(file, now, watch))?;
        for old in self.list().map_err(words)?.into_iter().skip(keep.max(1)) {
            fs::remove_file(self.0.join(old.name)).map_err(words)?;
        }
        Ok(made)
    }

    /// Deletes what was left unfinished by a server that was killed.
    fn tidy(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.0)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.strip_suffix(UNFINISHED).is_some_and(|name| made_at(name).is_some()) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }
}

/// Writes a file that only its owner can read, under another name until it is whole and on the disk.
///
/// # Errors
/// What is wrong, for a person. Nothing of it is left behind then.
pub fn write_whole<T>(path: &Path, write: impl FnOnce(&File) -> Result<T, String>) -> Result<T, String> {
    let words = |error: io::Error| format!("{}: {error}", path.display());
    if path.exists() {
        return Err(format!("{} is there already; choose another name", path.display()));
    }
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(UNFINISHED);
    let unfinished = PathBuf::from(unfinished);
    let file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&unfinished).map_err(words)?;
    let written = write(&file).and_then(|made| {
        file.sync_all().map_err(words)?;
        fs::rename(&unfinished, path).map_err(words)?;
        switch::sync_folder_of(path).map_err(words)?;
        Ok(made)
    });
    if written.is_err() {
        let _ = fs::remove_file(&unfinished);
    }
    written
}

/// When a backup was made, by its name; `None` if that is no name of ours.
fn made_at(name: &str) -> Option<Timestamp> {
    let time = name.strip_prefix(BEGINNING)?.strip_suffix(ENDING)?;
    let digits =
        |range: std::ops::Range<usize>| time.get(range).filter(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
    if time.len() != 16 || time.get(8..9) != Some("T") || time.get(15..) != Some("Z") {
        return None;
    }
    let (day, clock) = (digits(0..8)?, digits(9..15)?);
    let part = |text: &str, at: usize| text[at..at + 2].to_owned();
    let text = format!(
        "{}-{}-{}T{}:{}:{}Z",
        &day[..4],
        part(day, 4),
        part(day, 6),
        part(clock, 0),
        part(clock, 2),
        part(clock, 4)
    );
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_when_a_backup_was_made_and_others_are_none_of_ours() {
        let at = Timestamp::from_millis(1_767_605_400_000);
        let name = format!("{BEGINNING}{}{ENDING}", switch::file_time(at));
        assert_eq!((name.as_str(), made_at(&name)), ("hookstead-20260105T093000Z.backup", Some(at)));
        for other in [
            "hookstead-20260105T093000Z.backup.unfinished",
            "hookstead-20261305T093000Z.backup",
            "hookstead-20260105T093000Z",
            "hookstead-2026010XT093000Z.backup",
            "hookstead-20260105T09300éZ.backup",
            "../hookstead-20260105T093000Z.backup",
            "hookstead-/../../etc/passwd.backup",
            "",
        ] {
            assert_eq!(made_at(other), None, "{other}");
        }
    }

    #[test]
    fn a_file_is_there_whole_or_not_at_all() {
        use std::{io::Write, os::unix::fs::PermissionsExt};
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.backup");
        let names = || fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(write_whole::<()>(&path, |_| Err("no room".to_owned())), Err("no room".to_owned()));
        assert_eq!(names(), 0);
        write_whole(&path, |mut file| file.write_all(b"x").map_err(|error| error.to_string())).unwrap();
        assert_eq!((names(), fs::metadata(&path).unwrap().permissions().mode() & 0o777), (1, 0o600));
        let again = write_whole(&path, |_| Ok(())).unwrap_err();
        assert!(again.contains("there already"), "{again}");
        assert_eq!(fs::read(&path).unwrap(), b"x");
    }
}
