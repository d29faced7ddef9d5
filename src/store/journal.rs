//! The journal: what was committed since the data file's last durable commit, in the order in which
//! it was committed, each record on disk before anybody is told.
//!
//! A durable commit of the storage engine syncs twice, rewrites every page on the way to what
//! changed, and saves the state of its allocator, which grows with the file. The journal takes one
//! write and one sync, whatever the size of the file; the engine's own commit then only has to be
//! seen, and is made durable now and then for all records together.
//!
//! It is a region of fixed size in the data file, written from its start after each durable commit.
//! A record begins at a block of its own, so that writing one never touches a block that holds
//! another. What a record holds is not the journal's business, see [`super::rows`].

use std::{fmt, io, sync::Arc, time::Instant};

use redb::StorageBackend;
use xxhash_rust::xxh3::Xxh3;

/// What a disk writes without harm to its neighbours.
pub const BLOCK: u64 = 4_096;
/// A durable commit is due when the journal has this part of the file's size...
const FILE_SHARE: u64 = 1_024;
/// ... but not below this, ...
const LEAST: u64 = 1 << 20;
/// ... and from this on in any case.
const MOST: u64 = 32 << 20;
/// First bytes of a record.
const MAGIC: [u8; 4] = *b"hkJ1";
/// Magic, length of the content, number, checksum of both and the content.
const HEAD: usize = 4 + 4 + 8 + 8;

/// The journal, open for writing.
pub struct Journal {
    disk: Arc<dyn StorageBackend>,
    /// Where the region begins and ends.
    region: std::ops::Range<u64>,
    /// Where the next record goes.
    at: u64,
    /// Number of the last commit, also if it failed or went into the data file itself.
    last: u64,
    /// Number of the last commit that succeeded.
    stored: u64,
    since: Option<Instant>,
}

/// Why the journal cannot be read.
#[derive(Debug)]
pub enum ReadError {
    /// The disk failed.
    Io(io::Error),
    /// What is there is not what was written.
    Damaged(String),
}

impl fmt::Display for ReadError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReadError::Io(error) => write!(formatter, "the journal cannot be read: {error}"),
            ReadError::Damaged(what) => write!(formatter, "the journal is damaged: {what}"),
        }
    }
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        ReadError::Io(error)
    }
}

impl Journal {
    /// The journal in a region of a disk. Nothing is read yet.
    pub fn new(disk: Arc<dyn StorageBackend>, region: std::ops::Range<u64>) -> Self {
        let at = region.start;
        Journal { disk, region, at, last: 0, stored: 0, since: None }
    }

    /// Gives the content of every record after number `applied` up to `most`, in order. What was being
    /// written when the machine stopped is left out: nobody was told.
    ///
    /// # Errors
    /// If the disk fails, or a record is missing before one that is there.
    pub fn replay<E: From<ReadError>>(
        &mut self,
        applied: u64,
        most: u64,
        mut each: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.last = self.last.max(applied);
        let (mut at, mut expected) = (self.region.start, applied + 1);
        while let Some((number, content)) = self.record_at(at)? {
            // An older record is what was written before the region began anew.
            if number != expected || number > most {
                break;
            }
            each(&content)?;
            at += room(content.len());
            expected += 1;
        }
        self.last = self.last.max(expected - 1);
        self.stored = expected - 1;
        if expected > most { Ok(()) } else { self.find_after(at, expected).map_err(E::from) }
    }

    /// A record that should not be there shows that one before it is lost.
    fn find_after(&self, from: u64, expected: u64) -> Result<(), ReadError> {
        let mut at = from;
        let mut head = [0; HEAD];
        while at + BLOCK <= self.end()? {
            self.disk.read(at, &mut head)?;
            if number_of(&head).is_some_and(|number| number >= expected)
                && let Some((number, _)) = self.record_at(at)?
            {
                return Err(ReadError::Damaged(format!("it has record {number}, and {expected} is not readable")));
            }
            at += BLOCK;
        }
        Ok(())
    }

