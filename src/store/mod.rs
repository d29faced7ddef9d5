//! What is remembered. The public face is operations in the words of the domain; tables and
//! transactions stay inside, so that another engine can stand behind the same face.
//!
//! Every write goes through one writer, which takes whatever waits into one transaction, makes it
//! durable and only then answers. Durable is what is in the [`journal`] or in the database behind it;
//! into the database it goes many transactions at a time. Reads see the last commit and never wait
//! for it.
//!
//! After an I/O error the storage engine refuses every write until the file is opened anew. The
//! store then answers `cannot_write`, goes on reading, and reopens the file every few seconds.

mod access;
mod attempts;
mod audit;
mod batch;
mod catalogue;
mod declared;
mod disk;
mod events;
mod face;
mod fail;
mod fresh;
mod guesses;
mod healing;
mod jobs;
mod journal;
mod key_file;
mod layout;
mod logs;
mod order;
mod overlay;
mod pause;
mod payloads;
mod place;
mod publish;
mod record;
mod recovery;
mod retention;
mod rows;
mod seal;
mod shared;
mod tables;
mod tags;
mod verify;
mod webhooks;
mod writer;

use std::{
    io,
    path::Path,
    sync::{
        Arc, Mutex, OnceLock, RwLock, RwLockReadGuard,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::JoinHandle,
};

/// The storage engine's idea of a disk, for tests that play one.
pub use redb::StorageBackend;
use redb::{Database, Durability, ReadTransaction, ReadableDatabase, ReadableTable, WriteTransaction};

/// An entry of the audit log goes along with each change.
pub use crate::domain::AuditEntry;
pub use access::{EndSessions, UserUpdate};
pub use audit::AuditPage;
pub use declared::DeclaredNames;
pub use disk::{DATA_FILE, MARKER_FILE, OpenBackend, OpenError, OpenOptions};
pub use face::{
    AccountHour, Answer, AttemptRecord, BulkJob, Due, EventFilter, Notice, Observer, Parcel, Published, QueuePage,
    WebhookUpdate,
};
pub use healing::{HealingChange, Healings, Switch};
pub use key_file::{KeyFile, RandomBytes};
pub use payloads::PayloadsDeleted;
pub use seal::{KeyId, Resealed, SealPosition};
pub use shared::Webhooks;
pub use writer::Pending;

use crate::domain::{Problem, User, Webhook, WebhookId};
use batch::{Batch, Draft};
use disk::Opened;
use fail::Fail;
use journal::Journal;
use layout::Syncs;
use record::decode;
use seal::{Place, Seal};
use shared::{Shared, States};
use tables::*;

/// The store. Cheap to clone; all clones are the same store.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

/// What all clones share.
pub struct Inner {
    backend: OpenBackend,
    options: OpenOptions,
    syncs: Syncs,
    database: RwLock<Option<Database>>,
    journal: parking_lot::Mutex<Option<Journal>>,
    /// Numbers of the journal up to this are used up.
    used: AtomicU64,
    shared: RwLock<Shared>,
    states: RwLock<States>,
    fresh: parking_lot::Mutex<fresh::Fresh>,
    writable: AtomicBool,
    full: AtomicBool,
    queue: writer::Queue,
    observer: OnceLock<Observer>,
    /// Where its file is; a played disk has none.
    place: OnceLock<place::Place>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Store {
    /// Opens the store in a data directory, making it if it never was, and starts its writer.
    ///
    /// # Errors
    /// Anything that is not a whole store of ours: the message has the path and says what to do.
    pub fn open(directory: &Path, options: OpenOptions) -> Result<Store, OpenError> {
        let syncs = Syncs::default();
        let (opened, backend) = disk::open_directory(directory, &options, &syncs)?;
        let store = Self::over(opened, backend, options, syncs).map_err(|error| OpenError::new(directory, error))?;
        let place = place::Place::of(directory).map_err(|error| OpenError::new(directory, error))?;
        let _ = store.inner.place.set(place);
        store.start_writer().map_err(|error| OpenError::new(directory, format!("cannot start the writer: {error}")))?;
        if let Err(problem) = store.seal_all() {
            tracing::warn!(
                "not every secret is sealed with the newest key yet, which the next start tries again: {problem}"
            );
        }
        Ok(store)
    }

    /// Opens a store on a played disk, without a thread: work waits until [`Store::write_waiting`].
    ///
    /// # Errors
    /// If the disk holds something else, or fails.
    pub fn open_played(backend: OpenBackend, options: OpenOptions) -> Result<Store, OpenError> {
        let path = Path::new("played disk");
        let syncs = Syncs::default();
        let empty = backend().and_then(|disk| disk.len()).map_err(|error| OpenError::new(path, error))? == 0;
        if empty {
            let disk = backend().map_err(|error| OpenError::new(path, error))?;
            disk::make(disk, &options).map_err(|error| OpenError::new(path, error))?;
        }
        let opened = disk::open(&backend, &options, &syncs, true).map_err(|what| OpenError::new(path, what))?;
        Self::over(opened, backend, options, syncs).map_err(|error| OpenError::new(path, error))
    }

    fn over(opened: Opened, backend: OpenBackend, options: OpenOptions, syncs: Syncs) -> Result<Store, String> {
        let Opened { database, mut journal } = opened;
        // First of all: without the right key nothing is changed.
        let sealed_with = sealed(&database).map_err(|error| error.to_string())?;
        let mut seal = Seal::of(options.key_file.as_ref(), sealed_with.as_deref())?;
        recovery::recover(&database, &mut journal, Durability::Immediate).map_err(disk::unreadable)?;
        let by_now = sealed(&database).map_err(|error| error.to_string())?;
        if by_now != sealed_with {
            seal = Seal::of(options.key_file.as_ref(), by_now.as_deref())?;
        }
        let (shared, states) = load(&database, seal).map_err(|error| error.to_string())?;
        let inner = Inner {
            backend,
            options,
            syncs,
            database: RwLock::new(Some(database)),
            journal: parking_lot::Mutex::new(Some(journal)),
            used: AtomicU64::new(0),
            shared: RwLock::new(shared),
            states: RwLock::new(states),
            fresh: parking_lot::Mutex::default(),
            writable: AtomicBool::new(true),
            full: AtomicBool::new(false),
            queue: writer::Queue::default(),
            observer: OnceLock::new(),
            place: OnceLock::new(),
            thread: Mutex::new(None),
        };
        Ok(Store { inner: Arc::new(inner) })
    }

    /// Seals what is plain, and what a rotation that was stopped has left.
    fn seal_all(&self) -> Result<(), Problem> {
        let mut next = self.needs_resealing()?.then(SealPosition::default);
        while let Some(from) = next {
            next = self.reseal(from).wait()?.next;
        }
        Ok(())
    }

    /// Starts the writer's thread.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn start_writer(&self) -> io::Result<()> {
        let inner = self.inner.clone();
        let thread = std::thread::Builder::new().name("writer".into()).spawn(move || writer::run(&inner))?;
        *self.inner.thread.lock().expect("nothing panics while it holds the thread") = Some(thread);
        Ok(())
    }

    /// Says who is told after each commit. Only the first call counts.
    pub fn observe(&self, observer: Observer) {
        let _ = self.inner.observer.set(observer);
    }

    /// Does the work that waits, on this thread. For a store without a writer's thread.
    pub fn write_waiting(&self) {
        loop {
            let work = self.inner.queue.take();
            if work.is_empty() {
                return;
            }
            self.inner.write(work);
        }
    }

    /// Tries to open the file anew after writing failed. The writer's thread does this by itself.
    pub fn reopen(&self) {
        self.inner.reopen();
    }

    /// Whether writes succeed at present, and will be found at the next start.
    pub fn is_writable(&self) -> bool {
        self.inner.is_writable() && self.is_in_place()
    }

    /// While set, events are refused with `queue_full`; everything else goes on.
    pub fn set_full(&self, full: bool) {
        self.inner.full.store(full, Ordering::Relaxed);
    }

    /// Whether events are refused for want of disk space.
    pub fn is_full(&self) -> bool {
        self.inner.full.load(Ordering::Relaxed)
    }

    /// The schema of its tables.
    pub const SCHEMA: u64 = SCHEMA;

    /// Writes what waits, takes nothing more, and closes the file. Reads fail from then on.
    pub fn stop(&self) {
        self.inner.queue.stop();
        let thread = self.inner.thread.lock().expect("nothing panics while it holds the thread").take();
        if let Some(thread) = thread {
            // A panic of the writer was logged when it happened.
            let _ = thread.join();
        }
        if self.inner.is_writable() {
            self.inner.save_or_fail();
        }
        self.inner.close();
    }

    /// The random name that the data file got when it was made.
    pub fn instance(&self) -> Arc<str> {
        self.inner.shared.read().expect("no writer panics").instance.clone()
    }

    /// All webhooks as of the last commit.
    pub fn webhooks(&self) -> Arc<Webhooks> {
        self.inner.shared.read().expect("no writer panics").webhooks.clone()
    }

    /// Hands work to the writer, which starts a commit for it.
    fn write<T, F>(&self, run: F) -> Pending<T>
    where
        F: FnOnce(&mut Batch) -> Result<T, Fail> + Send + 'static,
        T: Send + 'static,
    {
        self.inner.queue.push(true, run)
    }

    /// Reads as of the last commit.
    fn read<T>(&self, run: impl FnOnce(&ReadTransaction) -> Result<T, Fail>) -> Result<T, Problem> {
        self.inner.begin_read().and_then(|transaction| run(&transaction)).map_err(|fail| {
            if matches!(fail, Fail::Storage(_)) && self.is_writable() {
                // After one I/O error the storage engine reads nothing more either, and where
                // nobody writes, nobody would notice: an empty commit does, so the file is reopened.
                drop(self.write(|_| Ok(())));
            }
            fail.into_problem()
        })
    }
}

impl Inner {
    fn is_writable(&self) -> bool {
        self.writable.load(Ordering::Acquire)
    }

    fn set_writable(&self, writable: bool) {
        self.writable.store(writable, Ordering::Release);
    }

    fn tell(&self, notices: Vec<Notice>) {
        if let Some(observer) = self.observer.get().filter(|_| !notices.is_empty()) {
            observer(notices);
        }
    }

    fn shared(&self) -> Shared {
        self.shared.read().expect("no writer panics").clone()
    }

    fn states(&self) -> RwLockReadGuard<'_, States> {
        self.states.read().expect("no writer panics")
    }

    /// Puts into memory what has been committed.
    fn keep(&self, draft: Draft) {
        *self.shared.write().expect("no writer panics") = draft.shared;
        self.states.write().expect("no writer panics").extend(draft.states);
        self.fresh.lock().change(draft.fresh);
    }

    fn begin_write(&self) -> Result<WriteTransaction, Fail> {
        let database = self.database.read().expect("no holder panics");
        Ok(database.as_ref().ok_or_else(closed)?.begin_write()?)
    }

    fn begin_read(&self) -> Result<ReadTransaction, Fail> {
        let database = self.database.read().expect("no holder panics");
        Ok(database.as_ref().ok_or_else(closed)?.begin_read()?)
    }
}

