//! From the schema of an older program to the present one.
//!
//! The data file is copied, the steps are run on the copy, the copy is checked and takes the place of
//! the old file, which is kept in a folder beside it ([`super::switch`]). So a step may do what it
//! likes in as many transactions as it needs: whenever the program is killed, the old file is whole and
//! in place, or the new one is.

use std::{fs, io::Read, path::Path, sync::Arc};

use redb::{
    Database, Durability, Key, ReadTransaction, ReadableDatabase, ReadableTable, TableDefinition, TableError, Value,
    backends::FileBackend,
};

use super::{
    DATA_FILE, OpenBackend, OpenOptions,
    backup::Progress,
    disk::{self, OpenError, Opened},
    layout::{BARE_DATABASE, Syncs},
    recovery, switch,
    tables::{EachTable, META, SCHEMA, each},
};

/// Name of the copy while the steps are run on it.
const UNFINISHED: &str = "hookstead.redb.upgrading";
/// Bytes of rows in one transaction of a copy.
const TRANSACTION: usize = 16 << 20;

/// Does one step in as many transactions as it likes, and says how far it is. The number of the schema
/// is not its business.
pub type Step = fn(&Database, &mut dyn FnMut(Progress)) -> Result<(), redb::Error>;

/// One step: from the schema before it to `to`.
pub struct Migration {
    /// The schema that it leads to.
    pub to: u64,
    /// What it does.
    pub run: Step,
}

/// Every step since schema 3, which is the first that was released. A step is never changed once it
/// was released; tables that it empties for good stay in [`super::tables::each`], or a backup from
/// before it could not be restored.
const MIGRATIONS: &[Migration] = &[
    // The file has a journal from here on ([`of_bare_database`]); its rows are the same.
    Migration { to: 4, run: |_, _| Ok(()) },
];

/// The first schema that was released.
const FIRST: u64 = 3;

/// Whether there is a way from that schema to the present one.
pub fn is_known(schema: u64) -> bool {
    (FIRST..=SCHEMA).contains(&schema)
}

/// Brings a data file that was just opened to the present schema, and gives it back open. One that is of
/// this schema, of a newer one or of none is left to whoever asks next.
///
/// # Errors
/// If there is no room, or the copy cannot be written; the old file is in its place then.
pub fn of_directory(
    opened: Opened,
    directory: &Path,
    backend: &OpenBackend,
    options: &OpenOptions,
    syncs: &Syncs,
) -> Result<Opened, OpenError> {
    match schema_of(&opened.database) {
        Ok(Some(schema)) if (FIRST..SCHEMA).contains(&schema) => {}
        _ => return Ok(opened),
    }
    // Closed, so that every byte of it is in the file.
    drop(opened);
    tracing::info!("the data file is of an older schema; it is copied and brought to schema {SCHEMA}");
    let mut watch = log_progress();
    run(directory, options, SCHEMA, MIGRATIONS, &mut |moment| {
        if let Moment::Under(progress) = moment {
            watch(progress);
        }
    })?;
    disk::open(backend, options, syncs, false).map_err(|what| OpenError::new(&directory.join(DATA_FILE), what))
}

/// A moment of an upgrade. A test may end it at each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Between two changes of the disk.
    Between,
    /// A step says how far it is.
    Under(Progress),
}

/// Brings the closed data file of a directory to the schema `to` by `migrations`.
///
/// # Errors
/// If there is no room, or the copy cannot be written.
pub fn run(
    directory: &Path,
    options: &OpenOptions,
    to: u64,
    migrations: &[Migration],
    watch: &mut dyn FnMut(Moment),
) -> Result<(), OpenError> {
    let error = |what: String| OpenError::new(&directory.join(DATA_FILE), what);
    let _held = switch::hold(directory).map_err(error)?;
    let (old, copy) = (directory.join(DATA_FILE), directory.join(UNFINISHED));
    let length = fs::metadata(&old).map_err(|what| error(what.to_string()))?.len();
    switch::require_room(directory, length).map_err(error)?;
    let made = copied(&old, &copy, options, migrations, to, watch);
    let made = made.and_then(|()| {
        let aside = format!("before-schema-{to}");
        switch::put_in_place(directory, &copy, &aside, &mut || watch(Moment::Between)).map_err(|what| what.to_string())
    });
    match made {
        Ok(Some(kept)) => {
            tracing::info!("the data file is of schema {to} now; the old one is kept in {}", kept.display());
            Ok(())
        }
        Ok(None) => Ok(()),
        Err(what) => {
            let _ = fs::remove_file(&copy);
            Err(error(format!("it cannot be brought to schema {to}: {what}. It was left as it is")))
        }
    }
}

