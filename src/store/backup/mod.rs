//! Backups: everything that is stored, as of one commit, in one file that is read and written from
//! its front to its end.
//!
//! The file is a stream of rows and not a data file of the storage engine. So it needs no more
//! memory than its largest row, no writes back and forth, half of the room, and every single byte of
//! it is under a checksum; a data file has free pages that are under none. It can be sent on while it
//! is read, and it does not depend on how some version of the storage engine arranges its pages.
//! The price is that restoring builds the data file anew, which takes longer than a copy.
//!
//! Sealed records stay sealed: the rows are copied as they are, and their key is not among them.
//!
//! Sign-ins are left out: whoever restores a backup of last week does not want to bring back the
//! sessions that were ended since.

mod folder;
pub(super) mod format;
mod restore;
mod write;

use serde::{Deserialize, Serialize};

pub use folder::{BackupFile, BackupFolder, write_whole};
pub use restore::{RestoreOptions, Restored, restore};
pub use write::LastBackup;

use crate::domain::Timestamp;

/// Tables that are not in a backup.
const LEFT_OUT: [&str; 1] = ["sessions"];

/// How far a long piece of work is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Done so far, in whatever the work is counted in.
    pub done: u64,
    /// All there is to do.
    pub total: u64,
}

/// Hears now and then how far a long piece of work is, and says whether to go on.
pub type Watch<'a> = &'a mut dyn FnMut(Progress) -> bool;

/// A backup that was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackupMade {
    /// Size of its file.
    pub bytes: u64,
    /// Rows in it.
    pub rows: u64,
    /// Events in it.
    pub events: u64,
}

/// What stands at the front of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Head {
    /// Schema of the tables.
    schema: u64,
    /// The data file that it was made of.
    instance: String,
    /// When it was made.
    made_at: Timestamp,
    /// The version of the program that made it.
    version: String,
    /// Each table with its number of rows.
    tables: Vec<(String, u64)>,
    /// The key that its secrets are sealed with, if they are. The key itself is in no backup.
    #[serde(default)]
    sealed_with: Option<String>,
}

impl Head {
    fn rows(&self) -> u64 {
        self.tables.iter().map(|(_, rows)| rows).sum()
    }

    fn rows_of(&self, table: &str) -> u64 {
        self.tables.iter().find(|(name, _)| name == table).map_or(0, |(_, rows)| *rows)
    }
}
