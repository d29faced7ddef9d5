//! Recording what came of attempts, and sending again.

use redb::ReadableTable;

use super::{
    AttemptRecord, AuditEntry, BulkJob, Due, Notice, Parcel, Pending, Store,
    batch::{Batch, read},
    fail::Fail,
    order,
    payloads::forget_if_arrived,
    record::encode,
    tables::{JOBS, QUEUE},
};
use crate::domain::{
    Attempt, Delivery, DeliveryId, Disabled, DisabledReason, FailedReason, JobId, Problem, StartedBy, Status,
    Timestamp, Verdict, Webhook, WebhookId,
};

/// Deliveries settled in one transaction. Large chunks are ten times faster than small ones, and
/// this many take some 20 ms.
pub(super) const CHUNK: usize = 1_000;

impl Store {
    /// Records attempts, each with what was decided after it. Nobody waits for this: the records
    /// join the next commit, or start one after a moment; at once if other deliveries may be
    /// waiting for the end of one. [`Notice::Recorded`] follows for each, or
    /// [`Notice::CannotWrite`]. An attempt that is recorded already is passed over.
    pub fn record(&self, records: Vec<AttemptRecord>) -> Pending<()> {
        let urgent = records.iter().any(AttemptRecord::lets_others_go);
        self.inner.queue.push(urgent, move |batch| records.into_iter().try_for_each(|one| record(batch, one)))
    }

    /// Records a test: its event, its delivery and its only attempt, in one transaction.
    ///
    /// # Errors
    /// `cannot_write`.
    pub fn record_test(&self, parcel: Parcel, attempt: Attempt) -> Pending<()> {
        self.write(move |batch| {
            let Parcel { mut delivery, event, body, .. } = parcel;
            let success = attempt.outcome.is_success();
            delivery.status = if success { Status::Success } else { Status::Failed };
            delivery.failed_reason = (!success).then_some(FailedReason::GaveUp);
            (delivery.attempts, delivery.round_attempts, delivery.due) = (1, 1, None);
            delivery.last = Some(attempt.summary());
            delivery.only_attempt = Some(Box::new(attempt));
            batch.events.insert(event.id.0, encode(&*event).as_slice())?;
            batch.bodies.insert(event.id.0, &*body)?;
            batch.add_delivery(&event, &delivery)
        })
    }

    /// Makes a delivery due now. One that had ended begins a new round of its schedule; one that
    /// waits is moved forward.
    ///
    /// # Errors
    /// `not_found`, `conflict` if its webhook is off or deleted or it waits for an earlier one of
    /// its key, `cannot_write`.
    pub fn resend(
        &self,
        id: DeliveryId,
        now: Timestamp,
        started_by: StartedBy,
        by: String,
        audit: AuditEntry,
    ) -> Pending<Delivery> {
        self.write(move |batch| {
            let delivery = resend(batch, id, now, started_by, by, None)?;
            batch.audit(&audit)?;
            Ok(delivery)
        })
    }

    /// Moves a bulk resend on: puts `ids` into the queue, spread evenly until `next_due`, and
    /// remembers how far it is, in one transaction.
    #[expect(clippy::too_many_arguments, reason = "one step of a job, written together")]
    pub fn advance_job(
        &self,
        job: JobId,
        ids: Vec<DeliveryId>,
        position: Option<DeliveryId>,
        started_by: StartedBy,
        now: Timestamp,
        next_due: Timestamp,
        finished: bool,
    ) -> Pending<()> {
        self.write(move |batch| {
            let Some(mut stored) = batch.get::<BulkJob>(JOBS, job.0)? else { return Ok(()) };
            if stored.finished_at.is_some() {
                return Ok(());
            }
            let pause = (next_due - now) / (ids.len() as u32).max(1);
            for (index, id) in ids.into_iter().enumerate() {
                let due = now.plus(pause * index as u32);
                match resend(batch, id, due, started_by, stored.started_by.clone(), Some(job)) {
                    Ok(_) => stored.queued += 1,
                    Err(Fail::Refused(_)) => stored.passed_over += 1,
                    Err(storage) => return Err(storage),
                }
            }
            stored.position = position;
            stored.next_due = next_due;
            stored.finished_at = finished.then_some(now);
            batch.put(JOBS, job.0, &stored)
        })
    }

    /// Ends every pending delivery of a deleted webhook, in bounded transactions.
    ///
    /// # Errors
    /// `cannot_write`; the upkeep goes on with it later.
    pub async fn settle_deleted(&self, webhook: WebhookId, now: Timestamp) -> Result<(), Problem> {
        self.settle(webhook, FailedReason::WebhookDeleted, now, |_| true).await
    }

    /// Ends the pending deliveries that came while a webhook was off, in bounded transactions.
    /// What waited in order behind one of them is due `now`.
    ///
    /// # Errors
    /// `cannot_write`.
    pub async fn skip_missed(&self, webhook: WebhookId, now: Timestamp) -> Result<(), Problem> {
        self.settle(webhook, FailedReason::Skipped, now, |delivery| delivery.missed && delivery.attempts == 0).await
    }