fn copied(
    old: &Path,
    copy: &Path,
    options: &OpenOptions,
    migrations: &[Migration],
    to: u64,
    watch: &mut dyn FnMut(Moment),
) -> Result<(), String> {
    // Shares the blocks of the old one where the file system can.
    fs::copy(old, copy).map_err(|error| error.to_string())?;
    watch(Moment::Between);
    let backend = opener(copy);
    let syncs = Syncs::default();
    let Opened { database, mut journal } = disk::open(&backend, options, &syncs, false)?;
    recovery::recover(&database, &mut journal, Durability::Immediate, u64::MAX).map_err(disk::unreadable)?;
    let words = |error: redb::Error| error.to_string();
    lift_by(&database, migrations, to, watch).map_err(words)?;
    drop((database, journal));
    watch(Moment::Between);
    // Every page of it is read before it is trusted.
    drop(disk::open(&backend, options, &syncs, true)?);
    Ok(())
}

/// Gives a data file of schema 3 its journal. It was nothing but the storage engine's database, so its rows
/// are copied into a new file.
///
/// # Errors
/// As for [`run`].
pub fn of_bare_database(
    directory: &Path,
    options: &OpenOptions,
    watch: &mut dyn FnMut(Moment),
) -> Result<(), OpenError> {
    let (old, copy) = (directory.join(DATA_FILE), directory.join(UNFINISHED));
    let mut head = [0; BARE_DATABASE.len()];
    let is_bare = fs::File::open(&old).and_then(|mut file| file.read_exact(&mut head)).is_ok() && head == BARE_DATABASE;
    if !is_bare {
        return Ok(());
    }
    let error = |what: String| OpenError::new(&old, what);
    tracing::info!("the data file is of schema 3; its rows are copied into one of schema {SCHEMA}");
    let length = fs::metadata(&old).map_err(|what| error(what.to_string()))?.len();
    switch::require_room(directory, length.saturating_add(options.journal_bytes)).map_err(error)?;
    let held = old_database(&old, options, length <= options.check_up_to_bytes).map_err(error)?;
    let made = rebuilt(&held, &copy, options, watch);
    // It stays locked until the new one is whole.
    drop(held);
    let made = made.and_then(|()| {
        let _held = switch::hold(directory)?;
        let aside = format!("before-schema-{SCHEMA}");
        switch::put_in_place(directory, &copy, &aside, &mut || watch(Moment::Between)).map_err(|what| what.to_string())
    });
    match made {
        Ok(_) => Ok(()),
        Err(what) => {
            let _ = fs::remove_file(&copy);
            Err(error(format!("it cannot be brought to schema {SCHEMA}: {what}. It was left as it is")))
        }
    }
}

fn old_database(path: &Path, options: &OpenOptions, check: bool) -> Result<Database, String> {
    let file = fs::File::options().read(true).write(true).open(path).map_err(|error| error.to_string())?;
    let mut builder = Database::builder();
    builder.set_cache_size(options.cache_bytes).set_check_integrity_on_open(check);
    let opened = disk::quietly(|| builder.create_with_backend(FileBackend::new(file)?));
    let database = match opened {
        Some(Ok(database)) => database,
        Some(Err(redb::DatabaseError::DatabaseAlreadyOpen)) => {
            return Err("another hookstead is running on this data directory; stop that one first".into());
        }
        Some(Err(error)) => return Err(disk::damaged(&error.to_string())),
        None => return Err(disk::damaged("its inner structure is broken")),
    };
    match schema_of(&database) {
        Ok(Some(3)) => Ok(database),
        Ok(_) => Err(disk::damaged("it is not a data file of hookstead")),
        Err(error) => Err(disk::damaged(&error.to_string())),
    }
}

