//! The database in a data file, as it is behind the journal, for tests that look or change what no
//! page shows.

use std::{fs, io, path::Path, sync::Arc};

use hookstead::{
    domain::{AuditEntry, AuditFilter},
    store::{KeyFile, OpenOptions, StorageBackend, Store},
};

/// The audit log of a stopped server whose key lies beside its data, the newest first.
pub fn audit_log(data_dir: &Path) -> Vec<AuditEntry> {
    let key_file = KeyFile { path: data_dir.with_file_name("hookstead.key"), random: Arc::new(|_| {}) };
    let store = Store::open(data_dir, OpenOptions { key_file: Some(key_file), ..OpenOptions::default() }).unwrap();
    let page = store.audit(&AuditFilter::default(), None, 10_000).unwrap();
    store.stop();
    assert_eq!(page.next, None);
    page.entries.into_iter().map(|(_, entry)| entry).collect()
}

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
