//! Bulk resends.

use redb::ReadableTable;

use super::{AuditEntry, BulkJob, Pending, Store, batch::read, record::decode, tables::JOBS};
use crate::domain::{JobId, Problem, Timestamp};

/// Bulk resends that may run at once.
const MOST_RUNNING: usize = 16;
/// Bulk resends kept after they ended, the newest.
const MOST_KEPT: usize = 1_000;

impl Store {
    /// Adds a bulk resend.
    ///
    /// # Errors
    /// `conflict` if too many are running, `cannot_write`.
    pub fn save_job(&self, job: BulkJob, audit: AuditEntry) -> Pending<()> {
        self.write(move |batch| {
            let mut ended = Vec::new();
            let mut running = 0;
            for row in batch.open(JOBS)?.iter()? {
                let known: BulkJob = decode(row?.1.value())?;
                match known.finished_at {
                    Some(_) => ended.push(known.id),
                    None => running += 1,
                }
            }
            if running >= MOST_RUNNING {
                let detail = format!("{MOST_RUNNING} bulk resends are running. Wait for one of them, or cancel one.");
                return Err(Problem::conflict(detail).into());
            }
            for old in ended.iter().take(ended.len().saturating_sub(MOST_KEPT - 1)) {
                batch.open(JOBS)?.remove(old.0)?;
            }
            batch.audit(&audit)?;
            batch.put(JOBS, job.id.0, &job)
        })
    }

    /// The bulk resend of that id.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn job(&self, id: JobId) -> Result<Option<BulkJob>, Problem> {
        self.read(|transaction| read(&transaction.open_table(JOBS)?, id.0))
    }

    /// The bulk resends that have not ended.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn running_jobs(&self) -> Result<Vec<BulkJob>, Problem> {
        self.read(|transaction| {
            let mut running = Vec::new();
            for row in transaction.open_table(JOBS)?.iter()? {
                let job: BulkJob = decode(row?.1.value())?;
                if job.finished_at.is_none() {
                    running.push(job);
                }
            }
            Ok(running)
        })
    }

    /// Ends a bulk resend; what it has queued is still sent.
    ///
    /// # Errors
    /// `not_found`, `conflict` if it has ended, `cannot_write`.
    pub fn cancel_job(&self, id: JobId, by: String, now: Timestamp, audit: AuditEntry) -> Pending<BulkJob> {
        self.write(move |batch| {
            let mut job = batch.get::<BulkJob>(JOBS, id.0)?.ok_or_else(|| Problem::not_found("bulk resend"))?;
            if job.finished_at.is_some() {
                return Err(Problem::conflict("This bulk resend has ended already.").into());
            }
            (job.finished_at, job.cancelled_by) = (Some(now), Some(by));
            batch.audit(&audit)?;
            batch.put(JOBS, id.0, &job)?;
            Ok(job)
        })
    }
}