fn rebuilt(old: &Database, copy: &Path, options: &OpenOptions, watch: &mut dyn FnMut(Moment)) -> Result<(), String> {
    use std::os::unix::fs::OpenOptionsExt;
    let words = |error: redb::Error| error.to_string();
    let mut open = fs::File::options();
    let file = open.read(true).write(true).create(true).truncate(true).mode(0o600).open(copy);
    let file = FileBackend::new(file.map_err(|error| error.to_string())?).map_err(|error| error.to_string())?;
    disk::make(Box::new(file), options).map_err(words)?;
    watch(Moment::Between);
    let backend = opener(copy);
    let syncs = Syncs::default();
    let Opened { database, journal } = disk::open(&backend, options, &syncs, false)?;
    let from = old.begin_read().map_err(|error| error.to_string())?;
    each(&mut CopyRows { from: &from, to: &database, watch }).map_err(words)?;
    lift_by(&database, MIGRATIONS, SCHEMA, watch).map_err(words)?;
    drop((database, journal));
    watch(Moment::Between);
    drop(disk::open(&backend, options, &syncs, true)?);
    Ok(())
}

/// Copies every row, in transactions of a bounded size.
struct CopyRows<'a> {
    from: &'a ReadTransaction,
    to: &'a Database,
    watch: &'a mut dyn FnMut(Moment),
}

impl EachTable for CopyRows<'_> {
    type Error = redb::Error;

    fn table<K: Key + 'static, V: Value + 'static>(
        &mut self,
        definition: TableDefinition<'static, K, V>,
    ) -> Result<(), redb::Error> {
        let table = match self.from.open_table(definition) {
            Ok(table) => table,
            Err(TableError::TableDoesNotExist(_)) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let mut rows = table.iter()?.peekable();
        while rows.peek().is_some() {
            let mut transaction = self.to.begin_write()?;
            transaction.set_quick_repair(true);
            let (mut into, mut bytes) = (transaction.open_table(definition)?, 0);
            while let Some(row) = rows.next_if(|_| bytes < TRANSACTION) {
                let (key, value) = row?;
                let (key, value) = (key.value(), value.value());
                bytes += K::as_bytes(&key).as_ref().len() + V::as_bytes(&value).as_ref().len();
                into.insert(&key, &value)?;
            }
            drop(into);
            transaction.commit()?;
            (self.watch)(Moment::Between);
        }
        Ok(())
    }
}

fn opener(path: &Path) -> OpenBackend {
    let path = path.to_path_buf();
    Arc::new(move || {
        let opened = fs::OpenOptions::new().read(true).write(true).open(&path)?;
        Ok(Box::new(FileBackend::new(opened).map_err(std::io::Error::other)?))
    })
}

/// Brings the tables of a file that nobody else sees to the present schema.
///
/// # Errors
/// If it cannot be written.
pub fn lift(database: &Database, from: u64) -> Result<(), redb::Error> {
    match from {
        SCHEMA => Ok(()),
        _ => lift_by(database, MIGRATIONS, SCHEMA, &mut |_| ()),
    }
}

fn lift_by(
    database: &Database,
    migrations: &[Migration],
    to: u64,
    watch: &mut dyn FnMut(Moment),
) -> Result<(), redb::Error> {
    let mut at = schema_of(database)?.unwrap_or(0);
    while at < to {
        let step = migrations.iter().find(|step| step.to == at + 1);
        let no_step = || redb::Error::Corrupted(format!("there is no way from schema {at} to {to}"));
        let step = step.ok_or_else(no_step)?;
        (step.run)(database, &mut |progress| watch(Moment::Under(progress)))?;
        at = step.to;
        let mut transaction = database.begin_write()?;
        transaction.set_quick_repair(true);
        transaction.open_table(META)?.insert("schema", at.to_string().as_str())?;
        transaction.commit()?;
        watch(Moment::Between);
    }
    Ok(())
}

/// The number in the table `meta`; `None` if there is none.
fn schema_of(database: &Database) -> Result<Option<u64>, redb::Error> {
    match database.begin_read()?.open_table(META) {
        Ok(meta) => Ok(meta.get("schema")?.and_then(|text| text.value().parse().ok())),
        Err(TableError::TableDoesNotExist(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// One line for each tenth of the way, with the time that is left.
fn log_progress() -> impl FnMut(Progress) {
    let (began, mut told) = (std::time::Instant::now(), 0);
    move |progress| {
        let tenth = progress.done.saturating_mul(10) / progress.total.max(1);
        if tenth > told {
            told = tenth;
            let left = began.elapsed().mul_f64((10 - tenth.min(10)) as f64 / tenth as f64);
            tracing::info!("upgrade: {} %, about {} s left", tenth * 10, left.as_secs());
        }
    }
}