    /// The whole record that begins at a block, if there is one.
    fn record_at(&self, at: u64) -> Result<Option<(u64, Vec<u8>)>, ReadError> {
        let end = self.end()?;
        if at + BLOCK > end {
            return Ok(None);
        }
        let mut head = [0; HEAD];
        self.disk.read(at, &mut head)?;
        let Some(number) = number_of(&head) else { return Ok(None) };
        let length = u32::from_le_bytes(head[4..8].try_into().expect("four bytes")) as usize;
        if at + room(length) > end {
            return Ok(None);
        }
        let mut content = vec![0; length];
        self.disk.read(at + HEAD as u64, &mut content)?;
        let whole = head[16..] == checksum(&head[..16], &content).to_le_bytes();
        Ok(whole.then_some((number, content)))
    }

    /// The region, as far as the file has it.
    fn end(&self) -> io::Result<u64> {
        Ok(self.region.end.min(self.disk.len()?))
    }

    /// Whether a record with so much content has room.
    pub fn has_room(&self, length: usize) -> bool {
        u32::try_from(length).is_ok() && self.at + room(length) <= self.region.end
    }

    /// Whether it is time for a durable commit of the database. The less there is to store at once,
    /// the shorter everybody waits; but each such commit costs more as the file grows.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn is_due(&self) -> io::Result<bool> {
        let enough = (self.disk.len()? / FILE_SHARE).clamp(LEAST, MOST);
        Ok(self.at - self.region.start >= enough)
    }

    /// Since when it has what the data file does not have.
    pub fn since(&self) -> Option<Instant> {
        self.since
    }

    /// Whether nothing is in it that the data file does not have.
    pub fn is_empty(&self) -> bool {
        self.at == self.region.start
    }

    /// The number of the last commit that nobody was told the failure of.
    pub fn stored(&self) -> u64 {
        self.stored
    }

    /// The number for the next commit. It is used up, whatever becomes of that commit: if it failed,
    /// its record may be there all the same, and must never be taken for another one.
    pub fn number(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// Numbers up to `used` are used up.
    pub fn skip_to(&mut self, used: u64) {
        self.last = self.last.max(used);
    }

    /// Writes a record and waits until it is stored.
    ///
    /// # Errors
    /// If the disk fails. The record may be there or not.
    pub fn append(&mut self, number: u64, content: &[u8]) -> io::Result<()> {
        let mut record = Vec::with_capacity(room(content.len()) as usize);
        record.extend(MAGIC);
        record.extend((content.len() as u32).to_le_bytes());
        record.extend(number.to_le_bytes());
        record.extend(checksum(&record, content).to_le_bytes());
        record.extend(content);
        record.resize(room(content.len()) as usize, 0);
        self.disk.write(self.at, &record)?;
        self.disk.sync_data()?;
        self.at += record.len() as u64;
        self.stored = number;
        self.since.get_or_insert_with(Instant::now);
        Ok(())
    }

    /// Begins anew: the data file has everything up to commit `number`, durably.
    pub fn restart(&mut self, number: u64) {
        (self.at, self.stored, self.since) = (self.region.start, number, None);
    }
}

/// Room for a record, in whole blocks.
fn room(length: usize) -> u64 {
    (HEAD as u64 + length as u64).next_multiple_of(BLOCK)
}

fn number_of(head: &[u8; HEAD]) -> Option<u64> {
    (head[..4] == MAGIC).then(|| u64::from_le_bytes(head[8..16].try_into().expect("eight bytes")))
}

fn checksum(head: &[u8], content: &[u8]) -> u64 {
    let mut hash = Xxh3::new();
    hash.update(head);
    hash.update(content);
    hash.digest()
}

#[cfg(test)]
mod tests {
    use redb::backends::InMemoryBackend;

    use super::*;

    const REGION: std::ops::Range<u64> = BLOCK..9 * BLOCK;

