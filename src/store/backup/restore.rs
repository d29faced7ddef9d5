//! Makes a data file of a backup, looks at all of it, and only then puts it in place.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

use redb::{Database, Key, TableDefinition, TableHandle, Value, WriteTransaction, backends::FileBackend};

use super::{
    Head, LEFT_OUT, Progress, Watch,
    format::{Kind, Reader, Unreadable, take},
};
use crate::{
    domain::{Pause, Timestamp},
    store::{
        DATA_FILE, KeyFile, OpenBackend, OpenOptions, Store, disk, layout::Syncs, pause, switch, tables::*, upgrade,
    },
};

/// Name of the data file while it is being made.
const UNFINISHED: &str = "hookstead.redb.restoring";
/// Bytes of rows in one transaction. Its pages are in memory until it is committed.
const TRANSACTION: u64 = 16 << 20;

/// How a backup is restored.
#[derive(Debug, Clone)]
pub struct RestoreOptions {
    /// Whether data that is there may be moved aside.
    pub replace: bool,
    /// The keys that secrets are sealed with. None is made here: that is left to the first start.
    pub key_file: Option<KeyFile>,
    /// A pause of all sending to begin with.
    pub pause: Option<Pause>,
    /// Memory for the storage engine's cache, in bytes.
    pub cache_bytes: usize,
    /// The present time, for the name of the folder that data is moved to.
    pub now: Timestamp,
}

/// What was restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// When the backup was made.
    pub made_at: Timestamp,
    /// By which version.
    pub made_by: String,
    /// Events.
    pub events: u64,
    /// Webhooks that are not deleted.
    pub webhooks: u64,
    /// Deliveries that are pending again.
    pub pending: u64,
    /// Since when all sending is paused, if it is.
    pub paused: Option<Pause>,
    /// The folder that the data from before is in.
    pub replaced: Option<PathBuf>,
}

/// Makes a data directory of a backup. Until everything is checked nothing that was there is touched;
/// then all of it is there at once, whenever this is killed.
///
/// # Errors
/// What is wrong and what to do, for a person. Nothing was changed then.
pub fn restore(backup: &File, directory: &Path, options: RestoreOptions, watch: Watch) -> Result<Restored, String> {
    let mut reader = Reader::new(io::BufReader::with_capacity(1 << 20, backup)).map_err(unreadable)?;
    let head = head(reader.block().map_err(unreadable)?)?;
    disk::make_directory(directory).map_err(|error| error.to_string())?;
    let held = switch::hold(directory)?;
    if switch::has_data(directory) && !options.replace {
        return Err(format!(
            "{} has data already. Add --replace to move it aside, into a folder beside the data file",
            directory.display()
        ));
    }
    let key_file = key_file(&head, &options)?;
    let length = backup.metadata().map_or(0, |metadata| metadata.len());
    switch::require_room(directory, length)?;
    let unfinished = directory.join(UNFINISHED);
    let built = || {
        build(reader, &head, &unfinished, length, &options, watch)?;
        look_at(
            &head,
            &unfinished,
            OpenOptions { cache_bytes: options.cache_bytes, key_file, ..OpenOptions::default() },
        )
    };
    let mut restored = built().inspect_err(|_| drop(fs::remove_file(&unfinished)))?;
    give_to_owner_of(directory, &unfinished);
    let aside = format!("before-restore-{}", switch::file_time(options.now));
    restored.replaced = switch::put_in_place(directory, &unfinished, &aside, &mut || ())
        .map_err(|error| format!("the restored data cannot be put in place: {error}"))?;
    if let Some(replaced) = &restored.replaced {
        give_to_owner_of(directory, replaced);
    }
    drop(held);
    Ok(restored)
}

fn head(block: &[u8]) -> Result<Head, String> {
    let json = block.strip_prefix(&[Kind::Head as u8]).ok_or_else(|| "the backup has no head".to_owned())?;
    let head: Head = serde_json::from_slice(json).map_err(|error| format!("the backup's head is none: {error}"))?;
    match head.schema {
        newer if newer > SCHEMA => Err(format!(
            "the backup is of schema {newer}, made by hookstead {}; this program knows up to {SCHEMA}. Restore it with \
             that version or a newer one; nothing was changed",
            head.version
        )),
        older if !upgrade::is_known(older) => Err(format!("the backup is of schema {older}, which was never released")),
        _ => Ok(head),
    }
}

