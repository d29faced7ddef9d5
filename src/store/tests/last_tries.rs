//! What the store does for a webhook whose retries are paused, or that is about to be deleted.

use std::time::Duration;

use super::*;
use crate::domain::Waiting;

impl World {
    /// Deliveries that wait for a retry in an hour, and the first attempts made meanwhile.
    fn failed_and_new(&mut self, webhook: WebhookId, failed: usize, new: usize) -> Vec<DeliveryId> {
        let due = self.now.plus(Duration::from_secs(3_600));
        for _ in 0..failed {
            let event = self.publish("1");
            let delivery = self.only_delivery(event);
            self.record(&delivery, 500, Verdict::TryAgain(due));
        }
        self.now = due.plus(Duration::from_secs(60));
        let new = (0..new).map(|_| self.publish("2")).collect::<Vec<_>>();
        assert_eq!(self.store.webhook_state(webhook).waiting as usize, failed + new.len());
        new.into_iter().map(|event| self.only_delivery(event).id).collect()
    }

    fn pause_retries(&self, webhook: WebhookId, since: Option<Timestamp>) {
        let update: WebhookUpdate = Box::new(move |webhook| webhook.retries_paused = since);
        self.done(self.store.update_webhook(webhook, None, self.now, update, self.audit())).unwrap();
    }
}

fn rows(page: &QueuePage) -> (Vec<DeliveryId>, bool) {
    (page.rows.iter().map(|due| due.delivery).collect(), page.more)
}

#[test]
fn paused_retries_are_not_seen_however_many_stand_before_what_may_be_sent() {
    let mut world = World::new();
    let webhook = world.webhook("*", true);
    let new = world.failed_and_new(webhook, 1_100, 3);
    world.pause_retries(webhook, Some(world.now));
    assert_eq!(rows(&world.store.sendable_page(webhook, None, 10).unwrap()), (new.clone(), false));
    let first = world.store.sendable_page(webhook, None, 2).unwrap();
    assert_eq!(rows(&first), (new[..2].to_vec(), true));
    let rest = world.store.sendable_page(webhook, first.rows.last().copied(), 2).unwrap();
    assert_eq!(rows(&rest), (new[2..].to_vec(), false));
    world.pause_retries(webhook, None);
    let page = world.store.sendable_page(webhook, None, 2_000).unwrap();
    assert_eq!((page.rows.len(), page.more), (1_103, false));
}

#[test]
fn what_a_leaving_webhook_would_be_sent_later_is_due_at_once_in_parts() {
    let mut world = World::new();
    let webhook = world.webhook("*", true);
    let new = world.failed_and_new(webhook, 1_100, 2);
    world.now = new[0].made_at();
    let before = Duration::from_secs(1_800);
    let now = Timestamp::from_millis(world.now.as_millis() - before.as_millis() as u64);
    let hurry = || world.done(world.store.hurry(webhook, now, "admin".into())).unwrap();
    assert_eq!((hurry(), hurry(), hurry()), (true, false, false));
    let page = world.store.queue_page(webhook, None, 2_000).unwrap();
    assert_eq!(page.rows.iter().filter(|due| due.at == now).count(), 1_102);
    let moved = world.store.delivery(page.rows[0].delivery).unwrap().unwrap();
    assert_eq!((moved.next_start, moved.next_start_by.as_deref()), (StartedBy::Resend, Some("admin")));
    world.agrees();
}

#[test]
fn an_earlier_url_counts_for_events_that_met_it_and_for_no_other() {
    let mut world = World::new();
    let webhook = world.webhook("*", true);
    let url = |path: &str| TargetUrl::parse(&format!("https://hooks.example.com/{path}")).unwrap();
    let mut goes_to = Vec::new();
    for path in ["second", "third"] {
        goes_to.push(world.publish("1"));
        let to = url(path);
        let update: WebhookUpdate = Box::new(move |webhook| webhook.move_to(to, Waiting::StaysWithOldUrl));
        world.done(world.store.update_webhook(webhook, None, world.now, update, world.audit())).unwrap();
    }
    goes_to.push(world.publish("1"));
    let found = world.store.webhooks().get(webhook).unwrap();
    let shown = |event: EventId, again: bool| {
        let met = world.store.event(event).unwrap().unwrap().met_version;
        let delivery = Delivery { to_present_url: again, ..world.only_delivery(event) };
        found.url_for(&delivery, met).as_str().rsplit('/').next().unwrap().to_owned()
    };
    assert_eq!(goes_to.iter().map(|event| shown(*event, false)).collect::<Vec<_>>(), ["crm", "second", "third"]);
    assert_eq!(goes_to.iter().map(|event| shown(*event, true)).collect::<Vec<_>>(), ["third"; 3]);
    // Attempts name the version whose URL it was, and that finds it.
    let version = |event: EventId| {
        let met = world.store.event(event).unwrap().unwrap().met_version;
        let version = found.url_version_for(&world.only_delivery(event), met)?;
        Some(world.store.webhook_version(webhook, version).unwrap().unwrap().request_url.to_string())
    };
    let old = ["crm", "second"].map(|path| Some(url(path).to_string()));
    assert_eq!(goes_to.iter().map(|event| version(*event)).collect::<Vec<_>>(), [&old[..], &[None]].concat());
    let mut found = Webhook::clone(&found);
    found.move_to(url("fourth"), Waiting::GoesToNewUrl);
    assert!(found.earlier_urls.is_empty(), "all that waits goes along");
}
