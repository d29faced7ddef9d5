//! Order per key: of the pending deliveries of one webhook and one ordering key only the first has
//! a row in the queue; the others stand behind it and get one, each in its turn. So whoever sends
//! knows nothing of order: what it must not send yet, it does not see.
//!
//! A delivery joins an order when it is made, if its event has a key and its webhook keeps order at
//! that moment, and leaves it when it ends. The places are numbers that count up with the commits
//! (`webhook-sequence`), not ids: an id is given before the commit, so that of two events that are
//! posted at the same time the one with the greater id may come first.

use redb::ReadableTable;

use super::{
    Due, Notice, Store,
    attempts::CHUNK,
    batch::{Batch, read},
    fail::Fail,
    rows::Rows,
    tables::{DELIVERIES, ORDER},
};
use crate::domain::{
    Delivery, DeliveryId, Event, FailedReason, OrderTag, Problem, Status, Timestamp, Webhook, WebhookId,
};

/// Webhook, tag of the key, place.
pub type Place = (u128, u128, u64);
/// The table of all places, open for writing.
pub type Places<'t> = Rows<'t, Place, u128>;

impl Store {
    /// The entry that has to end before `delivery` is sent; `None` if it waits for no other.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn waits_for(&self, delivery: &Delivery) -> Result<Option<DeliveryId>, Problem> {
        let Some(tag) = delivery.order.filter(|_| delivery.behind) else { return Ok(None) };
        self.read(|transaction| first(&transaction.open_table(ORDER)?, delivery.webhook, tag))
    }
}

/// Numbers a new delivery, and puts it behind the others of its key if `webhook` keeps order. The
/// caller stores it.
pub fn join(batch: &mut Batch, event: &Event, webhook: &Webhook, delivery: &mut Delivery) -> Result<(), Fail> {
    let state = batch.state(webhook.id);
    state.sequence += 1;
    let sequence = state.sequence;
    delivery.sequence = Some(sequence);
    let Some(key) = event.ordering_key.as_ref().filter(|_| webhook.ordered) else { return Ok(()) };
    let tag = key.tag();
    if first(&*batch.order, webhook.id, tag)?.is_some() {
        (delivery.behind, delivery.due) = (true, None);
    }
    batch.order.insert((webhook.id.0, tag.0, sequence), delivery.id.0)?;
    delivery.order = Some(tag);
    Ok(())
}

/// Takes a delivery that ends out of its order, if it is in one. Gives the order, in which the
/// next one has its turn once the caller has stored that this one ended.
pub fn leave(batch: &mut Batch, delivery: &mut Delivery) -> Result<Option<OrderTag>, Fail> {
    delivery.behind = false;
    let Some(tag) = delivery.order.take() else { return Ok(None) };
    batch.order.remove((delivery.webhook.0, tag.0, delivery.sequence.unwrap_or_default()))?;
    Ok(Some(tag))
}

/// Lets the first of an order into the queue, if it is not there already.
pub fn release(batch: &mut Batch, webhook: WebhookId, tag: OrderTag, now: Timestamp) -> Result<(), Fail> {
    let Some(id) = first(&*batch.order, webhook, tag)? else { return Ok(()) };
    let before = batch.delivery(id)?.ok_or_else(|| Fail::damaged(format!("{id} is in an order and not there")))?;
    if !before.behind {
        return Ok(());
    }
    let mut after = before.clone();
    (after.behind, after.due) = (false, Some(now));
    batch.change_delivery(&before, &after)?;
    // Whoever is switched off is read anew when it is on again.
    if batch.shared.webhooks.get(webhook).is_some_and(|webhook| webhook.is_on()) {
        batch.notices.push(Notice::Queued { webhook, due: Due { at: now, delivery: id } });
    }
    Ok(())
}

/// The refusal to send a delivery that is behind another.
pub fn must_wait(batch: &Batch, delivery: &Delivery) -> Result<Problem, Fail> {
    let head = delivery.order.map_or(Ok(None), |tag| first(&*batch.order, delivery.webhook, tag))?;
    let head = head.map_or_else(|| "an earlier one".to_owned(), |id| id.to_string());
    let detail = format!(
        "Its webhook keeps order, and it waits for {head}, an earlier event of the same key. Resend that one; \
         this one follows when it has ended."
    );
    Ok(Problem::conflict(detail))
}

/// Ends up to [`CHUNK`] chosen deliveries of a webhook that keep an order, from a place on. Answers
/// how many it looked at, and where to go on.
pub fn settle_chunk(
    batch: &mut Batch,
    from: Place,
    reason: FailedReason,
    now: Timestamp,
    chosen: impl Fn(&Delivery) -> bool,
) -> Result<(usize, Option<Place>), Fail> {
    let mut rows = Vec::new();
    for row in batch.order.range(from..=(from.0, u128::MAX, u64::MAX))?.take(CHUNK) {
        let (place, id) = row?;
        rows.push((place.value(), id.value()));
    }
    let mut changed = Vec::new();
    for (place, id) in &rows {
        let Some(before) = read::<Delivery>(&*batch.deliveries, *id)?.filter(|delivery| chosen(delivery)) else {
            continue;
        };
        let mut after = before.clone();
        (after.status, after.failed_reason, after.due) = (Status::Failed, Some(reason), None);
        leave(batch, &mut after)?;
        batch.change_delivery(&before, &after)?;
        changed.push(OrderTag(place.1));
    }
    // Once for each key, so that what is about to end as well is not let into the queue first.
    changed.dedup();
    for tag in changed {
        release(batch, WebhookId(from.0), tag, now)?;
    }
    let next =
        rows.last().filter(|_| rows.len() == CHUNK).map(|((webhook, tag, place), _)| (*webhook, *tag, place + 1));
    Ok((rows.len(), next))
}

/// The delivery whose turn it is.
fn first(
    table: &impl ReadableTable<Place, u128>,
    webhook: WebhookId,
    tag: OrderTag,
) -> Result<Option<DeliveryId>, Fail> {
    let mut rows = table.range((webhook.0, tag.0, 0)..=(webhook.0, tag.0, u64::MAX))?;
    Ok(rows.next().transpose()?.map(|(_, id)| DeliveryId(id.value())))
}

/// Whether every order is as it should be: in it are exactly the deliveries that say so, all of
/// them pending, and only the first is not behind. `in_order` is the number of those that say so.
pub fn verify(transaction: &redb::ReadTransaction, in_order: u64, mut found: impl FnMut(String)) -> Result<(), Fail> {
    let order = transaction.open_table(ORDER)?;
    let deliveries = transaction.open_table(DELIVERIES)?;
    let (mut rows, mut last) = (0, None);
    for row in order.iter()? {
        let (place, id) = row?;
        let ((webhook, tag, sequence), id) = (place.value(), DeliveryId(id.value()));
        rows += 1;
        let is_first = last.replace((webhook, tag)) != Some((webhook, tag));
        let Some(delivery) = read::<Delivery>(&deliveries, id.0)? else {
            found(format!("{id}: is in an order and not there"));
            continue;
        };
        let says = (delivery.webhook.0, delivery.order, delivery.sequence);
        if says != (webhook, Some(OrderTag(tag)), Some(sequence)) || delivery.status != Status::Pending {
            found(format!("{id}: is in an order to which it does not belong"));
        } else if delivery.behind == is_first {
            let words = if is_first { "has its turn in an order and waits" } else { "is sent before its turn" };
            found(format!("{id}: {words}"));
        }
    }
    if rows != in_order {
        found(format!("there are {rows} places in orders, and should be {in_order}"));
    }
    Ok(())
}
