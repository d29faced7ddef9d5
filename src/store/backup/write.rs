//! Makes a backup while everything else goes on: one read transaction, table by table.

use std::{
    collections::BTreeSet,
    io::{self, Write},
};

use redb::{Key, ReadTransaction, ReadableTable, ReadableTableMetadata, TableDefinition, TableHandle, Value};
use serde::{Deserialize, Serialize};

use super::{
    BackupMade, Head, LEFT_OUT, Progress, Watch,
    format::{Kind, Writer, put},
};
use crate::{
    domain::{Problem, Timestamp},
    store::{AuditEntry, Pending, Store, disk::quietly, fail::Fail, seal, tables::*},
};

/// About how large a block is, in bytes.
const BLOCK: usize = 1 << 20;
/// The key in the table `meta` of what is known about the last backup.
const KEY: &str = "last_backup";

/// The last backup that was finished, wherever it went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastBackup {
    /// When it was begun, which is what it shows.
    pub at: Timestamp,
    /// Size of its file.
    pub bytes: u64,
}

impl Store {
    /// Writes everything that is stored, as of the last commit, to `output`. Nobody waits for it. It
    /// needs no more memory than the largest row. The caller makes it durable.
    ///
    /// # Errors
    /// What is wrong, for a person: the output cannot be written, the store cannot be read, or `watch`
    /// said to stop.
    pub fn back_up(&self, output: impl Write, made_at: Timestamp, watch: Watch) -> Result<BackupMade, String> {
        // A damaged file can make the storage engine panic.
        let made = quietly(|| {
            let transaction = self.inner.begin_read().map_err(unreadable)?;
            write(&transaction, output, made_at, watch)
        });
        made.unwrap_or_else(|| Err("the data file is damaged; hookstead doctor says more".to_owned()))
    }

    /// Remembers that a backup was finished.
    pub fn record_backup(&self, last: LastBackup, audit: AuditEntry) -> Pending<()> {
        self.write(move |batch| {
            let text = serde_json::to_string(&last).expect("two numbers are JSON");
            batch.open(META)?.insert(KEY, text.as_str())?;
            batch.audit(&audit)
        })
    }

    /// What is known about the last backup.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn last_backup(&self) -> Result<Option<LastBackup>, Problem> {
        self.read(|transaction| {
            let text = transaction.open_table(META)?.get(KEY)?;
            // What cannot be read was written by a newer program, and is only for people.
            Ok(text.and_then(|text| serde_json::from_str(text.value()).ok()))
        })
    }
}

fn write(
    transaction: &ReadTransaction,
    output: impl Write,
    made_at: Timestamp,
    watch: Watch,
) -> Result<BackupMade, String> {
    let head = head(transaction, made_at).map_err(unreadable)?;
    let total = head.rows();
    let output = Writer::new(io::BufWriter::new(output)).map_err(unwritable)?;
    let mut copy = Copy { transaction, output, block: Vec::new(), progress: Progress { done: 0, total }, watch };
    copy.block.push(Kind::Head as u8);
    serde_json::to_writer(&mut copy.block, &head).expect("a head is JSON");
    copy.finish_block()?;
    each(&mut copy)?;
    if copy.progress.done != total {
        return Err(format!("the data file says that it has {total} rows and has {}", copy.progress.done));
    }
    copy.block.push(Kind::End as u8);
    copy.block.extend_from_slice(&total.to_le_bytes());
    copy.finish_block()?;
    copy.output.flush().map_err(unwritable)?;
    Ok(BackupMade { bytes: copy.output.written, rows: total, events: head.rows_of(EVENTS.name()) })
}

/// What the backup will be. Refuses a data file with a table that would be left out unseen.
fn head(transaction: &ReadTransaction, made_at: Timestamp) -> Result<Head, Fail> {
    struct Count<'t>(&'t ReadTransaction, Vec<(String, u64)>);
    impl EachTable for Count<'_> {
        type Error = Fail;

        fn table<K: Key + 'static, V: Value + 'static>(
            &mut self,
            definition: TableDefinition<'static, K, V>,
        ) -> Result<(), Fail> {
            if !LEFT_OUT.contains(&definition.name()) {
                self.1.push((definition.name().to_owned(), self.0.open_table(definition)?.len()?));
            }
            Ok(())
        }
    }
    let mut count = Count(transaction, Vec::new());
    each(&mut count)?;
    let known: BTreeSet<&str> = count.1.iter().map(|(name, _)| name.as_str()).chain(LEFT_OUT).collect();
    for table in transaction.list_tables()? {
        if !known.contains(table.name()) {
            let what = format!("the data file has a table {:?} that this program does not know", table.name());
            return Err(redb::Error::Corrupted(what).into());
        }
    }
    let meta = transaction.open_table(META)?;
    let text = |name| Ok::<_, Fail>(meta.get(name)?.map(|value| value.value().to_owned()).unwrap_or_default());
    Ok(Head {
        schema: text("schema")?.parse().unwrap_or(SCHEMA),
        instance: text("instance")?,
        made_at,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        tables: count.1,
        sealed_with: seal::sealed(&meta)?,
    })
}

struct Copy<'a, W> {
    transaction: &'a ReadTransaction,
    output: Writer<W>,
    block: Vec<u8>,
    progress: Progress,
    watch: Watch<'a>,
}

impl<W: Write> EachTable for Copy<'_, W> {
    type Error = String;

    fn table<K: Key + 'static, V: Value + 'static>(
        &mut self,
        definition: TableDefinition<'static, K, V>,
    ) -> Result<(), String> {
        let name = definition.name();
        if LEFT_OUT.contains(&name) {
            return Ok(());
        }
        let storage = |error: redb::StorageError| unreadable(error.into());
        let table = self.transaction.open_table(definition).map_err(|error| unreadable(error.into()))?;
        for row in table.iter().map_err(storage)? {
            let (key, value) = row.map_err(storage)?;
            if self.block.is_empty() {
                self.block.push(Kind::Rows as u8);
                put(&mut self.block, name.as_bytes());
            }
            put(&mut self.block, K::as_bytes(&key.value()).as_ref());
            put(&mut self.block, V::as_bytes(&value.value()).as_ref());
            self.progress.done += 1;
            if self.block.len() >= BLOCK {
                self.finish_block()?;
            }
        }
        if self.block.is_empty() { Ok(()) } else { self.finish_block() }
    }
}

impl<W: Write> Copy<'_, W> {
    fn finish_block(&mut self) -> Result<(), String> {
        self.output.block(&self.block).map_err(unwritable)?;
        self.block.clear();
        // A row of many megabytes is rare; its room is not kept for the others.
        self.block.shrink_to(2 * BLOCK);
        match (self.watch)(self.progress) {
            true => Ok(()),
            false => Err("it was stopped before its end".to_owned()),
        }
    }
}

fn unreadable(fail: Fail) -> String {
    match fail {
        Fail::Storage(error) => format!("the data file cannot be read: {error}"),
        Fail::Refused(problem) => problem.detail,
    }
}

fn unwritable(error: io::Error) -> String {
    format!("the backup cannot be written: {error}")
}
