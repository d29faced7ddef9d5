//! Sending again everything that fits a filter: first a plan, then a job that goes on by itself.

use std::time::Duration;

use super::Service;
use crate::{
    domain::{Actor, JobId, LogCursor, LogFilter, Problem, Scope, StartedBy, Status, Timestamp, WebhookId},
    store::BulkJob,
};

/// Entries counted exactly for a plan; a larger plan says "at least".
const PLAN_LIMIT: usize = 100_000;
/// Entries resent in one transaction.
const CHUNK: usize = 500;

/// Entries a second when everything that waits is tried: the webhook's own limits apply besides.
const TRY_NOW_RATE: u32 = 100;

/// What should be sent again, and how fast.
#[derive(Debug, Clone)]
pub struct BulkRequest {
    /// Which entries.
    pub filter: LogFilter,
    /// Entries per second, 1 to 1,000; 10 if not given.
    pub rate_per_second: Option<u32>,
}

/// What a bulk resend would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BulkPlan {
    /// Entries that fit and failed for good.
    pub failed: u64,
    /// Entries that fit and are waiting; their next attempt is moved forward.
    pub pending: u64,
    /// Entries that fit and had arrived; receivers would get them twice.
    pub success: u64,
    /// There are more than were counted.
    pub at_least: bool,
    /// Entries per second.
    pub rate_per_second: u32,
}

impl BulkPlan {
    /// Entries in all.
    pub fn total(&self) -> u64 {
        self.failed + self.pending + self.success
    }

    /// Time from the first to the last.
    pub fn takes(&self) -> Duration {
        Duration::from_secs(self.total().div_ceil(u64::from(self.rate_per_second)))
    }
}

impl Service {
    /// What a bulk resend would do; nothing is changed.
    ///
    /// # Errors
    /// `missing_scope`, `wrong_account`, `invalid`.
    pub fn plan_bulk_resend(&self, actor: &Actor, request: &BulkRequest) -> Result<BulkPlan, Problem> {
        let (filter, rate_per_second) = self.check_bulk(actor, request)?;
        let mut plan = BulkPlan { failed: 0, pending: 0, success: 0, at_least: false, rate_per_second };
        let mut cursor = None;
        loop {
            let page = self.store.logs(&filter, cursor, CHUNK)?;
            for delivery in &page.items {
                match delivery.status {
                    Status::Failed => plan.failed += 1,
                    Status::Pending => plan.pending += 1,
                    Status::Success => plan.success += 1,
                }
            }
            plan.at_least = plan.total() >= PLAN_LIMIT as u64 && page.older.is_some();
            match page.older {
                Some(older) if !plan.at_least => cursor = Some(older),
                _ => return Ok(plan),
            }
        }
    }

    /// Begins to send again, oldest first. It goes on after a restart.
    ///
    /// # Errors
    /// `missing_scope`, `wrong_account`, `invalid`, `cannot_write`.
    pub async fn start_bulk_resend(&self, actor: &Actor, request: &BulkRequest) -> Result<BulkJob, Problem> {
        let (filter, rate_per_second) = self.check_bulk(actor, request)?;
        let plan = self.plan_bulk_resend(actor, request)?;
        let now = self.now();
        let job = BulkJob {
            id: self.next_job_id(now),
            filter,
            rate_per_second,
            started_at: now,
            started_by: actor.name.clone(),
            planned: plan.total(),
            position: None,
            // What is accepted after the job began is not part of it.
            end: self.store.newest_delivery()?,
            queued: 0,
            passed_over: 0,
            success: 0,
            failed: 0,
            next_due: now,
            finished_at: None,
            cancelled_by: None,
        };
        let audit = self.audit(actor, "bulk_resend.started", job.id);
        let audit = audit.changing("entries", "", job.planned).changing("rate_per_second", "", rate_per_second);
        self.store.save_job(job.clone(), audit).await?;
        Ok(job)
    }

    /// The bulk resends that are going on.
    ///
    /// # Errors
    /// `missing_scope`.
    pub fn running_bulk_resends(&self, actor: &Actor) -> Result<Vec<BulkJob>, Problem> {
        actor.require_one(&[Scope::LogsResend, Scope::LogsRead])?;
        let mut running = self.store.running_jobs()?;
        running.retain(|job| actor.account().is_none() || actor.account() == job.filter.account.as_ref());
        Ok(running)
    }