    async fn settle(
        &self,
        webhook: WebhookId,
        reason: FailedReason,
        now: Timestamp,
        chosen: impl Fn(&Delivery) -> bool + Copy + Send + 'static,
    ) -> Result<(), Problem> {
        // First the orders, with what stands behind in them; then the queue, where the rest is.
        let (mut ordered, mut queued) = (Some((webhook.0, 0, 0)), (webhook.0, 0, 0));
        loop {
            let (next, end) = self
                .write(move |batch| {
                    let mut looked_at = 0;
                    if let Some(from) = ordered {
                        let (rows, next) = order::settle_chunk(batch, from, reason, now, chosen)?;
                        if next.is_some() {
                            return Ok((next, Some(queued)));
                        }
                        looked_at = rows;
                    }
                    Ok((None, settle_chunk(batch, queued, CHUNK - looked_at, reason, now, chosen)?))
                })
                .await?;
            ordered = next;
            match end {
                Some(end) => queued = end,
                None => return Ok(()),
            }
        }
    }
}

fn record(batch: &mut Batch, record: AttemptRecord) -> Result<(), Fail> {
    let AttemptRecord {
        delivery: id,
        webhook: webhook_id,
        attempt,
        verdict,
        throttled_until,
        gone,
        ordered: _,
        finished_at,
    } = record;
    let mut stored = batch.delivery(id)?;
    if let Some(before) = stored.take_if(|before| expects(before, &attempt)) {
        let mut after = after_attempt(batch, &before, attempt, verdict, gone)?;
        let order = if after.status == Status::Pending { None } else { order::leave(batch, &mut after)? };
        batch.change_delivery(&before, &after)?;
        count_attempt(batch, &before, &after, throttled_until)?;
        if let Some(order) = order {
            order::release(batch, webhook_id, order, finished_at)?;
        }
        if gone {
            switch_off(batch, webhook_id, after.last.map_or_else(Timestamp::default, |last| last.started_at))?;
        }
        if after.status == Status::Success {
            forget_if_arrived(batch, id.event(), finished_at)?;
        }
        stored = Some(after);
    }
    // Also when it was recorded before: the sender lets go of it, and takes up the row it has.
    let next = stored.filter(|delivery| delivery.status == Status::Pending).and_then(|delivery| delivery.due);
    batch.notices.push(Notice::Recorded { webhook: webhook_id, delivery: id, next });
    Ok(())
}

/// Whether that attempt is the one to be recorded next. A delivery that was ended while its
/// request was under way still takes the truth about that request.
fn expects(delivery: &Delivery, attempt: &Attempt) -> bool {
    let ended_meanwhile = matches!(delivery.failed_reason, Some(FailedReason::WebhookDeleted | FailedReason::Skipped));
    attempt.number == delivery.attempts + 1 && (delivery.status == Status::Pending || ended_meanwhile)
}

fn after_attempt(
    batch: &mut Batch,
    before: &Delivery,
    mut attempt: Attempt,
    verdict: Verdict,
    gone: bool,
) -> Result<Delivery, Fail> {
    let mut after = before.clone();
    after.attempts += 1;
    after.round_attempts += 1;
    after.last = Some(attempt.summary());
    (after.due, after.next_start_by, after.job) = (None, None, None);
    after.next_start = StartedBy::Automatic;
    match verdict {
        Verdict::Done => (after.status, after.failed_reason) = (Status::Success, None),
        Verdict::TryAgain(due) if before.status == Status::Pending => {
            attempt.next_attempt_at = Some(due);
            after.due = Some(due);
        }
        // It had ended while the request was under way, and stays ended.
        Verdict::TryAgain(_) => {}
        Verdict::GiveUp => {
            after.status = Status::Failed;
            after.failed_reason = Some(if gone { FailedReason::Gone } else { FailedReason::GaveUp });
        }
    }
    if attempt.number == 1 && after.status == Status::Success {
        after.only_attempt = Some(Box::new(attempt));
        return Ok(after);
    }
    if let Some(first) = after.only_attempt.take() {
        batch.add_attempt(after.id, &first)?;
    }
    batch.add_attempt(after.id, &attempt)?;
    Ok(after)
}

fn count_attempt(
    batch: &mut Batch,
    before: &Delivery,
    after: &Delivery,
    throttled_until: Option<Timestamp>,
) -> Result<(), Fail> {
    let Some(last) = after.last else { return Ok(()) };
    let ended_at = last.started_at.plus(std::time::Duration::from_millis(u64::from(last.duration_ms)));
    let success = after.status == Status::Success;
    let state = batch.state(after.webhook);
    state.attempt(success, ended_at);
    if !success {
        state.last_failure = Some(last);
    }
    if throttled_until.is_some() {
        state.throttled_until = throttled_until;
    }
    let hour = batch.hour(after.webhook, ended_at.hour())?;
    hour.attempts += 1;
    if last.http_status.is_some() {
        hour.answered(last.duration_ms);
    }
    match after.status {
        Status::Pending => {}
        Status::Success => {
            hour.success += 1;
            hour.first_try += u64::from(after.attempts == 1);
        }
        Status::Failed => hour.failed += 1,
    }
    if after.status != Status::Pending
        && let Some(account) = batch.shared.webhooks.get(after.webhook).map(|webhook| webhook.account.clone())
    {
        let hour = batch.account_hour(ended_at.hour(), &account)?;
        hour.success += u64::from(success);
        hour.failed += u64::from(!success);
    }
    if let Some(job) = before.job
        && let Some(mut job) = batch.get::<BulkJob>(JOBS, job.0)?
    {
        job.success += u64::from(success);
        job.failed += u64::from(!success);
        batch.put(JOBS, job.id.0, &job)?;
    }
    Ok(())
}

