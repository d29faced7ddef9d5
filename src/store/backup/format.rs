//! The form of a backup: a line that says what it is, then blocks. Each block is its length, its
//! bytes, and the SHA-256 of all that and of the sum before it, so that a byte that is changed, left
//! out, added or moved is found at once, before anything is made of it.

use std::io::{self, Read, Write};

use sha2::{Digest, Sha256};

/// The first bytes of every backup. A later form has another number.
pub const MAGIC: &[u8] = b"hookstead backup 1\n";

/// Largest block that is read, in bytes. A block is about a megabyte, or one row if that is larger,
/// and the largest event has 64 MiB.
const LARGEST_BLOCK: u32 = 256 << 20;

/// The kind of a block, which is its first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// What the file is, as JSON.
    Head = b'H',
    /// Rows of one table.
    Rows = b'R',
    /// The number of all rows. Nothing follows.
    End = b'E',
}

/// Writes blocks.
pub struct Writer<W> {
    output: W,
    sum: [u8; 32],
    /// Bytes written so far.
    pub written: u64,
}

impl<W: Write> Writer<W> {
    /// Begins a backup.
    ///
    /// # Errors
    /// If the output cannot be written.
    pub fn new(mut output: W) -> io::Result<Self> {
        output.write_all(MAGIC)?;
        Ok(Writer { output, sum: Sha256::digest(MAGIC).into(), written: MAGIC.len() as u64 })
    }

    /// Writes a block.
    ///
    /// # Errors
    /// If the output cannot be written, or the block is larger than any that would be read.
    pub fn block(&mut self, bytes: &[u8]) -> io::Result<()> {
        let length = u32::try_from(bytes.len()).ok().filter(|length| *length <= LARGEST_BLOCK);
        let length = length.ok_or_else(|| io::Error::other("a row is too large for a backup"))?.to_le_bytes();
        self.sum = sum(&self.sum, length, bytes);
        self.output.write_all(&length)?;
        self.output.write_all(bytes)?;
        self.output.write_all(&self.sum)?;
        self.written += (length.len() + bytes.len() + self.sum.len()) as u64;
        Ok(())
    }

    /// Hands on what is still in memory.
    ///
    /// # Errors
    /// If the output cannot be written.
    pub fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

/// Reads blocks, and gives none whose sum is wrong.
pub struct Reader<R> {
    input: R,
    sum: [u8; 32],
    block: Vec<u8>,
    /// Bytes read so far.
    pub read: u64,
}

/// Why a backup cannot be read on.
#[derive(Debug)]
pub enum Unreadable {
    /// It does not begin as a backup does.
    NotABackup,
    /// It was damaged, somewhere in the block that begins at this byte.
    Damaged {
        /// Counted from 0.
        at: u64,
    },
    /// The file itself cannot be read.
    Input(io::Error),
}

impl<R: Read> Reader<R> {
    /// Begins to read.
    ///
    /// # Errors
    /// If it is no backup, or cannot be read.
    pub fn new(mut input: R) -> Result<Self, Unreadable> {
        let mut magic = [0; MAGIC.len()];
        match input.read_exact(&mut magic) {
            Ok(()) if magic == MAGIC => {}
            Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => return Err(Unreadable::Input(error)),
            _ => return Err(Unreadable::NotABackup),
        }
        Ok(Reader { input, sum: Sha256::digest(MAGIC).into(), block: Vec::new(), read: MAGIC.len() as u64 })
    }

    /// The next block.
    ///
    /// # Errors
    /// If its sum is wrong, the file ends before it does, or cannot be read.
    pub fn block(&mut self) -> Result<&[u8], Unreadable> {
        let at = self.read;
        let damaged = || Unreadable::Damaged { at };
        let cut_off = |error: io::Error| match error.kind() {
            io::ErrorKind::UnexpectedEof => damaged(),
            _ => Unreadable::Input(error),
        };
        let mut length = [0; 4];
        self.input.read_exact(&mut length).map_err(cut_off)?;
        let bytes = u32::from_le_bytes(length);
        if bytes == 0 || bytes > LARGEST_BLOCK {
            return Err(damaged());
        }
        self.block.clear();
        // Grows with what is there, so that a wrong length takes no memory.
        (&mut self.input).take(bytes.into()).read_to_end(&mut self.block).map_err(Unreadable::Input)?;
        let mut found = [0; 32];
        self.input.read_exact(&mut found).map_err(cut_off)?;
        self.sum = sum(&self.sum, length, &self.block);
        if self.block.len() != bytes as usize || found != self.sum {
            return Err(damaged());
        }
        self.read += (length.len() + self.block.len() + found.len()) as u64;
        Ok(&self.block)
    }

