//! Whether the data file is still where the next start will look for it.
//!
//! A file that was removed or replaced while it is open can be written all the same, and everything
//! that is acknowledged from then on is lost with the process.

use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

use super::{DATA_FILE, Store};

/// A file and where it was opened.
#[derive(Debug)]
pub struct Place {
    path: PathBuf,
    device: u64,
    inode: u64,
    gone: AtomicBool,
}

impl Place {
    /// The data file of a data directory.
    ///
    /// # Errors
    /// If it cannot be looked at.
    pub fn of(directory: &Path) -> io::Result<Place> {
        let path = directory.join(DATA_FILE);
        let found = fs::metadata(&path)?;
        Ok(Place { path, device: found.dev(), inode: found.ino(), gone: AtomicBool::new(false) })
    }

    fn is_there(&self) -> bool {
        fs::metadata(&self.path).is_ok_and(|found| (found.dev(), found.ino()) == (self.device, self.inode))
    }
}

impl Store {
    /// Whether the data file was in its place when [`Store::look_for_file`] was called last.
    pub fn is_in_place(&self) -> bool {
        self.inner.place.get().is_none_or(|place| !place.gone.load(Ordering::Relaxed))
    }

    /// Looks whether the data file is still in its place. While it is not, nothing is acknowledged.
    pub fn look_for_file(&self) {
        let Some(place) = self.inner.place.get() else { return };
        let gone = !place.is_there();
        if place.gone.swap(gone, Ordering::Relaxed) == gone {
            return;
        }
        let path = place.path.display();
        match gone {
            true => tracing::error!(
                "{path} was removed or replaced while in use: events are refused, and nothing that happens now will \
                 be found at the next start. Put the same file back, or stop and restore a backup"
            ),
            false => tracing::info!("{path} is in its place again"),
        }
    }
}