/// The receiver said that it is gone: in the same transaction, nothing more is sent to it.
fn switch_off(batch: &mut Batch, id: WebhookId, at: Timestamp) -> Result<(), Fail> {
    let Some(webhook) = batch.shared.webhooks.get(id).filter(|webhook| webhook.is_on()) else { return Ok(()) };
    let mut webhook = Webhook::clone(&webhook);
    webhook.disabled = Some(Disabled { reason: DisabledReason::Gone, at });
    (webhook.updated_at, webhook.updated_by) = (at, String::new());
    super::webhooks::put(batch, webhook).map(|_| ())
}

fn resend(
    batch: &mut Batch,
    id: DeliveryId,
    due: Timestamp,
    started_by: StartedBy,
    by: String,
    job: Option<JobId>,
) -> Result<Delivery, Fail> {
    let before = batch.delivery(id)?.ok_or_else(|| Problem::not_found("log entry"))?;
    let webhook = batch.shared.webhooks.get(before.webhook).filter(|webhook| webhook.deleted_at.is_none());
    let Some(webhook) = webhook else {
        return Err(Problem::conflict("Its webhook was deleted, so it cannot be sent again.").into());
    };
    if webhook.disabled.is_some() {
        return Err(Problem::conflict("Its webhook is off. Enable the webhook, then send again.").into());
    }
    let event = batch.event(before.event())?;
    if event.as_ref().is_none_or(|event| event.test) {
        return Err(Problem::conflict("A test event is not sent again. Send a new test instead.").into());
    }
    if event.is_some_and(|event| event.payload_deleted.is_some()) {
        return Err(Problem::conflict("Its payload was deleted, so it cannot be sent again.").into());
    }
    if before.behind {
        return Err(order::must_wait(batch, &before)?.into());
    }
    let mut after = before.clone();
    if before.status != Status::Pending {
        after.round_attempts = 0;
    }
    (after.status, after.failed_reason, after.due) = (Status::Pending, None, Some(due));
    (after.next_start, after.next_start_by, after.job, after.missed) = (started_by, Some(by), job, false);
    batch.change_delivery(&before, &after)?;
    batch.notices.push(Notice::Queued { webhook: after.webhook, due: Due { at: due, delivery: id } });
    Ok(after)
}

/// Ends the chosen ones of up to `most` deliveries from a place in the queue on. Answers where to
/// go on. Most of those that keep an order were seen to before, see [`order::settle_chunk`].
fn settle_chunk(
    batch: &mut Batch,
    from: (u128, u64, u128),
    most: usize,
    reason: FailedReason,
    now: Timestamp,
    chosen: impl Fn(&Delivery) -> bool,
) -> Result<Option<(u128, u64, u128)>, Fail> {
    let mut rows = Vec::with_capacity(most);
    for row in batch.queue.range(from..=(from.0, u64::MAX, u128::MAX))?.take(most) {
        rows.push(row?.0.value());
    }
    for (_, _, id) in &rows {
        let Some(before) = read::<Delivery>(&*batch.deliveries, *id)?.filter(|delivery| chosen(delivery)) else {
            continue;
        };
        let mut after = before.clone();
        (after.status, after.failed_reason, after.due) = (Status::Failed, Some(reason), None);
        let order = order::leave(batch, &mut after)?;
        batch.change_delivery(&before, &after)?;
        if let Some(order) = order {
            order::release(batch, after.webhook, order, now)?;
        }
    }
    let full = rows.len() == most;
    Ok(rows.last().filter(|_| full).map(|(webhook, due, id)| (*webhook, *due, id + 1)))
}

/// One webhook's queue from a place on.
pub(super) fn queue_rows(
    transaction: &redb::ReadTransaction,
    webhook: WebhookId,
    after: Option<Due>,
    limit: usize,
) -> Result<super::QueuePage, Fail> {
    let table = transaction.open_table(QUEUE)?;
    let from = after.map_or((webhook.0, 0, 0), |due| (webhook.0, due.at.as_millis(), due.delivery.0 + 1));
    let mut rows = Vec::new();
    for row in table.range(from..=(webhook.0, u64::MAX, u128::MAX))?.take(limit + 1) {
        let (_, at, id) = row?.0.value();
        rows.push(Due { at: Timestamp::from_millis(at), delivery: DeliveryId(id) });
    }
    let more = rows.len() > limit;
    rows.truncate(limit);
    Ok(super::QueuePage { rows, more })
}