    fn disk() -> Arc<dyn StorageBackend> {
        let disk = InMemoryBackend::new();
        disk.set_len(REGION.end).unwrap();
        Arc::new(disk)
    }

    fn add(journal: &mut Journal, content: &[u8]) {
        let number = journal.number();
        journal.append(number, content).unwrap();
    }

    /// What a start finds after number `saved`.
    fn found(disk: &Arc<dyn StorageBackend>, saved: u64) -> Result<Vec<String>, String> {
        let mut all = Vec::new();
        let result = Journal::new(disk.clone(), REGION).replay(saved, u64::MAX, |content| {
            all.push(String::from_utf8(content.to_vec()).unwrap());
            Ok::<_, ReadError>(())
        });
        result.map(|()| all).map_err(|error| error.to_string())
    }

    #[test]
    fn what_was_appended_since_the_last_durable_commit_is_found_in_order() {
        let disk = disk();
        assert_eq!(found(&disk, 0).unwrap(), [""; 0], "a region never written");
        let mut journal = Journal::new(disk.clone(), REGION);
        ["one", "", "three"].iter().for_each(|content| add(&mut journal, content.as_bytes()));
        assert_eq!(found(&disk, 0).unwrap(), ["one", "", "three"]);
        let mut first_two = Vec::new();
        let keep = |content: &[u8]| {
            first_two.push(content.len());
            Ok::<_, ReadError>(())
        };
        Journal::new(disk.clone(), REGION).replay(0, 2, keep).unwrap();
        assert_eq!(first_two, [3, 0], "a later one may have failed, and is not asked for");
        assert!(found(&disk, 1).is_err(), "the region is written from its start after each durable commit");
        assert!(!journal.is_empty());

        let saved = journal.number();
        journal.restart(saved);
        assert!(journal.is_empty());
        assert_eq!(found(&disk, saved).unwrap(), [""; 0], "older ones are never taken for newer ones");
        add(&mut journal, b"five");
        assert_eq!(found(&disk, saved).unwrap(), ["five"]);
    }

    #[test]
    fn a_record_takes_whole_blocks_and_must_fit() {
        let mut journal = Journal::new(disk(), REGION);
        let most = 8 * BLOCK as usize - HEAD;
        assert!(journal.has_room(most) && !journal.has_room(most + 1));
        add(&mut journal, b"small");
        assert!(journal.has_room(most - BLOCK as usize) && !journal.has_room(most - BLOCK as usize + 1));
    }

    #[test]
    fn a_record_that_was_being_written_is_none_and_one_that_was_lost_is_noticed() {
        let disk = disk();
        let mut journal = Journal::new(disk.clone(), REGION);
        ["one", "two", "three"].iter().for_each(|content| add(&mut journal, content.as_bytes()));
        let flip = |at: u64| {
            let mut byte = [0];
            disk.read(at, &mut byte).unwrap();
            disk.write(at, &[byte[0] ^ 4]).unwrap();
        };
        let record = |number: u64| number * BLOCK;
        for within in [0, 5, 9, 17, HEAD as u64 + 1] {
            flip(record(3) + within);
            assert_eq!(found(&disk, 0).unwrap(), ["one", "two"], "byte {within} of the last record");
            flip(record(3) + within);
            flip(record(2) + within);
            let error = found(&disk, 0).unwrap_err();
            assert!(error.contains("record 3, and 2 is not readable"), "byte {within} of one before: {error}");
            flip(record(2) + within);
        }
        assert_eq!(found(&disk, 0).unwrap(), ["one", "two", "three"]);
    }

    #[test]
    fn a_number_is_used_once_even_if_its_record_failed() {
        let disk = disk();
        let mut journal = Journal::new(disk.clone(), REGION);
        let failed = journal.number();
        assert_eq!(journal.number(), failed + 1);
        journal.skip_to(7);
        assert_eq!(journal.number(), 8);
    }
}
