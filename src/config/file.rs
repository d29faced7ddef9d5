//! Reads a file that a person named, in bounded time and memory.

use std::{
    fs::{File, Metadata},
    io::{self, Read},
    path::Path,
};

/// A file that was read.
#[derive(Debug)]
pub(super) struct Contents {
    pub(super) bytes: Vec<u8>,
    /// Whether every user of the machine may read it.
    pub(super) readable_by_all: bool,
}

/// The bytes of the regular file at `path`, if it has at most `limit`. Otherwise what is wrong, to be read after its name.
pub(super) fn read(path: &Path, limit: u64) -> Result<Contents, String> {
    let refused = |what: String| format!("{what}; allowed: a regular file of at most {} KiB", limit >> 10);
    let not_read = |error: io::Error| refused(format!("cannot be read: {error}"));

    // Looked at before it is opened, because opening a pipe waits for somebody who writes.
    check_is_file(&path.metadata().map_err(not_read)?).map_err(refused)?;
    let file = File::open(path).map_err(not_read)?;
    let metadata = file.metadata().map_err(not_read)?;
    check_is_file(&metadata).map_err(refused)?;

    // The stated size is not relied on: the file may grow, and those of /proc state 0.
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes).map_err(not_read)?;
    if bytes.len() as u64 > limit {
        return Err(refused("is too large".to_owned()));
    }
    Ok(Contents { bytes, readable_by_all: readable_by_all(&metadata) })
}

fn check_is_file(metadata: &Metadata) -> Result<(), String> {
    if metadata.is_file() {
        return Ok(());
    }
    Err(if metadata.is_dir() { "is a folder" } else { "is a device, pipe or socket" }.to_owned())
}

#[cfg(unix)]
fn readable_by_all(metadata: &Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o004 != 0
}

#[cfg(not(unix))]
fn readable_by_all(_: &Metadata) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALLOWED: &str = "; allowed: a regular file of at most 1 KiB";

    #[test]
    fn the_limit_is_the_last_size_that_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, vec![b' '; 1024]).unwrap();
        assert_eq!(read(&path, 1024).unwrap().bytes.len(), 1024);
        std::fs::write(&path, vec![b' '; 1025]).unwrap();
        assert_eq!(read(&path, 1024).unwrap_err(), format!("is too large{ALLOWED}"));
    }

    #[test]
    fn a_huge_file_is_not_read_to_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        File::create(&path).unwrap().set_len(1 << 30).unwrap();
        assert_eq!(read(&path, 1024).unwrap_err(), format!("is too large{ALLOWED}"));
    }

    #[test]
    fn only_files_are_opened() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read(folder.path(), 1024).unwrap_err(), format!("is a folder{ALLOWED}"));
        let missing = read(&folder.path().join("missing"), 1024).unwrap_err();
        assert_eq!(missing, format!("cannot be read: No such file or directory (os error 2){ALLOWED}"));
        assert_eq!(read(Path::new("/dev/zero"), 1024).unwrap_err(), format!("is a device, pipe or socket{ALLOWED}"));

        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        assert_eq!(read(&pipe, 1024).unwrap_err(), format!("is a device, pipe or socket{ALLOWED}"));
    }
}
