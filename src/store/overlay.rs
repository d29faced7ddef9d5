//! A disk on top of another that is only read: what is written stays in memory.
//!
//! When the data file cannot be written, the storage engine cannot even be opened on it: it writes
//! and syncs a note that it is at work. On top of this it can, and finds everything that was
//! acknowledged: the last durable commit, and the journal brought in on top of it. How much is kept in
//! memory is bounded by the size of the journal.

use std::{collections::HashMap, fmt, io, sync::Mutex};

use redb::{BackendError, StorageBackend};

use super::layout::Part;

const BLOCK: usize = 4_096;

/// A disk whose changes stay in memory.
pub struct Overlay {
    below: Part,
    changed: Mutex<Changed>,
}

#[derive(Default)]
struct Changed {
    blocks: HashMap<u64, Box<[u8; BLOCK]>>,
    /// `None` while it is that of the disk below.
    length: Option<u64>,
}

impl Overlay {
    /// On top of a part of the data file.
    pub fn over(below: Part) -> Self {
        Overlay { below, changed: Mutex::default() }
    }

    /// A block as it is below; zeros where that has nothing.
    fn block_below(&self, number: u64) -> io::Result<Box<[u8; BLOCK]>> {
        let mut block = Box::new([0; BLOCK]);
        let start = number * BLOCK as u64;
        let there = self.below.len()?.saturating_sub(start).min(BLOCK as u64) as usize;
        self.below.read(start, &mut block[..there])?;
        Ok(block)
    }

    fn length(&self, changed: &Changed) -> io::Result<u64> {
        changed.length.map_or_else(|| self.below.len(), Ok)
    }
}

/// The pieces of a range, block by block: the block, where in it, how many bytes.
fn pieces(offset: u64, length: usize) -> impl Iterator<Item = (u64, usize, usize)> {
    let end = offset + length as u64;
    let mut at = offset;
    std::iter::from_fn(move || {
        let within = (at % BLOCK as u64) as usize;
        let count = (BLOCK - within).min((end - at) as usize);
        let piece = (at / BLOCK as u64, within, count);
        at += count as u64;
        (count > 0).then_some(piece)
    })
}

impl fmt::Debug for Overlay {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "changes in memory over {:?}", self.below)
    }
}

type Edge = std::ops::Bound<u64>;

impl StorageBackend for Overlay {
    fn len(&self) -> io::Result<u64> {
        self.length(&self.changed.lock().expect("no holder panics"))
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let changed = self.changed.lock().expect("no holder panics");
        if offset + out.len() as u64 > self.length(&changed)? {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
        }
        let mut at = 0;
        for (number, within, count) in pieces(offset, out.len()) {
            let part = &mut out[at..at + count];
            match changed.blocks.get(&number) {
                Some(block) => part.copy_from_slice(&block[within..within + count]),
                None => part.copy_from_slice(&self.block_below(number)?[within..within + count]),
            }
            at += count;
        }
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        let mut changed = self.changed.lock().expect("no holder panics");
        if length < self.length(&changed)? {
            // The storage engine shrinks its file only in durable commits, and makes none here.
            return Err(io::Error::other("what is only read is not made shorter"));
        }
        changed.length = Some(length);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut changed = self.changed.lock().expect("no holder panics");
        let mut at = 0;
        for (number, within, count) in pieces(offset, data.len()) {
            if !changed.blocks.contains_key(&number) {
                let block = if count == BLOCK { Box::new([0; BLOCK]) } else { self.block_below(number)? };
                changed.blocks.insert(number, block);
            }
            let block = changed.blocks.get_mut(&number).expect("it is there by now");
            block[within..within + count].copy_from_slice(&data[at..at + count]);
            at += count;
        }
        Ok(())
    }

    fn close(&self) -> io::Result<()> {
        self.below.close()
    }

    fn try_lock_range(&self, start: Edge, end: Edge) -> Result<bool, BackendError> {
        self.below.try_lock_range(start, end)
    }

    fn try_lock_shared_range(&self, start: Edge, end: Edge) -> Result<bool, BackendError> {
        self.below.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Edge, end: Edge) -> Result<(), BackendError> {
        self.below.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Edge, end: Edge) -> Result<(), BackendError> {
        self.below.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Edge, end: Edge) -> Result<(), BackendError> {
        self.below.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Edge, end: Edge) -> Result<bool, BackendError> {
        self.below.query_lock_range(start, end)
    }
}

#[cfg(test)]
mod tests {
    use redb::backends::InMemoryBackend;

    use super::*;
    use crate::store::layout::Syncs;

    #[test]
    fn what_is_written_is_read_and_the_disk_below_is_as_it_was() {
        let disk = InMemoryBackend::new();
        disk.set_len(3 * BLOCK as u64).unwrap();
        disk.write(0, &[1; 3 * BLOCK]).unwrap();
        let below = Part::whole(Box::new(disk), &Syncs::default());
        let overlay = Overlay::over(below.clone());
        overlay.write(BLOCK as u64 - 2, &[2; 4]).unwrap();
        overlay.set_len(5 * BLOCK as u64).unwrap();
        overlay.write(4 * BLOCK as u64, &[3; BLOCK]).unwrap();
        overlay.sync_data().unwrap();

        let read = |disk: &dyn StorageBackend, at: usize, count: usize| {
            let mut bytes = vec![9; count];
            disk.read(at as u64, &mut bytes).map(|()| bytes)
        };
        assert_eq!(read(&overlay, BLOCK - 3, 6).unwrap(), [1, 2, 2, 2, 2, 1]);
        assert_eq!(read(&overlay, 3 * BLOCK - 1, 2).unwrap(), [1, 0], "what grew is zeros");
        assert_eq!(read(&overlay, 4 * BLOCK - 1, 2).unwrap(), [0, 3]);
        read(&overlay, 5 * BLOCK - 1, 2).unwrap_err();
        assert_eq!(overlay.len().unwrap(), 5 * BLOCK as u64);
        assert_eq!(below.len().unwrap(), 3 * BLOCK as u64);
        assert_eq!(read(&below, 0, 3 * BLOCK).unwrap(), vec![1; 3 * BLOCK]);
    }
}
