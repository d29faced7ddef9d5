//! The file on disk: finding it, refusing what is not ours, opening and reopening it.
//!
//! The storage engine would take an empty file for a new database and start with nothing. So a
//! marker beside the file says that data has been there, and a file without content, or one that
//! disappeared, is refused with its path instead.

use std::{
    cell::Cell,
    fmt, fs, io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{Arc, Once},
};

use redb::{Builder, Database, DatabaseError, ReadableDatabase, StorageBackend, TableError, backends::FileBackend};

use super::{
    fail::Fail,
    journal::Journal,
    key_file::KeyFile,
    layout::{Layout, Part, Syncs},
    overlay::Overlay,
    tables::{META, SCHEMA},
};

/// Name of the data file in the data directory.
pub const DATA_FILE: &str = "hookstead.redb";
/// Name of the marker beside it.
pub const MARKER_FILE: &str = "hookstead.instance";

/// Where the bytes of the data file are; called anew each time it is opened.
pub type OpenBackend = Arc<dyn Fn() -> io::Result<Box<dyn StorageBackend>> + Send + Sync>;

/// How the data file is opened.
#[derive(Clone)]
pub struct OpenOptions {
    /// Memory for the storage engine's cache, in bytes.
    pub cache_bytes: usize,
    /// Files up to this many bytes are checked from end to end when they are opened.
    pub check_up_to_bytes: u64,
    /// Room for the journal of a data file that is made anew. Four fifths of a second of work at
    /// full speed fit into the default; as much is done again at a start after a kill.
    pub journal_bytes: u64,
    /// Name given to a data file that is made anew, to know it again.
    pub new_instance: String,
    /// The keys that seal secrets; without, nothing is sealed.
    pub key_file: Option<KeyFile>,
}

impl Default for OpenOptions {
    fn default() -> Self {
        OpenOptions {
            cache_bytes: 64 << 20,
            check_up_to_bytes: 256 << 20,
            journal_bytes: 32 << 20,
            new_instance: "instance".into(),
            key_file: None,
        }
    }
}

/// Why the data file cannot be used. Says the path and what to do.
#[derive(Debug)]
pub struct OpenError(String);

impl fmt::Display for OpenError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for OpenError {}

impl OpenError {
    pub(super) fn new(path: &Path, what: impl fmt::Display) -> Self {
        OpenError(format!("{}: {what}", path.display()))
    }
}

/// Opens the data file of a data directory, making both if they never were.
///
/// # Errors
/// Anything that is not a whole data file of ours; the file is left as it is.
pub fn open_directory(
    directory: &Path,
    options: &OpenOptions,
    syncs: &Syncs,
) -> Result<(Opened, OpenBackend), OpenError> {
    make_directory(directory)?;
    let (path, marker) = (directory.join(DATA_FILE), directory.join(MARKER_FILE));
    let known = read_marker(&marker)?;
    match (look_at(&path)?, &known) {
        (None, Some(_)) => {
            let what = format!(
                "the data file is gone, but {MARKER_FILE} says that there was one. \
                 Restore it from a backup, or remove {MARKER_FILE} to begin with nothing"
            );
            return Err(OpenError::new(&path, what));
        }
        (None, None) => make_new(&path, options)?,
        (Some(0), _) => {
            let what =
                "the data file is empty. Restore it from a backup, or remove it and the marker to begin with nothing";
            return Err(OpenError::new(&path, what));
        }
        (Some(_), _) => {}
    }
    let file = path.clone();
    let backend: OpenBackend = Arc::new(move || {
        let opened = fs::OpenOptions::new().read(true).write(true).open(&file)?;
        Ok(Box::new(FileBackend::new(opened).map_err(io::Error::other)?))
    });
    let length = fs::metadata(&path).map_err(|error| OpenError::new(&path, error))?.len();
    let opened = open(&backend, options, syncs, length <= options.check_up_to_bytes)
        .map_err(|what| OpenError::new(&path, what))?;
    let instance = read_instance(&opened.database).map_err(|what| OpenError::new(&path, what))?;
    match known {
        None => write_marker(&marker, &instance)?,
        Some(known) if known == instance => {}
        Some(known) => {
            let what = format!(
                "this is the data file of instance {instance}, but {MARKER_FILE} names {known}. \
                 Put the right file back, or remove {MARKER_FILE} to go on with this one"
            );
            return Err(OpenError::new(&path, what));
        }
    }
    Ok((opened, backend))
}

/// Opens the database anew after writing to it failed. If a sync had failed, every byte is written
/// again before, so that what readers see is what is stored, and checked.
///
/// # Errors
/// What is wrong, without the path.
pub fn reopen(backend: &OpenBackend, options: &OpenOptions, syncs: &Syncs) -> Result<Opened, String> {
    let rewrite = syncs.have_failed();
    if rewrite {
        write_again(backend).map_err(|error| format!("what it holds cannot be stored: {error}"))?;
        syncs.forget();
    }
    open(backend, options, syncs, rewrite)
}

