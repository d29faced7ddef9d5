//! How the data file is divided: a block that says what it is, the [journal](super::journal), and
//! the storage engine's database.

use std::{
    fmt, io,
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use redb::{BackendError, StorageBackend};
use xxhash_rust::xxh3::xxh3_64;

use super::journal::BLOCK;

/// First bytes of a data file.
const MAGIC: [u8; 16] = *b"hookstead data\r\n";
/// First bytes of a data file of schema 3, which had neither this block nor a journal.
const BARE_DATABASE: [u8; 4] = *b"redb";
/// Magic, journal's size, checksum of both.
const HEAD: usize = 16 + 8 + 8;

/// Remembers that a sync has failed.
///
/// The system may then count as stored what never was, and show it to every reader all the same:
/// whoever opens the file anew finds the commit that failed, builds on it, and loses both with the
/// next power cut.
#[derive(Debug, Clone, Default)]
pub struct Syncs {
    failed: Arc<AtomicBool>,
}

impl Syncs {
    /// Whether a sync has failed since the last [`Syncs::forget`].
    pub fn have_failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }

    /// Everything was written again and stored.
    pub fn forget(&self) {
        self.failed.store(false, Ordering::Release);
    }
}

/// How one data file is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    journal_bytes: u64,
}

impl Layout {
    /// With a journal of so many bytes, rounded up to whole blocks.
    pub fn new(journal_bytes: u64) -> Self {
        Layout { journal_bytes: journal_bytes.next_multiple_of(BLOCK) }
    }

    /// Where the journal is.
    pub fn journal(self) -> Range<u64> {
        BLOCK..BLOCK + self.journal_bytes
    }

    /// Where the database begins.
    pub fn database(self) -> u64 {
        BLOCK + self.journal_bytes
    }

    /// Divides an empty file.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn write(self, disk: &dyn StorageBackend) -> io::Result<()> {
        let mut block = vec![0; BLOCK as usize];
        block[..16].copy_from_slice(&MAGIC);
        block[16..24].copy_from_slice(&self.journal_bytes.to_le_bytes());
        let checksum = xxh3_64(&block[..24]);
        block[24..HEAD].copy_from_slice(&checksum.to_le_bytes());
        disk.set_len(self.database())?;
        disk.write(0, &block)?;
        disk.sync_data()
    }

    /// How a file is divided.
    ///
    /// # Errors
    /// What is wrong with it, without the path.
    pub fn read(disk: &dyn StorageBackend) -> Result<Layout, String> {
        let read = || -> io::Result<(u64, [u8; HEAD])> {
            let (length, mut head) = (disk.len()?, [0; HEAD]);
            let there = (length as usize).min(HEAD);
            disk.read(0, &mut head[..there])?;
            Ok((length, head))
        };
        let (length, head) = read().map_err(|error| error.to_string())?;
        if head[..4] == BARE_DATABASE {
            return Err("the data file is of schema 3, which was never released. \
                        Start with another data directory"
                .into());
        }
        let number = |at: usize| u64::from_le_bytes(head[at..at + 8].try_into().expect("eight bytes"));
        let layout = Layout { journal_bytes: number(16) };
        match head[..16] == MAGIC && number(24) == xxh3_64(&head[..24]) {
            false => Err("it is not a data file of hookstead".into()),
            true if length <= layout.database() => Err("it was cut short".into()),
            true => Ok(layout),
        }
    }
}

/// The data file, from some place on.
///
/// Once a sync has failed nothing goes through it any more: what was written before may be lost, be
/// it that reading shows it or not, and the storage engine, which makes a last commit when it is
/// closed, would build on that.
#[derive(Clone)]
pub struct Part {
    disk: Arc<dyn StorageBackend>,
    syncs: Syncs,
    start: u64,
}

impl Part {
    /// All of it.
    pub fn whole(disk: Box<dyn StorageBackend>, syncs: &Syncs) -> Self {
        Part { disk: Arc::from(disk), syncs: syncs.clone(), start: 0 }
    }

    /// The same file from `start` on.
    pub fn from(&self, start: u64) -> Self {
        Part { start, ..self.clone() }
    }

    fn refuse_after_a_failed_sync(&self) -> io::Result<()> {
        match self.syncs.have_failed() {
            true => Err(io::Error::other("a sync of the data file has failed")),
            false => Ok(()),
        }
    }
}

impl fmt::Debug for Part {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.disk.fmt(formatter)
    }
}

type Edge = std::ops::Bound<u64>;

// The places that the storage engine locks are names, not bytes that it reads, so they do not move.
impl StorageBackend for Part {
    fn len(&self) -> io::Result<u64> {
        self.refuse_after_a_failed_sync()?;
        Ok(self.disk.len()?.saturating_sub(self.start))
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.refuse_after_a_failed_sync()?;
        self.disk.read(self.start + offset, out)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.refuse_after_a_failed_sync()?;
        self.disk.set_len(self.start + length)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.refuse_after_a_failed_sync()?;
        self.disk.sync_data().inspect_err(|_| self.syncs.failed.store(true, Ordering::Release))
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.refuse_after_a_failed_sync()?;
        self.disk.write(self.start + offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.disk.close()
    }

    fn try_lock_range(&self, start: Edge, end: Edge) -> Result<bool, BackendError> {
        self.disk.try_lock_range(start, end)
    }

    fn try_lock_shared_range(&self, start: Edge, end: Edge) -> Result<bool, BackendError> {
        self.disk.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Edge, end: Edge) -> Result<(), BackendError> {
        self.disk.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Edge, end: Edge) -> Result<(), BackendError> {
        self.disk.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Edge, end: Edge) -> Result<(), BackendError> {
        self.disk.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Edge, end: Edge) -> Result<bool, BackendError> {
        self.disk.query_lock_range(start, end)
    }
}
