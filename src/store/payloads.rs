//! Deleting the content of one event on request, such as that of a person whose data must go.

use redb::ReadableTable;

use super::{
    AuditEntry, Pending, Store,
    batch::Batch,
    fail::Fail,
    record::{decode, encode},
};
use crate::domain::{Attempt, Delivery, EventId, Outcome, PayloadDeleted, Problem, Status};

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
            let rows = batch.deliveries.range(id.0..id.deliveries_end().0)?;
            let deliveries: Vec<Delivery> = rows.map(|row| decode(row?.1.value())).collect::<Result<_, Fail>>()?;
            if deliveries.iter().any(|delivery| delivery.status == Status::Pending) {
                let detail = "This event is still to be sent, so its payload is needed. Wait until every entry of it \
                              has ended, or delete the webhook that waits for it.";
                return Err(Problem::conflict(detail).into());
            }
            for delivery in deliveries {
                forget_answers(batch, delivery)?;
            }
            batch.bodies.insert(id.0, [].as_slice())?;
            event.payload_at = (0, 0);
            event.payload_deleted = Some(deleted);
            batch.events.insert(id.0, encode(&event).as_slice())?;
            batch.audit(&audit)
        })
    }
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