    /// Tries everything that waits for a webhook now, oldest first. It is a bulk resend like any
    /// other, so it can be followed and cancelled.
    ///
    /// # Errors
    /// `missing_scope`, `not_found`, `conflict` if the webhook is off, `cannot_write`.
    pub async fn try_waiting_now(&self, actor: &Actor, webhook: WebhookId) -> Result<BulkJob, Problem> {
        actor.require(Scope::LogsResend)?;
        if !self.visible_webhook(actor, webhook)?.is_on() {
            return Err(Problem::conflict("The webhook is off. Enable it, then try again."));
        }
        let filter = LogFilter { webhook: Some(webhook), status: Some(Status::Pending), ..LogFilter::default() };
        self.start_bulk_resend(actor, &BulkRequest { filter, rate_per_second: Some(TRY_NOW_RATE) }).await
    }

    /// How far a bulk resend is.
    ///
    /// # Errors
    /// `missing_scope`, `not_found`.
    pub fn bulk_resend(&self, actor: &Actor, id: JobId) -> Result<BulkJob, Problem> {
        actor.require_one(&[Scope::LogsResend, Scope::LogsRead])?;
        let job = self.store.job(id)?.ok_or_else(|| Problem::not_found("bulk resend"))?;
        match (actor.account(), &job.filter.account) {
            (None, _) => Ok(job),
            (Some(own), Some(account)) if own == account => Ok(job),
            _ => Err(Problem::not_found("bulk resend")),
        }
    }

    /// Sends no more of a bulk resend than what is queued already.
    ///
    /// # Errors
    /// `missing_scope`, `not_found`, `conflict` if it has ended, `cannot_write`.
    pub async fn cancel_bulk_resend(&self, actor: &Actor, id: JobId) -> Result<BulkJob, Problem> {
        actor.require(Scope::LogsResend)?;
        self.bulk_resend(actor, id)?;
        let audit = self.audit(actor, "bulk_resend.cancelled", id);
        self.store.cancel_job(id, actor.name.clone(), self.now(), audit).await
    }

    /// Moves every running bulk resend one step on. Called by the upkeep; answers when it wants to
    /// be called again, if any is running.
    ///
    /// # Errors
    /// If the store cannot be read or written.
    pub fn advance_bulk_resends(&self) -> Result<Option<Timestamp>, Problem> {
        let now = self.now();
        let mut again_at = None;
        for job in self.store.running_jobs()? {
            let next = self.advance(job, now)?;
            again_at = again_at.min(next).or(next);
        }
        Ok(again_at)
    }

    fn advance(&self, job: BulkJob, now: Timestamp) -> Result<Option<Timestamp>, Problem> {
        if job.next_due > now {
            return Ok(Some(job.next_due));
        }
        // One second's worth at a time, so that a cancel takes effect within a second.
        let wanted = (job.rate_per_second as usize).min(CHUNK);
        let cursor = job.position.map(LogCursor::NewerThan);
        let page = self.store.logs_oldest_first(&job.filter, cursor, job.end, wanted)?;
        let seconds = (page.items.len() as u64).max(1).div_ceil(u64::from(job.rate_per_second));
        let next_due = now.plus(Duration::from_secs(seconds));
        let finished = page.newer.is_none();
        let position = page.items.last().map(|delivery| delivery.id).or(job.position);
        let ids = page.items.into_iter().map(|delivery| delivery.id).collect();
        self.store.advance_job(job.id, ids, position, StartedBy::Bulk, now, next_due, finished).wait()?;
        Ok((!finished).then_some(next_due))
    }

    fn check_bulk(&self, actor: &Actor, request: &BulkRequest) -> Result<(LogFilter, u32), Problem> {
        actor.require(Scope::LogsResend)?;
        let mut filter = request.filter.clone();
        filter.account = actor.limit_account(filter.account)?;
        let rate = request.rate_per_second.unwrap_or(10);
        if !(1..=1_000).contains(&rate) {
            let fault =
                crate::domain::Fault::new("out_of_range", "Use a number from 1 to 1,000.").at("/rate_per_second");
            return Err(Problem::invalid(vec![fault]));
        }
        Ok((filter, rate))
    }
}
