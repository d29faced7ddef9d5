//! Deleting the content of events: of one or of a whole account on request, such as that of a person
//! whose data must go, and of those whose type says so once they have arrived.

use redb::ReadableTable;

use super::{
    AuditEntry, Pending, Store,
    batch::Batch,
    fail::Fail,
    record::{decode, encode},
    tables::EVENTS,
};
use crate::domain::{
    AccountId, Attempt, Delivery, Event, EventId, Outcome, PayloadDeleted, Problem, Status, Timestamp,
};

impl Store {
    /// Deletes the body of an event, and the kept bodies of the answers to it, which may repeat it.
    /// The event, its deliveries and its attempts stay. Once deleted it stays as it was deleted first.
    ///
    /// # Errors
    /// `not_found`, `conflict` if it is still to be sent, `cannot_write`.
    pub fn delete_payload(&self, id: EventId, deleted: PayloadDeleted, audit: AuditEntry) -> Pending<()> {
        self.write(move |batch| {
            let mut event = batch.event(id)?.ok_or_else(|| Problem::not_found("event"))?;
            if event.payload_deleted.is_some() {
                return Ok(());
            }
            let deliveries = deliveries_of(batch, id)?;
            if deliveries.iter().any(|delivery| delivery.status == Status::Pending) {
                let detail = "This event is still to be sent, so its payload is needed. Wait until every entry of it \
                              has ended, or delete the webhook that waits for it.";
                return Err(Problem::conflict(detail).into());
            }
            forget_payload(batch, &mut event, deliveries, deleted)?;
            batch.audit(&audit)
        })
    }

    /// Deletes the payloads of a few events of an account, from `from` on. Those that are still to be
    /// sent are left; with their webhook gone they can be deleted too.
    ///
    /// # Errors
    /// If the store cannot be read or written.
    pub async fn delete_payloads_of(
        &self,
        account: &AccountId,
        from: EventId,
        deleted: PayloadDeleted,
    ) -> Result<PayloadsDeleted, Problem> {
        let (ids, next) = self.with_payload_of(account, from)?;
        if ids.is_empty() {
            return Ok(PayloadsDeleted { deleted: 0, pending: 0, next });
        }
        let (done, pending) = self
            .write(move |batch| {
                let (mut done, mut pending) = (0, 0);
                for id in ids {
                    let Some(mut event) = batch.event(id)?.filter(|event| event.payload_deleted.is_none()) else {
                        continue;
                    };
                    let deliveries = deliveries_of(batch, id)?;
                    if deliveries.iter().any(|delivery| delivery.status == Status::Pending) {
                        pending += 1;
                        continue;
                    }
                    forget_payload(batch, &mut event, deliveries, deleted.clone())?;
                    done += 1;
                }
                Ok((done, pending))
            })
            .await?;
        Ok(PayloadsDeleted { deleted: done, pending, next })
    }

    /// Events of an account that have a payload, and where to go on. Looking costs no writer's time.
    fn with_payload_of(&self, account: &AccountId, from: EventId) -> Result<(Vec<EventId>, Option<EventId>), Problem> {
        self.read(|transaction| {
            let table = transaction.open_table(EVENTS)?;
            let (mut found, mut looked_at, mut last) = (Vec::new(), 0, from);
            for row in table.range(from.0..)?.take(LOOKED_AT) {
                let event: Event = decode(row?.1.value())?;
                (looked_at, last) = (looked_at + 1, event.id);
                if event.account == *account && event.payload_deleted.is_none() {
                    found.push(event.id);
                    if found.len() == DELETED_AT_ONCE {
                        return Ok((found, Some(EventId(event.id.deliveries_end().0))));
                    }
                }
            }
            Ok((found, (looked_at == LOOKED_AT).then(|| EventId(last.deliveries_end().0))))
        })
    }
}

/// Events looked at in one step, some milliseconds; and events changed in one transaction, each with all
/// its answers.
const LOOKED_AT: usize = 2_000;
const DELETED_AT_ONCE: usize = 64;

/// What one step of deleting did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PayloadsDeleted {
    /// Payloads deleted.
    pub deleted: u64,
    /// Events left because they are still to be sent.
    pub pending: u64,
    /// Where to go on; `None` after the newest event.
    pub next: Option<EventId>,
}

/// Deletes the payload of an event if its type says so and it has arrived at every webhook.
pub(super) fn forget_if_arrived(batch: &mut Batch, id: EventId, at: Timestamp) -> Result<(), Fail> {
    // Most catalogues have no such type, and then nothing is read.
    if !batch.shared.event_types.iter().any(|info| info.forget_after_success) {
        return Ok(());
    }
    let Some(mut event) = batch.event(id)?.filter(|event| event.payload_deleted.is_none()) else { return Ok(()) };
    let known = batch.shared.event_types.clone();
    if !known.iter().any(|info| info.name == event.event_type && info.forget_after_success) {
        return Ok(());
    }
    let deliveries = deliveries_of(batch, id)?;
    if deliveries.iter().any(|delivery| delivery.status != Status::Success) {
        return Ok(());
    }
    forget_payload(batch, &mut event, deliveries, PayloadDeleted { at, by: BY_ITSELF.to_owned() })
}

/// Who deletes what has arrived, as pages say it.
const BY_ITSELF: &str = "the setting of its event type";

fn deliveries_of(batch: &Batch, id: EventId) -> Result<Vec<Delivery>, Fail> {
    let rows = batch.deliveries.range(id.0..id.deliveries_end().0)?;
    rows.map(|row| decode(row?.1.value())).collect()
}

fn forget_payload(
    batch: &mut Batch,
    event: &mut Event,
    deliveries: Vec<Delivery>,
    deleted: PayloadDeleted,
) -> Result<(), Fail> {
    for delivery in deliveries {
        forget_answers(batch, delivery)?;
    }
    batch.bodies.insert(event.id.0, [].as_slice())?;
    event.payload_at = (0, 0);
    event.payload_deleted = Some(deleted);
    batch.events.insert(event.id.0, encode(event).as_slice())?;
    Ok(())
}

fn forget_answers(batch: &mut Batch, mut delivery: Delivery) -> Result<(), Fail> {
    if let Some(only) = &mut delivery.only_attempt {
        forget_answer(only);
        batch.deliveries.insert(delivery.id.0, encode(&delivery).as_slice())?;
        return Ok(());
    }
    for number in 1..=delivery.attempts {
        let key = (delivery.id.0, number);
        let Some(mut attempt) = batch.attempts.get(key)?.map(|bytes| decode::<Attempt>(bytes.value())).transpose()?
        else {
            continue;
        };
        forget_answer(&mut attempt);
        batch.attempts.insert(key, encode(&attempt).as_slice())?;
    }
    Ok(())
}

fn forget_answer(attempt: &mut Attempt) {
    if let Outcome::Answered(answer) = &mut attempt.outcome {
        answer.body_truncated |= !answer.body.is_empty();
        answer.body.clear();
    }
}
