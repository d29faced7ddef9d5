//! Orders per key, and numbers without gaps.

use std::{
    pin::pin,
    task::{Context, Poll, Waker},
};

use super::*;
use crate::domain::OrderingKey;

impl World {
    fn ordered_webhook(&mut self, on: bool) -> WebhookId {
        let id = self.webhook("*", on);
        self.change(id, |webhook| webhook.ordered = true);
        id
    }

    fn change(&self, id: WebhookId, change: impl FnOnce(&mut Webhook) + Send + 'static) {
        self.done(self.store.update_webhook(id, None, self.now, Box::new(change), self.audit())).unwrap();
    }

    fn keyed(&mut self, key: &str) -> NewEvent {
        self.event(None, "{}").with_ordering_key(OrderingKey::parse(key).unwrap())
    }

    /// Publishes an event of a key for the only webhook.
    fn publish_keyed(&mut self, key: &str) -> DeliveryId {
        let event = self.keyed(key);
        let id = self.done(self.store.publish(vec![event])).unwrap().remove(0).unwrap().id;
        self.only_delivery(id).id
    }

    fn delivery(&self, id: DeliveryId) -> Delivery {
        self.store.delivery(id).unwrap().unwrap()
    }

    fn queued(&self, webhook: WebhookId) -> Vec<DeliveryId> {
        let page = self.store.queue_page(webhook, None, 100).unwrap();
        page.rows.into_iter().map(|due| due.delivery).collect()
    }

    /// Waits for something that takes several transactions.
    fn finish<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        loop {
            if let Poll::Ready(done) = work.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                return done;
            }
            self.store.write_waiting();
        }
    }
}

#[test]
fn only_the_first_of_a_key_is_in_the_queue_until_it_ends() {
    let mut world = World::new();
    let webhook = world.ordered_webhook(true);
    let ids: Vec<_> = ["a", "a", "b", "a"].map(|key| world.publish_keyed(key)).into();
    assert_eq!(world.queued(webhook), [ids[0], ids[2]]);
    assert_eq!(world.store.webhook_state(webhook).waiting, 4);
    assert_eq!(world.store.waits_for(&world.delivery(ids[3])).unwrap(), Some(ids[0]));
    world.agrees();

    let retry = world.now.plus(std::time::Duration::from_secs(5));
    world.record(&world.delivery(ids[0]), 500, Verdict::TryAgain(retry));
    assert_eq!(world.queued(webhook), [ids[2], ids[0]], "a retry lets nobody go");
    world.now = retry;
    world.told.lock().unwrap().clear();
    world.record(&world.delivery(ids[0]), 200, Verdict::Done);
    assert_eq!(world.queued(webhook), [ids[2], ids[1]]);
    let due = Due { at: retry, delivery: ids[1] };
    assert!(world.told.lock().unwrap().contains(&Notice::Queued { webhook, due }), "in the same commit");
    world.record(&world.delivery(ids[1]), 404, Verdict::GiveUp);
    assert_eq!(world.queued(webhook), [ids[2], ids[3]]);
    world.agrees();
    let kept = |id| (world.delivery(id).order.is_some(), world.delivery(id).sequence);
    assert_eq!(
        ids.iter().map(|id| kept(*id)).collect::<Vec<_>>(),
        [(false, Some(1)), (false, Some(2)), (true, Some(3)), (true, Some(4))]
    );
}

#[test]
fn the_order_is_that_of_the_commits_whatever_ids_they_have() {
    let mut world = World::new();
    let webhook = world.ordered_webhook(true);
    let (first, second) = (world.keyed("a"), world.keyed("a"));
    let ids = [second.event.id.delivery(0), first.event.id.delivery(0)];
    world.done(world.store.publish(vec![second, first])).unwrap();
    assert_eq!(world.queued(webhook), ids[..1]);
    world.agrees();
    world.record(&world.delivery(ids[0]), 200, Verdict::Done);
    assert_eq!(world.queued(webhook), ids[1..]);
    world.agrees();
}

