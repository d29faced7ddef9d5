//! Putting another data file in the place of the one that is there, with everything that belongs to
//! it, so that after a kill at any moment it is the old one or the new one.
//!
//! One rename decides: a file by the name of [`NEXT`] is whole, and whoever finds it finishes what was
//! begun. What was there before is kept in a folder that is a data directory itself.

use std::{
    fs::{self, DirBuilder, File, TryLockError},
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use super::disk::{DATA_FILE, MARKER_FILE, OpenError};
use crate::domain::{Timestamp, with_thousands};

/// How the name of a data file begins that is to take its place; the rest of the name is the folder
/// for the old one.
const NEXT: &str = "hookstead.redb.next.";
/// Room that is left free beside what is written, in bytes.
const MARGIN: u64 = 16 << 20;

/// Puts `built` in place. What is there now goes to the folder `aside` in the same directory, which is
/// given if there was anything. The caller holds the old one, see [`hold`]; `step` is called between
/// any two changes of the disk.
///
/// # Errors
/// If the disk refuses. From the first rename on, the next start finishes it.
pub fn put_in_place(
    directory: &Path,
    built: &Path,
    aside: &str,
    step: &mut dyn FnMut(),
) -> io::Result<Option<PathBuf>> {
    File::open(built)?.sync_all()?;
    step();
    // Never into a folder that keeps another one.
    let free = |aside: &String| !directory.join(aside).exists();
    let mut names = std::iter::once(aside.to_owned()).chain((2..).map(|number| format!("{aside}-{number}")));
    let aside = names.find(free).expect("the numbers do not end");
    fs::rename(built, directory.join(format!("{NEXT}{aside}")))?;
    step();
    finish_held(directory, step)
}

/// Finishes what was begun by one that was killed.
///
/// # Errors
/// If another server holds the data, or the disk refuses.
pub fn finish(directory: &Path) -> Result<(), OpenError> {
    let error = |error: io::Error| OpenError::new(directory, format!("cannot put the new data file in place: {error}"));
    if next(directory).map_err(error)?.is_none() {
        return Ok(());
    }
    let _held = hold(directory).map_err(|what| OpenError::new(directory, what))?;
    finish_held(directory, &mut || ()).map(drop).map_err(error)
}

/// Keeps every server off the data of a directory until what this gives is dropped.
///
/// # Errors
/// If a server has it.
pub fn hold(directory: &Path) -> Result<Option<File>, String> {
    let path = directory.join(DATA_FILE);
    // Looked at first: opening a pipe would wait for its other end.
    if !path.is_file() {
        return Ok(None);
    }
    let file = File::options().read(true).write(true).open(&path);
    let file = file.map_err(|error| format!("{}: {error}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => {
            Err("another hookstead is running on this data directory; stop that one first".to_owned())
        }
        // A file system without locks has none of a server either.
        Err(TryLockError::Error(_)) => Ok(Some(file)),
    }
}

/// Whether a directory has anything that would be replaced.
pub fn has_data(directory: &Path) -> bool {
    directory.join(DATA_FILE).symlink_metadata().is_ok()
}

fn next(directory: &Path) -> io::Result<Option<(PathBuf, String)>> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if let Some(aside) = entry.file_name().to_str().and_then(|name| name.strip_prefix(NEXT)) {
            return Ok(Some((entry.path(), aside.to_owned())));
        }
    }
    Ok(None)
}

/// Each step may have been done already by one that was killed behind it.
fn finish_held(directory: &Path, step: &mut dyn FnMut()) -> io::Result<Option<PathBuf>> {
    let Some((new, aside)) = next(directory)? else { return Ok(None) };
    // What decides is on the disk before anything that follows from it.
    File::open(directory)?.sync_all()?;
    let aside = directory.join(aside);
    if has_data(directory) {
        match DirBuilder::new().mode(0o700).create(&aside) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => step(),
        }
    }
    let (data, marker) = (directory.join(DATA_FILE), directory.join(MARKER_FILE));
    if aside.is_dir() {
        keep(&data, &aside.join(DATA_FILE))?;
        step();
        keep(&marker, &aside.join(MARKER_FILE))?;
        step();
        File::open(&aside)?.sync_all()?;
    }
    // It names the old one. Without it the old one can still be opened, and the new one gets its own.
    match fs::remove_file(&marker) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => step(),
    }
    fs::rename(new, data)?;
    step();
    File::open(directory)?.sync_all()?;
    Ok(aside.is_dir().then_some(aside))
}

fn move_if_there(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Gives a file a second name, so that it is never without one; a file system that has no second
/// names gets it moved.
fn keep(from: &Path, to: &Path) -> io::Result<()> {
    match fs::hard_link(from, to) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound || to.exists() => Ok(()),
        Err(_) => move_if_there(from, to),
    }
}

/// Refuses if a disk has no room for so many bytes more.
///
/// # Errors
/// How much there is and how much is needed.
pub fn require_room(directory: &Path, bytes: u64) -> Result<(), String> {
    let free = match rustix::fs::statvfs(directory) {
        Ok(disk) => disk.f_bavail * disk.f_frsize,
        // What cannot be measured is tried.
        Err(_) => return Ok(()),
    };
    if free >= bytes.saturating_add(MARGIN) {
        return Ok(());
    }
    Err(format!(
        "{} needs about {} bytes more and has {}. Make room and try again; nothing was changed",
        directory.display(),
        with_thousands(bytes.saturating_add(MARGIN)),
        with_thousands(free)
    ))
}

/// A time as part of a file's name, to the second: `20260105T093000Z`.
pub fn file_time(at: Timestamp) -> String {
    let text = at.to_string();
    let digits = |part: &str| part.chars().filter(char::is_ascii_digit).collect::<String>();
    let (day, clock) = text.split_once('T').unwrap_or((&text, ""));
    format!("{}T{}Z", digits(day), &digits(clock)[..6])
}

/// Makes the names in the folder of a file durable.
///
/// # Errors
/// If the disk refuses.
pub fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}
