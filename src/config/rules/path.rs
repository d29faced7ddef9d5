//! Rules for paths. A relative one is counted from where it was written: in the file, from the
//! file's folder; in the environment or a flag, from the working directory.

use std::path::{Path, PathBuf};

use super::{Given, Refusal, Rule};

/// A folder, which need not exist yet.
pub(in crate::config) struct Folder;

impl Rule<PathBuf> for Folder {
    fn allowed(&self) -> String {
        "the path of a folder".to_owned()
    }

    fn read(&self, given: &Given<'_>) -> Result<PathBuf, Refusal> {
        let path = resolved(given)?;
        // Whether the folder can be made and written is found out when that is done.
        let other = path.metadata().is_ok_and(|metadata| !metadata.is_dir());
        if other { Err(given.refused("that is not a folder")) } else { Ok(path) }
    }
}

/// A file, which must exist.
pub(in crate::config) struct ExistingFile;

impl Rule<PathBuf> for ExistingFile {
    fn allowed(&self) -> String {
        "the path of a file".to_owned()
    }

    fn read(&self, given: &Given<'_>) -> Result<PathBuf, Refusal> {
        let path = resolved(given)?;
        match path.metadata() {
            Ok(metadata) if metadata.is_file() => Ok(path),
            Ok(_) => Err(given.refused("that is not a file")),
            Err(error) => Err(given.refused(error.to_string())),
        }
    }
}

/// A file, which need not exist yet.
pub(in crate::config) struct AnyFile;

impl Rule<PathBuf> for AnyFile {
    fn allowed(&self) -> String {
        "the path of a file, which may be made later".to_owned()
    }

    fn read(&self, given: &Given<'_>) -> Result<PathBuf, Refusal> {
        let path = resolved(given)?;
        let other = path.metadata().is_ok_and(|metadata| !metadata.is_file());
        if other { Err(given.refused("that is not a file")) } else { Ok(path) }
    }
}

/// `path` as seen from `folder`, without steps that lead nowhere.
pub(in crate::config) fn from_folder(folder: &Path, path: &Path) -> PathBuf {
    folder.join(path).components().collect()
}

fn resolved(given: &Given<'_>) -> Result<PathBuf, Refusal> {
    match given.value.text() {
        Some(text) if !text.is_empty() && !text.contains('\0') => Ok(from_folder(given.folder, Path::new(text))),
        _ => Err(given.refused("")),
    }
}