/// Opens the database only to read it: nothing of the file is changed.
///
/// # Errors
/// What is wrong, without the path.
pub fn open_to_read(backend: &OpenBackend, options: &OpenOptions) -> Result<Opened, String> {
    open_with(backend, options, &Syncs::default(), |builder, part| builder.create_with_backend(Overlay::over(part)))
}

fn write_again(backend: &OpenBackend) -> io::Result<()> {
    let file = backend()?;
    let length = file.len()?;
    file.set_len(length)?;
    let mut chunk = vec![0; 1 << 20];
    let mut at = 0;
    while at < length {
        let part = &mut chunk[..(length - at).min(1 << 20) as usize];
        file.read(at, part)?;
        file.write(at, part)?;
        at += part.len() as u64;
    }
    file.sync_data()?;
    file.close()
}

/// A data file, open.
pub struct Opened {
    /// What its last durable commit left, and what was committed since.
    pub database: Database,
    /// What was committed since.
    pub journal: Journal,
}

/// Opens the data file behind `backend`; with `check`, reads all of it first. What the journal has
/// is not in the database yet.
///
/// # Errors
/// What is wrong, without the path.
pub fn open(backend: &OpenBackend, options: &OpenOptions, syncs: &Syncs, check: bool) -> Result<Opened, String> {
    open_with(backend, options, syncs, |builder, part| {
        builder.set_check_integrity_on_open(check).create_with_backend(part)
    })
}

fn open_with(
    backend: &OpenBackend,
    options: &OpenOptions,
    syncs: &Syncs,
    create: impl FnOnce(&mut Builder, Part) -> Result<Database, DatabaseError>,
) -> Result<Opened, String> {
    let disk = Part::whole(backend().map_err(|error| error.to_string())?, syncs);
    let layout = Layout::read(&disk).map_err(|what| damaged(&what))?;
    let mut builder = Database::builder();
    builder.set_cache_size(options.cache_bytes);
    // A damaged file can make the storage engine panic; that too only means "damaged".
    let opened = quietly(|| create(&mut builder, disk.from(layout.database())));
    match opened {
        Some(Ok(database)) => Ok(Opened { database, journal: Journal::new(Arc::new(disk), layout.journal()) }),
        Some(Err(DatabaseError::DatabaseAlreadyOpen)) => {
            Err("another hookstead is running on this data directory; stop that one first".into())
        }
        Some(Err(error)) => Err(damaged(&error.to_string())),
        None => Err(damaged("its inner structure is broken")),
    }
}

fn damaged(what: &str) -> String {
    format!("the data file cannot be read ({what}). It was left as it is. Restore a backup, or run `hookstead doctor`")
}

thread_local! {
    /// Whether a panic of this thread is expected and says nothing to anybody.
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Closes a database. On its way it commits what is not durable yet, which may fail in any way if the
/// disk does; the journal has it all the same.
pub fn close(database: Option<Database>) {
    if quietly(|| drop(database)).is_none() {
        tracing::warn!("the storage engine panicked while it closed the data file");
    }
}

/// Why what the journal has cannot be brought into the database.
pub fn unreadable(fail: Fail) -> String {
    match fail {
        Fail::Refused(problem) => damaged(&problem.detail),
        Fail::Storage(error) => match *error {
            // What is there is well; it cannot be written at present.
            redb::Error::Io(error) => error.to_string(),
            error => damaged(&error.to_string()),
        },
    }
}

/// Runs something that may panic without letting the panic be printed. The hook belongs to the
/// whole process, so it is set once and asks each thread; set and reset around each run, two runs
/// at once would leave every later panic unprinted.
fn quietly<T>(run: impl FnOnce() -> T) -> Option<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let print = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !QUIET.get() {
                print(panic);
            }
        }));
    });
    QUIET.set(true);
    let result = catch_unwind(AssertUnwindSafe(run)).ok();
    QUIET.set(false);
    result
}

/// Makes a data file out of an empty one.
///
/// # Errors
/// If it cannot be written.
pub fn make(disk: Box<dyn StorageBackend>, options: &OpenOptions) -> Result<(), redb::Error> {
    let disk = Part::whole(disk, &Syncs::default());
    let layout = Layout::new(options.journal_bytes);
    layout.write(&disk)?;
    let mut builder = Database::builder();
    let database = builder.set_cache_size(options.cache_bytes).create_with_backend(disk.from(layout.database()))?;
    let mut transaction = database.begin_write()?;
    transaction.set_quick_repair(true);
    {
        let mut meta = transaction.open_table(META)?;
        meta.insert("schema", SCHEMA.to_string().as_str())?;
        meta.insert("instance", options.new_instance.as_str())?;
    }
    transaction.commit()?;
    Ok(())
}