/// The key file to look at the secrets with. Asked for before anything is built, as without the right one the
/// restored data could not be used.
fn key_file(head: &Head, options: &RestoreOptions) -> Result<Option<KeyFile>, String> {
    let Some(file) = &options.key_file else { return Ok(None) };
    match head.sealed_with.as_deref() {
        Some(sealed) => file.open(Some(sealed)).map(|_| Some(file.clone())),
        // Plain, or not all of it sealed yet.
        None => Ok(file.path.exists().then(|| file.clone())),
    }
}

fn build<R: Read>(
    mut reader: Reader<R>,
    head: &Head,
    path: &Path,
    length: u64,
    options: &RestoreOptions,
    watch: Watch,
) -> Result<(), String> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut open = File::options();
    let file = open.read(true).write(true).create(true).truncate(true).mode(0o600).open(path);
    let file = file.and_then(|file| FileBackend::new(file).map_err(io::Error::other)).map_err(unwritable)?;
    let layout = OpenOptions { cache_bytes: options.cache_bytes, ..OpenOptions::default() };
    disk::make(Box::new(file), &layout).map_err(unwritable)?;
    let disk::Opened { database, .. } = disk::open(&opener(path), &layout, &Syncs::default(), false)?;
    let mut counted: BTreeMap<String, u64> = BTreeMap::new();
    let mut ended = false;
    while !ended {
        let transaction = begin(&database)?;
        let from = reader.read;
        // As the tables are empty, all go to the right edge, which stays in memory.
        while !ended && reader.read - from < TRANSACTION {
            let block = reader.block().map_err(unreadable)?;
            match block.split_first() {
                Some((kind, rows)) if *kind == Kind::Rows as u8 => insert(&transaction, rows, &mut counted)?,
                Some((kind, total)) if *kind == Kind::End as u8 => {
                    let rows: u64 = counted.values().sum();
                    if total != rows.to_le_bytes() || rows != head.rows() {
                        return Err(format!("the backup should have {} rows and has {rows}", head.rows()));
                    }
                    ended = true;
                }
                _ => return Err("the backup has a part that this program does not know".to_owned()),
            }
            if !watch(Progress { done: reader.read, total: length }) {
                return Err("it was stopped before its end; nothing was changed".to_owned());
            }
        }
        if let (true, Some(pause)) = (ended, &options.pause) {
            let text = serde_json::to_string(pause).expect("a pause is texts and a number");
            let mut meta = transaction.open_table(META).map_err(unwritable)?;
            meta.insert(pause::KEY, text.as_str()).map_err(unwritable)?;
        }
        transaction.commit().map_err(unwritable)?;
    }
    reader.end().map_err(unreadable)?;
    for (table, rows) in &head.tables {
        let found = counted.get(table).copied().unwrap_or(0);
        if found != *rows {
            return Err(format!("the backup should have {rows} rows of {table} and has {found}"));
        }
    }
    upgrade::lift(&database, head.schema).map_err(unwritable)
}

fn begin(database: &Database) -> Result<WriteTransaction, String> {
    let mut transaction = database.begin_write().map_err(unwritable)?;
    transaction.set_quick_repair(true);
    Ok(transaction)
}

/// Puts the rows of one block into their table.
fn insert(transaction: &WriteTransaction, block: &[u8], counted: &mut BTreeMap<String, u64>) -> Result<(), String> {
    let mut left = block;
    let wrong = || "the backup has a row that is none".to_owned();
    let name = take(&mut left).and_then(|name| std::str::from_utf8(name).ok()).ok_or_else(wrong)?;
    let mut rows = Rows { transaction, name, left, found: None };
    // Every sum was right, so only somebody who wrote them can have made a row that is none.
    disk::quietly(|| each(&mut rows)).unwrap_or_else(|| Err(wrong()))?;
    match rows.found {
        Some(number) => *counted.entry(name.to_owned()).or_default() += number,
        None => return Err(format!("the backup has a table {name:?} that this program does not know")),
    }
    Ok(())
}