    /// Makes sure that nothing follows.
    ///
    /// # Errors
    /// If something does, or the file cannot be read.
    pub fn end(mut self) -> Result<(), Unreadable> {
        match self.input.read(&mut [0]) {
            Ok(0) => Ok(()),
            Ok(_) => Err(Unreadable::Damaged { at: self.read }),
            Err(error) => Err(Unreadable::Input(error)),
        }
    }
}

fn sum(before: &[u8; 32], length: [u8; 4], bytes: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(before).chain_update(length).chain_update(bytes).finalize().into()
}

/// Adds a part of a block: its length, and its bytes.
pub fn put(block: &mut Vec<u8>, part: &[u8]) {
    // No row has 4 GiB; the storage engine takes less.
    block.extend_from_slice(&(part.len() as u32).to_le_bytes());
    block.extend_from_slice(part);
}

/// Takes a part from the front of what is left of a block.
pub fn take<'b>(left: &mut &'b [u8]) -> Option<&'b [u8]> {
    let (length, rest) = left.split_first_chunk::<4>()?;
    let (part, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    *left = rest;
    Some(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(blocks: &[&[u8]]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut writer = Writer::new(&mut bytes).unwrap();
        blocks.iter().for_each(|block| writer.block(block).unwrap());
        assert_eq!(writer.written, bytes.len() as u64);
        bytes
    }

    fn read(bytes: &[u8], blocks: usize) -> Result<Vec<Vec<u8>>, Unreadable> {
        let mut reader = Reader::new(bytes)?;
        let found = (0..blocks).map(|_| reader.block().map(<[u8]>::to_vec)).collect::<Result<_, _>>()?;
        reader.end()?;
        Ok(found)
    }

    #[test]
    fn what_is_written_is_read() {
        let blocks: [&[u8]; 3] = [b"H", b"Rows", b"End"];
        assert_eq!(read(&written(&blocks), 3).unwrap(), blocks);
    }

    #[test]
    fn every_byte_that_is_changed_and_every_length_that_is_cut_is_found() {
        let whole = written(&[b"Head", b"Rows and rows", b"End"]);
        for at in 0..whole.len() {
            for bit in 0..8 {
                let mut damaged = whole.clone();
                damaged[at] ^= 1 << bit;
                assert!(read(&damaged, 3).is_err(), "byte {at}, bit {bit}");
            }
            assert!(read(&whole[..at], 3).is_err(), "cut at {at}");
        }
        let more = [whole.as_slice(), b"x"].concat();
        assert!(matches!(read(&more, 3), Err(Unreadable::Damaged { at }) if at == whole.len() as u64));
    }

    #[test]
    fn blocks_that_change_places_are_found() {
        let (one, two) = (written(&[b"aaaa", b"bbbb"]), written(&[b"bbbb", b"aaaa"]));
        let length = 4 + 4 + 32;
        let from = MAGIC.len();
        let swapped = [&one[..from], &one[from + length..], &one[from..from + length]].concat();
        assert_ne!(swapped, two);
        assert!(matches!(read(&swapped, 2), Err(Unreadable::Damaged { at }) if at == from as u64));
    }

    #[test]
    fn parts_of_a_block_come_out_as_they_went_in() {
        let mut block = Vec::new();
        put(&mut block, b"key");
        put(&mut block, b"");
        let mut left = block.as_slice();
        assert_eq!((take(&mut left), take(&mut left), take(&mut left)), (Some(&b"key"[..]), Some(&b""[..]), None));
        assert_eq!(take(&mut &block[..6]), None);
    }
}