/// The instance name of a data file whose schema this program knows.
fn read_instance(database: &Database) -> Result<String, String> {
    let read = || -> Result<(Option<String>, Option<String>), redb::Error> {
        let transaction = database.begin_read()?;
        let meta = match transaction.open_table(META) {
            Ok(meta) => meta,
            Err(TableError::TableDoesNotExist(_)) => return Ok((None, None)),
            Err(error) => return Err(error.into()),
        };
        let text = |name| Ok::<_, redb::Error>(meta.get(name)?.map(|value| value.value().to_owned()));
        Ok((text("schema")?, text("instance")?))
    };
    match read().map_err(|error| damaged(&error.to_string()))? {
        (Some(schema), Some(instance)) => match schema.parse::<u64>() {
            Ok(SCHEMA) => Ok(instance),
            Ok(newer) if newer > SCHEMA => Err(format!(
                "the data file is of schema {newer}, this program knows up to {SCHEMA}. \
                 Run the newer hookstead that wrote it; nothing was changed"
            )),
            Ok(older) => Err(format!(
                "the data file is of schema {older}, which was never released. Start with another data directory"
            )),
            _ => Err(damaged("its schema number is none of ours")),
        },
        _ => Err(damaged("it is not a data file of hookstead")),
    }
}

fn make_directory(directory: &Path) -> Result<(), OpenError> {
    use std::os::unix::fs::DirBuilderExt;
    let mut builder = fs::DirBuilder::new();
    // It will hold personal data: nobody else looks in.
    builder.recursive(true).mode(0o700);
    builder
        .create(directory)
        .map_err(|error| OpenError::new(directory, format!("cannot make the data directory: {error}")))
}

/// The length of the data file, if there is one.
fn look_at(path: &Path) -> Result<Option<u64>, OpenError> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => Ok(Some(metadata.len())),
        Ok(_) => Err(OpenError::new(path, "this is not a regular file")),
        Err(error) if error.kind() == io::ErrorKind::NotFound && !path.is_symlink() => Ok(None),
        Err(error) => Err(OpenError::new(path, error)),
    }
}

/// Makes the data file under another name and renames it, so that one that is there is whole.
fn make_new(path: &Path, options: &OpenOptions) -> Result<(), OpenError> {
    let unfinished = path.with_extension("redb.new");
    let make = || -> Result<(), Box<dyn std::error::Error>> {
        use std::os::unix::fs::OpenOptionsExt;
        let mut open = fs::OpenOptions::new();
        let file = open.read(true).write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
        make(Box::new(FileBackend::new(file)?), options)?;
        fs::rename(&unfinished, path)?;
        sync_directory_of(path)?;
        Ok(())
    };
    make().map_err(|error| {
        let _ = fs::remove_file(&unfinished);
        let denied =
            error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::PermissionDenied);
        match path.parent().filter(|_| denied) {
            Some(directory) => not_ours(directory),
            None => OpenError::new(path, format!("cannot make the data file: {error}")),
        }
    })
}

/// A directory that belongs to somebody else, as a volume of a container often does at first.
fn not_ours(directory: &Path) -> OpenError {
    use std::os::unix::fs::MetadataExt;
    let me = rustix::process::geteuid().as_raw();
    let shown = directory.display();
    let owner = match fs::metadata(directory) {
        Ok(metadata) => format!("owner {}:{}, ", metadata.uid(), metadata.gid()),
        Err(_) => String::new(),
    };
    OpenError(format!("cannot write {shown} ({owner}running as {me}). Run: chown {me}:{me} {shown}"))
}

fn sync_directory_of(path: &Path) -> io::Result<()> {
    let directory = path.parent().map_or_else(|| PathBuf::from("."), Path::to_path_buf);
    fs::File::open(directory)?.sync_all()
}

fn read_marker(marker: &Path) -> Result<Option<String>, OpenError> {
    match fs::read_to_string(marker) {
        Ok(text) => Ok(text.lines().next().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(OpenError::new(marker, error)),
    }
}

fn write_marker(marker: &Path, instance: &str) -> Result<(), OpenError> {
    let text = format!(
        "{instance}\nBelongs to {DATA_FILE} beside it. Without this file an empty data file would pass for a new one.\n"
    );
    let write = || {
        let unfinished = marker.with_extension("instance.new");
        fs::write(&unfinished, text)?;
        fs::File::open(&unfinished)?.sync_all()?;
        fs::rename(&unfinished, marker)?;
        sync_directory_of(marker)
    };
    write().map_err(|error| OpenError::new(marker, format!("cannot write the marker: {error}")))
}