#[test]
fn a_commit_that_fails_takes_no_number() {
    let mut world = World::new();
    let webhook = world.ordered_webhook(true);
    world.publish_keyed("a");
    world.disk.broken.store(true, Ordering::Relaxed);
    let lost = world.keyed("a");
    assert_eq!(world.done(world.store.publish(vec![lost])).unwrap_err().code, "cannot_write");
    world.disk.broken.store(false, Ordering::Relaxed);
    world.store.reopen();
    let next = world.publish_keyed("a");
    assert_eq!((world.delivery(next).sequence, world.store.webhook_state(webhook).sequence), (Some(2), 2));
    world.agrees();
}

#[test]
fn skipping_and_deleting_end_long_orders_in_several_transactions() {
    let mut world = World::new();
    let webhook = world.ordered_webhook(true);
    let heads = ["a", "b"].map(|key| world.publish_keyed(key));
    world.change(webhook, |webhook| {
        webhook.disabled = Some(Disabled { reason: DisabledReason::ByRequest, at: webhook.created_at });
    });
    for chunk in 0..5 {
        let keys = (0..500).map(|number| ["a", "b", "c"][(chunk + number) % 3]).collect::<Vec<_>>();
        let mut events: Vec<_> = keys.into_iter().map(|key| world.keyed(key)).collect();
        events.extend((0..100).map(|_| world.event(None, "{}")));
        world.done(world.store.publish(events)).unwrap();
    }
    assert_eq!(world.store.webhook_state(webhook).missed, 3_000);
    assert_eq!(world.queued(webhook).len(), 100);
    world.agrees();
    world.finish(world.store.skip_missed(webhook, world.now)).unwrap();
    let state = world.store.webhook_state(webhook);
    assert_eq!((state.waiting, state.missed, state.failed), (2, 0, 3_000));
    assert_eq!(world.queued(webhook), heads);
    world.agrees();

    world.change(webhook, |webhook| webhook.disabled = None);
    for _ in 0..5 {
        let events = (0..500).map(|number| world.keyed(["a", "d"][number % 2])).collect();
        world.done(world.store.publish(events)).unwrap();
    }
    let now = world.now;
    world.change(webhook, move |webhook| webhook.deleted_at = Some(now));
    world.finish(world.store.settle_deleted(webhook, now)).unwrap();
    assert_eq!((world.store.webhook_state(webhook).waiting, world.queued(webhook)), (0, vec![]));
    world.agrees();
}

#[test]
fn an_order_that_does_not_agree_is_found() {
    let mut world = World::new();
    world.ordered_webhook(true);
    let ids: Vec<_> = (0..3).map(|_| world.publish_keyed("a")).collect();
    let second = world.delivery(ids[1]);
    let place = (second.webhook.0, second.order.unwrap().0, 2);
    let change = world.store.write(move |batch| {
        batch.order.remove(place)?;
        let mut early = second.clone();
        (early.behind, early.due) = (false, Some(Timestamp::default()));
        batch.change_delivery(&second, &early)
    });
    world.done(change).unwrap();
    assert_eq!(world.store.verify().unwrap(), ["there are 2 places in orders, and should be 3"]);
    let second = ids[1];
    let change = world.store.write(move |batch| batch.order.insert(place, second.0));
    world.done(change).unwrap();
    assert_eq!(world.store.verify().unwrap(), [format!("{second}: is sent before its turn")]);
}

#[test]
fn only_an_end_that_others_may_wait_for_is_urgent() {
    let mut world = World::new();
    world.ordered_webhook(true);
    let delivery = world.publish_keyed("a");
    let delivery = world.delivery(delivery);
    let urgent = |ordered, verdict| {
        let mut record = attempt_record(&delivery, world.now, 200, verdict);
        record.ordered = ordered;
        record.lets_others_go()
    };
    assert!(urgent(true, Verdict::Done) && urgent(true, Verdict::GiveUp));
    assert!(!urgent(true, Verdict::TryAgain(world.now)) && !urgent(false, Verdict::Done));
}