fn closed() -> Fail {
    Fail::from(redb::StorageError::DatabaseClosed)
}

/// The key that all secrets are sealed with.
fn sealed(database: &Database) -> Result<Option<String>, redb::Error> {
    seal::sealed(&database.begin_read()?.open_table(META)?)
}

/// Reads what is kept in memory.
fn load(database: &Database, seal: Seal) -> Result<(Shared, States), redb::Error> {
    let transaction = database.begin_read()?;
    let mut shared = Shared { seal, ..Shared::default() };
    let mut webhooks = Webhooks::default();
    for row in transaction.open_table(WEBHOOKS)?.iter()? {
        let (id, bytes) = row?;
        let record = shared.seal.open(&Place::row(WEBHOOKS, id.value()), bytes.value());
        let webhook: Webhook =
            kept(&record.map_err(|why| redb::Error::Corrupted(format!("a webhook cannot be read: {why}")))?)?;
        shared.version = shared.version.max(webhook.version);
        webhooks.put(Arc::new(webhook));
    }
    shared.webhooks = Arc::new(webhooks);
    let mut stored = Vec::new();
    for row in transaction.open_table(EVENT_TYPES)?.iter()? {
        stored.push(kept(row?.1.value())?);
    }
    shared.set_event_types(stored.into_iter());
    for row in transaction.open_table(API_KEYS)?.iter()? {
        shared.put_key(kept(row?.1.value())?);
    }
    for row in transaction.open_table(USERS)?.iter()? {
        let (id, bytes) = row?;
        let record = shared.seal.open(&Place::row(USERS, id.value()), bytes.value());
        let user: User = kept(&record.map_err(|why| redb::Error::Corrupted(format!("a user cannot be read: {why}")))?)?;
        shared.users += 1;
        shared.first_user_at = shared.first_user_at.into_iter().chain([user.created_at]).min();
    }
    let meta = transaction.open_table(META)?;
    shared.instance = meta.get("instance")?.map_or_else(Arc::default, |name| name.value().into());
    if let Some(text) = meta.get(pause::KEY)? {
        let unreadable = |_| redb::Error::Corrupted("the pause of sending cannot be read".into());
        shared.pause = Some(Arc::new(serde_json::from_str(text.value()).map_err(unreadable)?));
    }
    let mut healings = Healings::new();
    for row in transaction.open_table(HEALING)?.iter()? {
        let (id, bytes) = row?;
        healings.insert(WebhookId(id.value()), kept(bytes.value())?);
    }
    shared.healings = Arc::new(healings);
    let mut states = States::new();
    for row in transaction.open_table(WEBHOOK_STATES)?.iter()? {
        let (id, bytes) = row?;
        states.insert(WebhookId(id.value()), kept(bytes.value())?);
    }
    Ok((shared, states))
}

/// A record without which the store cannot be used.
fn kept<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, redb::Error> {
    decode(bytes).map_err(|_| redb::Error::Corrupted("a record that is needed to start cannot be read".into()))
}

#[cfg(test)]
mod tests;