struct Rows<'a> {
    transaction: &'a WriteTransaction,
    name: &'a str,
    left: &'a [u8],
    /// How many there were, once the table is found.
    found: Option<u64>,
}

impl EachTable for Rows<'_> {
    type Error = String;

    fn table<K: Key + 'static, V: Value + 'static>(
        &mut self,
        definition: TableDefinition<'static, K, V>,
    ) -> Result<(), String> {
        if definition.name() != self.name || LEFT_OUT.contains(&self.name) {
            return Ok(());
        }
        let mut table = self.transaction.open_table(definition).map_err(unwritable)?;
        let fits = |width: Option<usize>, part: &[u8]| width.is_none_or(|width| width == part.len());
        let mut number = 0;
        while !self.left.is_empty() {
            let (key, value) = (take(&mut self.left), take(&mut self.left));
            let (Some(key), Some(value)) = (key, value) else { return Err("the backup has half a row".to_owned()) };
            if !fits(K::fixed_width(), key) || !fits(V::fixed_width(), value) {
                return Err(format!("the backup has a row that does not fit into {}", self.name));
            }
            table.insert(K::from_bytes(key), V::from_bytes(value)).map_err(unwritable)?;
            number += 1;
        }
        self.found = Some(number);
        Ok(())
    }
}

fn opener(path: &Path) -> OpenBackend {
    let file = path.to_path_buf();
    Arc::new(move || {
        let opened = File::options().read(true).write(true).open(&file)?;
        Ok(Box::new(FileBackend::new(opened).map_err(io::Error::other)?))
    })
}

/// Opens what was built as a server would, and compares every table with every other.
fn look_at(head: &Head, path: &Path, options: OpenOptions) -> Result<Restored, String> {
    let backend = opener(path);
    let store = Store::open_played(backend, options).map_err(|error| error.to_string())?;
    let problem = |problem: crate::domain::Problem| problem.detail;
    let disagreements = store.verify().map_err(problem)?;
    if let [first, rest @ ..] = disagreements.as_slice() {
        return Err(format!("what is in the backup does not agree with itself: {first} (and {} more)", rest.len()));
    }
    let webhooks = store.webhooks();
    let waiting = |webhook: Arc<crate::domain::Webhook>| store.webhook_state(webhook.id).waiting;
    let restored = Restored {
        made_at: head.made_at,
        made_by: head.version.clone(),
        events: store.event_count().map_err(problem)?,
        webhooks: webhooks.all().count() as u64,
        pending: webhooks.all_with_deleted().map(waiting).sum(),
        paused: store.pause().map(|pause| (*pause).clone()),
        replaced: None,
    };
    store.stop();
    Ok(restored)
}

/// Root restores, and a user of the server's own serves: what root makes must be that user's. Where it
/// cannot be given away, the server says at its start whose it is.
fn give_to_owner_of(directory: &Path, path: &Path) {
    use std::os::unix::fs::{MetadataExt, chown};
    let owner = |path: &Path| fs::metadata(path).map(|found| (found.uid(), found.gid()));
    if let (Ok(wanted), Ok(found)) = (owner(directory), owner(path))
        && wanted != found
    {
        let _ = chown(path, Some(wanted.0), Some(wanted.1));
    }
}

fn unreadable(what: Unreadable) -> String {
    match what {
        Unreadable::NotABackup => {
            format!("this is no backup of hookstead, or one of a newer form. A data file ({DATA_FILE}) is none either")
        }
        Unreadable::Damaged { at } => format!(
            "the backup is damaged: what begins at byte {at} is not what was written. Nothing was changed; restore \
             another backup"
        ),
        Unreadable::Input(error) => format!("the backup cannot be read: {error}"),
    }
}

fn unwritable(error: impl std::fmt::Display) -> String {
    format!("the restored data cannot be written: {error}. Nothing was changed")
}
