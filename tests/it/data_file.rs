//! The database in a data file, as it is behind the journal, for tests that look or change what no
//! page shows.

use std::{fs, io, path::Path};

use hookstead::store::StorageBackend;

/// Opens the database of a data file that nobody has open.
pub fn database(path: &Path) -> redb::Database {
    let file = fs::OpenOptions::new().read(true).write(true).open(path).unwrap();
    let behind = BehindTheJournal(redb::backends::FileBackend::new(file).unwrap());
    redb::Database::builder().create_with_backend(behind).unwrap()
}

#[derive(Debug)]
struct BehindTheJournal(redb::backends::FileBackend);

impl BehindTheJournal {
    fn start(&self) -> io::Result<u64> {
        let mut journal = [0; 8];
        self.0.read(16, &mut journal)?;
        Ok(4_096 + u64::from_le_bytes(journal))
    }
}

impl StorageBackend for BehindTheJournal {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.len()? - self.start()?)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read(self.start()? + offset, out)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.0.set_len(self.start()? + length)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write(self.start()? + offset, data)
    }
}
