//! Backups: on request, by the clock, and what there is of them.

use std::{
    fs::File,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use super::Service;
use crate::{
    domain::{Actor, Problem, ProblemKind, Scope, Timestamp},
    store::{BackupFile, BackupFolder, BackupMade, LastBackup, Progress},
};

/// After a failure the next attempt by the clock is made this much later.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(15 * 60);

/// What is remembered of backups between requests.
#[derive(Default)]
pub struct Backups {
    running: Mutex<Option<Progress>>,
    failed: Mutex<Option<BackupFailure>>,
    stopping: AtomicBool,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// The last attempt at a backup failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupFailure {
    /// When.
    pub at: Timestamp,
    /// Why, for a person.
    pub why: String,
}

/// What there is of backups.
#[derive(Debug, Clone)]
pub struct BackupStatus {
    /// The last one that was finished, wherever it went.
    pub last: Option<LastBackup>,
    /// How far the one is that is being made.
    pub running: Option<Progress>,
    /// The failure since the last one that was finished.
    pub failed: Option<BackupFailure>,
}

impl Service {
    /// Writes a backup to a file, which is on the disk then. Everything else goes on meanwhile.
    ///
    /// # Errors
    /// `missing_scope`, `wrong_account`, `conflict` if one is being made, `backup_failed`.
    pub fn back_up_to(
        &self,
        actor: &Actor,
        file: &File,
        heard: &mut dyn FnMut(Progress) -> bool,
    ) -> Result<BackupMade, Problem> {
        may_back_up(actor)?;
        self.run_backup(actor, |at, watch| {
            let made = self.store.back_up(file, at, &mut |progress| watch(progress) && heard(progress))?;
            file.sync_all().map_err(|error| format!("the backup cannot be written: {error}"))?;
            Ok(made)
        })
    }

    /// Begins to make a backup in the folder; [`Service::backup_status`] says how far it is.
    ///
    /// # Errors
    /// `missing_scope`, `wrong_account`, `conflict` if one is being made.
    pub fn start_backup(self: &Arc<Self>, actor: &Actor) -> Result<(), Problem> {
        may_back_up(actor)?;
        let mut thread = self.backups.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if thread.as_ref().is_some_and(|thread| !thread.is_finished()) {
            return Err(under_way());
        }
        let (service, actor) = (self.clone(), actor.clone());
        let started = std::thread::Builder::new().name("backup".into()).spawn(move || {
            // What became of it is in the log and in the status.
            let _ = service.make_backup(&actor);
        });
        *thread = Some(started.map_err(|_| Problem::internal())?);
        Ok(())
    }

    /// Makes a backup in the folder.
    ///
    /// # Errors
    /// `missing_scope`, `wrong_account`, `conflict` if one is being made, `backup_failed`.
    pub fn make_backup(&self, actor: &Actor) -> Result<BackupMade, Problem> {
        may_back_up(actor)?;
        let keep = self.settings.backup.keep;
        self.run_backup(actor, |at, watch| self.backup_folder().make(&self.store, at, keep, watch))
    }

    /// Begins a backup if one is due by the clock.
    ///
    /// # Errors
    /// If the folder cannot be read.
    pub fn make_due_backup(self: &Arc<Self>) -> Result<(), Problem> {
        let Some(every) = self.settings.backup.every else { return Ok(()) };
        let now = self.now();
        let failed = self.backup_failure();
        let too_soon = failed.is_some_and(|failed| now >= failed.at && now - failed.at < TRY_AGAIN_AFTER);
        if too_soon || self.is_backing_up() {
            return Ok(());
        }
        let newest = match self.backup_folder().list() {
            Ok(files) => files.first().map(|file| file.at),
            Err(error) => return Err(self.backup_failed(now, error.to_string())),
        };
        // One whose time is still to come was made under a clock that was wrong.
        match newest {
            Some(newest) if newest <= now && now - newest < every => Ok(()),
            _ => self.start_backup(&Actor::admin("backup.every_hours")),
        }
    }

    /// What there is of backups.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn backup_status(&self) -> Result<BackupStatus, Problem> {
        let running = *self.backups.running.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(BackupStatus { last: self.store.last_backup()?, running, failed: self.backup_failure() })
    }

    /// The backups in the folder, the newest first.
    ///
    /// # Errors
    /// `missing_scope`, `wrong_account`, `backup_failed` if the folder cannot be read.
    pub fn backup_files(&self, actor: &Actor) -> Result<Vec<BackupFile>, Problem> {
        may_back_up(actor)?;
        self.backup_folder().list().map_err(|error| failure(error.to_string()))
    }

    /// Opens a backup of the folder to hand it out, and notes who got it.
    ///
    /// # Errors
    /// `missing_scope`, `wrong_account`, `not_found`, `cannot_write`.
    pub async fn open_backup(&self, actor: &Actor, name: &str) -> Result<File, Problem> {
        may_back_up(actor)?;
        let file = self.backup_folder().open(name).map_err(|_| Problem::not_found("backup"))?;
        self.store.write_audit(self.audit(actor, "backup.downloaded", name)).await?;
        Ok(file)
    }

    /// Ends the backup that is being made, if there is one, and begins none any more.
    pub fn stop_backups(&self) {
        self.backups.stopping.store(true, Ordering::Release);
        let thread = self.backups.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // A panic in it was logged when it came.
            let _ = thread.join();
        }
    }

    fn backup_folder(&self) -> BackupFolder {
        BackupFolder(self.settings.backup.folder.clone())
    }

    fn is_backing_up(&self) -> bool {
        self.backups.running.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    fn backup_failure(&self) -> Option<BackupFailure> {
        self.backups.failed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Makes one, unless one is being made; keeps what became of it.
    fn run_backup(
        &self,
        actor: &Actor,
        make: impl FnOnce(Timestamp, &mut dyn FnMut(Progress) -> bool) -> Result<BackupMade, String>,
    ) -> Result<BackupMade, Problem> {
        let _turn = Turn::take(&self.backups)?;
        let (at, began) = (self.now(), std::time::Instant::now());
        let made = make(at, &mut |progress| {
            *self.backups.running.lock().unwrap_or_else(PoisonError::into_inner) = Some(progress);
            !self.backups.stopping.load(Ordering::Acquire)
        });
        match made {
            Ok(made) => {
                let took_ms = began.elapsed().as_millis() as u64;
                tracing::info!(bytes = made.bytes, rows = made.rows, took_ms, by = actor.name, "a backup was made");
                *self.backups.failed.lock().unwrap_or_else(PoisonError::into_inner) = None;
                let last = LastBackup { at, bytes: made.bytes };
                let audit = self.audit(actor, "backup.made", crate::domain::with_thousands(made.bytes) + " bytes");
                if let Err(problem) = self.store.record_backup(last, audit).wait() {
                    // The backup is whole all the same; only its time is not remembered.
                    tracing::warn!("that a backup was made could not be noted: {problem}");
                }
                Ok(made)
            }
            Err(why) => Err(self.backup_failed(at, why)),
        }
    }

    fn backup_failed(&self, at: Timestamp, why: String) -> Problem {
        if !self.backups.stopping.load(Ordering::Acquire) {
            tracing::error!("a backup failed: {why}");
            *self.backups.failed.lock().unwrap_or_else(PoisonError::into_inner) =
                Some(BackupFailure { at, why: why.clone() });
        }
        failure(why)
    }
}

/// Only one is made at a time: each keeps a read transaction open.
struct Turn<'a>(&'a Backups);

impl<'a> Turn<'a> {
    fn take(backups: &'a Backups) -> Result<Turn<'a>, Problem> {
        let mut running = backups.running.lock().unwrap_or_else(PoisonError::into_inner);
        match *running {
            Some(_) => Err(under_way()),
            None => {
                *running = Some(Progress::default());
                Ok(Turn(backups))
            }
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *self.0.running.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// A backup holds the data of every account, and the secrets of all for whoever has the key file.
fn may_back_up(actor: &Actor) -> Result<(), Problem> {
    actor.require(Scope::SecretsRead)?;
    match actor.account() {
        None => Ok(()),
        Some(_) => {
            Err(Problem::new(ProblemKind::Forbidden, "wrong_account", "A backup holds the data of every account."))
        }
    }
}

fn under_way() -> Problem {
    Problem::conflict("A backup is being made already. Wait until it is there.")
}

fn failure(why: String) -> Problem {
    Problem::new(ProblemKind::Internal, "backup_failed", why)
}
