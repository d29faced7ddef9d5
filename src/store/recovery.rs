//! What makes the data file whole: durable commits, the journal brought in when the file is opened,
//! and opening it anew after writing to it failed.

use std::sync::{Arc, atomic::Ordering};

use redb::{Database, Durability, ReadableDatabase, WriteTransaction};

use super::{
    Inner, Notice, closed, disk,
    disk::Opened,
    fail::Fail,
    journal::{Journal, ReadError},
    load,
    rows::AllTables,
    tables::META,
};
use crate::domain::Webhook;

/// Key in [`META`] of the number of the last commit that the database has durably.
const SAVED: &str = "journal";

impl From<ReadError> for Fail {
    fn from(error: ReadError) -> Self {
        Fail::from(match error {
            ReadError::Io(error) => redb::Error::Io(error),
            ReadError::Damaged(_) => redb::Error::Corrupted(error.to_string()),
        })
    }
}

/// Brings what the journal has into the database, and makes tables that are not there yet. With
/// [`Durability::None`] that is only seen, not stored: the journal keeps it. Records after number
/// `most` are left out.
///
/// # Errors
/// If the disk fails, or what is there is not what was written.
pub fn recover(database: &Database, journal: &mut Journal, durability: Durability, most: u64) -> Result<(), Fail> {
    let saved = match database.begin_read()?.open_table(META)?.get(SAVED)? {
        Some(number) => number
            .value()
            .parse()
            .map_err(|_| Fail::from(redb::Error::Corrupted("the number of the last commit cannot be read".into())))?,
        None => 0,
    };
    let mut transaction = database.begin_write()?;
    let mut tables = AllTables::open(&transaction)?;
    journal.replay(saved, most, |changes| tables.replay(changes))?;
    drop(tables);
    match durability {
        Durability::None => {
            transaction.set_durability(durability)?;
            transaction.commit()?;
        }
        _ => save(transaction, journal)?,
    }
    Ok(())
}

/// Commits durably: what this transaction did, and everything that only the journal had.
///
/// # Errors
/// If the disk fails. The commit may have arrived all the same.
pub fn save(mut transaction: WriteTransaction, journal: &mut Journal) -> Result<(), Fail> {
    let number = journal.number();
    transaction.open_table(META)?.insert(SAVED, number.to_string().as_str())?;
    // Opening after a crash then takes milliseconds at any size of the file.
    transaction.set_quick_repair(true);
    transaction.commit()?;
    journal.restart(number);
    Ok(())
}

impl Inner {
    /// Makes durable in the database what only the journal has.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn save(&self) -> Result<(), Fail> {
        let transaction = self.begin_write()?;
        let mut journal = self.journal.lock();
        match journal.as_mut().ok_or_else(closed)? {
            journal if journal.is_empty() => Ok(transaction.abort()?),
            journal => save(transaction, journal),
        }
    }

    /// Lets go of the file. Reads fail from then on.
    pub fn close(&self) {
        disk::close(self.database.write().expect("no holder panics").take());
        *self.journal.lock() = None;
    }

    /// Tries to make the file one that can be written again. If that fails it can at least be read:
    /// after an error the storage engine neither writes nor reads.
    pub fn reopen(&self) {
        let opened = self.open_anew(Durability::Immediate, || disk::reopen(&self.backend, &self.options, &self.syncs));
        match opened.and_then(|()| self.reload().map_err(|fail| format!("{fail:?}"))) {
            Ok(changed) => {
                tracing::info!("the data file can be written again");
                self.set_writable(true);
                self.tell([Notice::Reopened].into_iter().chain(changed).collect());
            }
            Err(error) => {
                tracing::warn!("the data file still cannot be written: {error}");
                self.read_on();
            }
        }
    }

    /// Opens the file anew so that it can be read, also where nothing can be written.
    pub fn read_on(&self) {
        let opened = self.open_anew(Durability::None, || disk::open_to_read(&self.backend, &self.options));
        if let Err(error) = opened {
            tracing::warn!("the data file cannot be read either: {error}");
        }
    }

    /// Opens the file anew and brings in what the journal has: everything that was answered is there.
    fn open_anew(&self, durability: Durability, open: impl FnOnce() -> Result<Opened, String>) -> Result<(), String> {
        let mut held = self.database.write().expect("no holder panics");
        let mut journal = self.journal.lock();
        if let Some(journal) = journal.as_mut() {
            self.used.store(journal.number(), Ordering::Relaxed);
            self.stored.store(journal.stored(), Ordering::Relaxed);
        }
        // What somebody was told to have failed is not there, though its record may be.
        let most = self.stored.load(Ordering::Relaxed);
        // The old one holds the file's lock, so it goes first.
        disk::close(held.take());
        *journal = None;
        let mut opened = open()?;
        opened.journal.skip_to(self.used.load(Ordering::Relaxed));
        recover(&opened.database, &mut opened.journal, durability, most).map_err(|fail| format!("{fail:?}"))?;
        (*held, *journal) = (Some(opened.database), Some(opened.journal));
        Ok(())
    }

    /// Memory is read from disk again, because a commit that failed may still have arrived there;
    /// gives a notice for each webhook that it had changed.
    fn reload(&self) -> Result<Vec<Notice>, Fail> {
        let database = self.database.read().expect("no holder panics");
        let (shared, states) = load(database.as_ref().ok_or_else(closed)?, self.shared().seal)?;
        self.fresh.lock().clear();
        let known = self.shared().webhooks;
        let version = |webhook: &Arc<Webhook>| known.get(webhook.id).map(|webhook| webhook.version);
        let changed = shared.webhooks.all_with_deleted().filter(|webhook| version(webhook) != Some(webhook.version));
        let paused = shared.pause.is_some();
        let paused = (self.shared().pause.is_some() != paused).then_some(Notice::Paused(paused));
        let notices = changed.map(|webhook| Notice::WebhookChanged(webhook.id)).chain(paused).collect();
        *self.shared.write().expect("no writer panics") = shared;
        *self.states.write().expect("no writer panics") = states;
        Ok(notices)
    }
}
