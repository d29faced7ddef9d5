//! Stories of the store on a disk in memory, with the writer on the test's own thread.

mod access;
mod backup;
mod last_tries;
mod order;
mod upgrade;

use std::{
    io,
    sync::{Arc, Mutex, atomic::AtomicUsize},
    time::Duration,
};

use super::*;
use crate::domain::{
    AccountId, Actor, Answer as HttpAnswer, Attempt, Delivery, DeliveryId, Disabled, DisabledReason, EventId,
    EventType, ExternalId, Healing, IdSequence, LogFilter, NewEvent, OldestDue, Outcome, Secret, Selection, StartedBy,
    Status, TargetUrl, Timestamp, Verdict, Warned, WebhookId,
};

/// A disk in memory that survives the store, and can be told to fail.
#[derive(Debug, Clone, Default)]
struct MemoryDisk {
    bytes: Arc<Mutex<Vec<u8>>>,
    broken: Arc<AtomicBool>,
    /// The sync with this number from now on says that it failed, though it did not; 0 for none.
    lying_sync: Arc<AtomicUsize>,
}

impl MemoryDisk {
    fn check(&self) -> io::Result<()> {
        match self.broken.load(Ordering::Relaxed) {
            true => Err(io::Error::other("the disk is broken")),
            false => Ok(()),
        }
    }
}

impl StorageBackend for MemoryDisk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.bytes.lock().unwrap().len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let bytes = self.bytes.lock().unwrap();
        let from = offset as usize;
        let part = bytes.get(from..from + out.len()).ok_or_else(|| io::Error::other("read behind the end"))?;
        out.copy_from_slice(part);
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.check()?;
        self.bytes.lock().unwrap().resize(length as usize, 0);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.check()?;
        let count = |left: usize| left.checked_sub(1);
        match self.lying_sync.fetch_update(Ordering::Relaxed, Ordering::Relaxed, count) {
            Ok(1) => Err(io::Error::other("the disk says that it failed")),
            _ => Ok(()),
        }
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.check()?;
        let from = offset as usize;
        self.bytes.lock().unwrap()[from..from + data.len()].copy_from_slice(data);
        Ok(())
    }
}

/// A store, and what its observer was told.
struct World {
    disk: MemoryDisk,
    store: Store,
    told: Arc<Mutex<Vec<Notice>>>,
    ids: IdSequence,
    now: Timestamp,
}

impl World {
    fn new() -> World {
        World::on(MemoryDisk::default())
    }

    fn on(disk: MemoryDisk) -> World {
        World::with(disk, OpenOptions::default())
    }

    fn with(disk: MemoryDisk, options: OpenOptions) -> World {
        let backend: OpenBackend = {
            let disk = disk.clone();
            Arc::new(move || Ok(Box::new(disk.clone())))
        };
        let store = Store::open_played(backend, options).unwrap();
        let told = Arc::new(Mutex::new(Vec::new()));
        let ear = told.clone();
        store.observe(Box::new(move |notices| ear.lock().unwrap().extend(notices)));
        let ids = IdSequence::after(store.last_id().unwrap());
        World { disk, store, told, ids, now: Timestamp::from_millis(1_767_605_400_000) }
    }

    fn done<T>(&self, pending: Pending<T>) -> Answer<T> {
        self.store.write_waiting();
        pending.now().expect("the work is done")
    }

    fn webhook(&mut self, selection: &str, on: bool) -> WebhookId {
        let id = WebhookId(self.ids.next(self.now, 1));
        let url = TargetUrl::parse("https://hooks.example.com/crm").unwrap();
        let webhook = Webhook {
            selection: Selection::parse(&[selection.into()]).unwrap(),
            disabled: (!on).then_some(Disabled { reason: DisabledReason::ByRequest, at: self.now }),
            ..Webhook::new(id, AccountId::default(), url, Secret::generate([7; 32]), self.now)
        };
        self.done(self.store.create_webhook(webhook, 1_000, self.audit())).unwrap().id
    }

    fn event(&mut self, external_id: Option<&str>, payload: &str) -> NewEvent {
        let id = EventId(self.ids.next(self.now, 1));
        let event_type = EventType::parse("contact.created").unwrap();
        let external_id = external_id.map(|id| ExternalId::parse(id).unwrap());
        NewEvent::build(id, AccountId::default(), event_type, external_id, None, self.now, payload)
    }

    fn publish(&mut self, payload: &str) -> EventId {
        let event = self.event(None, payload);
        self.done(self.store.publish(vec![event])).unwrap().remove(0).unwrap().id
    }

    fn audit(&self) -> AuditEntry {
        AuditEntry::new(self.now, &Actor::admin("test"), "test", "test")
    }

    fn record(&self, delivery: &Delivery, status: u16, verdict: Verdict) {
        let record = attempt_record(delivery, self.now, status, verdict);
        self.done(self.store.record(vec![record])).unwrap();
    }

    fn only_delivery(&self, event: EventId) -> Delivery {
        let mut found = self.store.deliveries_of(event).unwrap();
        assert_eq!(found.len(), 1);
        found.remove(0)
    }

    fn logs(&self, filter: LogFilter) -> Vec<DeliveryId> {
        self.store.logs(&filter, None, 50).unwrap().items.into_iter().map(|delivery| delivery.id).collect()
    }

    fn agrees(&self) {
        assert_eq!(self.store.verify().unwrap(), Vec::<String>::new());
    }
}

/// What the sender would hand over after an answer.
fn attempt_record(delivery: &Delivery, now: Timestamp, status: u16, verdict: Verdict) -> AttemptRecord {
    let answer = HttpAnswer {
        http_status: status,
        headers: Vec::new(),
        body: b"ok".to_vec(),
        body_truncated: false,
        retry_after: None,
    };
    let attempt = Attempt {
        number: delivery.attempts + 1,
        started_at: now,
        duration_ms: 5,
        started_by: delivery.next_start,
        started_by_name: None,
        outcome: Outcome::Answered(answer),
        webhook_version: 1,
        address: None,
        signature: "v1,x".into(),
        sender_version: "0.1.0".into(),
        next_attempt_at: None,
        other_signatures: Vec::new(),
        url_version: None,
        timings: None,
    };
    AttemptRecord {
        delivery: delivery.id,
        webhook: delivery.webhook,
        attempt,
        verdict,
        throttled_until: None,
        gone: status == 410,
        ordered: delivery.order.is_some(),
        finished_at: now,
    }
}

#[test]
fn an_event_waits_for_each_webhook_that_selected_it_and_for_no_other() {
    let mut world = World::new();
    let (first, second) = (world.webhook("contact.*", true), world.webhook("contact.created", true));
    world.webhook("ticket.created", true);
    let event = world.publish("{}");
    let deliveries = world.store.deliveries_of(event).unwrap();
    assert_eq!(deliveries.iter().map(|delivery| delivery.webhook).collect::<Vec<_>>(), [first, second]);
    assert!(deliveries.iter().all(|delivery| delivery.status == Status::Pending && delivery.event() == event));
    assert_eq!(world.store.queue_page(first, None, 10).unwrap().rows.len(), 1);
    assert_eq!(world.store.webhook_state(first).waiting, 1);
    let queued = world.told.lock().unwrap().iter().filter(|told| matches!(told, Notice::Queued { .. })).count();
    assert_eq!(queued, 2);
    world.agrees();
}

#[test]
fn a_callers_id_is_taken_once() {
    let mut world = World::new();
    world.webhook("*", true);
    let (one, same, other) =
        (world.event(Some("crm-1"), "{}"), world.event(Some("crm-1"), "{}"), world.event(Some("crm-1"), "[]"));
    let id = one.event.id;
    let answers = world.done(world.store.publish(vec![one, same, other])).unwrap();
    assert_eq!((answers[0].as_ref().unwrap().id, answers[0].as_ref().unwrap().duplicate), (id, false));
    assert_eq!((answers[1].as_ref().unwrap().id, answers[1].as_ref().unwrap().duplicate), (id, true));
    assert_eq!(answers[2].as_ref().unwrap_err().code, "idempotency_conflict");
    assert_eq!(world.logs(LogFilter::default()).len(), 1);
    world.agrees();
}

#[test]
fn a_first_success_needs_no_row_of_its_own_and_a_failure_is_tried_again() {
    let mut world = World::new();
    let webhook = world.webhook("*", true);
    let (good, bad) = (world.publish("1"), world.publish("2"));
    world.record(&world.only_delivery(good), 204, Verdict::Done);
    let due = world.now.plus(std::time::Duration::from_secs(5));
    world.record(&world.only_delivery(bad), 503, Verdict::TryAgain(due));

    let good = world.only_delivery(good);
    assert_eq!((good.status, good.attempts, good.due), (Status::Success, 1, None));
    assert_eq!(world.store.attempts(&good).unwrap().len(), 1);
    let bad = world.only_delivery(bad);
    assert_eq!((bad.status, bad.attempts, bad.due), (Status::Pending, 1, Some(due)));
    assert_eq!(world.store.attempts(&bad).unwrap()[0].next_attempt_at, Some(due));
    assert_eq!(world.store.queue_page(webhook, None, 10).unwrap().rows, [Due { at: due, delivery: bad.id }]);
    assert!(world.store.parcel(bad.id, due).unwrap().is_some());
    assert!(world.store.parcel(bad.id, world.now).unwrap().is_none(), "the row of the first attempt is gone");
    world.agrees();
}

#[test]
fn an_attempt_is_recorded_once() {
    let mut world = World::new();
    let webhook = world.webhook("*", true);
    let delivery = {
        let event = world.publish("1");
        world.only_delivery(event)
    };
    world.record(&delivery, 200, Verdict::Done);
    world.record(&delivery, 500, Verdict::GiveUp);
    assert_eq!(world.store.delivery(delivery.id).unwrap().unwrap().status, Status::Success);
    assert_eq!(world.store.webhook_state(webhook).success, 1);
    world.agrees();
}

#[test]
fn sending_again_moves_a_waiting_retry_and_reopens_what_had_ended() {
    let mut world = World::new();
    let webhook = world.webhook("*", true);
    let event = world.publish("1");
    let later = world.now.plus(std::time::Duration::from_secs(300));
    world.record(&world.only_delivery(event), 500, Verdict::TryAgain(later));
    let id = world.only_delivery(event).id;
    let resend =
        |world: &World| world.done(world.store.resend(id, world.now, StartedBy::Resend, "admin".into(), world.audit()));
    resend(&world).unwrap();
    assert_eq!(world.store.queue_page(webhook, None, 10).unwrap().rows, [Due { at: world.now, delivery: id }]);
    world.record(&world.only_delivery(event), 500, Verdict::GiveUp);
    assert_eq!(world.only_delivery(event).status, Status::Failed);
    resend(&world).unwrap();
    let delivery = world.only_delivery(event);
    assert_eq!((delivery.status, delivery.round_attempts, delivery.attempts), (Status::Pending, 0, 2));
    world.record(&delivery, 200, Verdict::Done);
    let state = world.store.webhook_state(webhook);
    assert_eq!((state.waiting, state.success, state.failed), (0, 1, 0));
    assert_eq!(world.store.attempts(&world.only_delivery(event)).unwrap().len(), 3);
    world.agrees();
}

#[test]
fn gone_switches_the_webhook_off_in_the_same_transaction() {
    let mut world = World::new();
    let webhook = world.webhook("*", true);
    let (event, next) = (world.publish("1"), world.publish("2"));
    world.record(&world.only_delivery(event), 410, Verdict::GiveUp);
    let off = world.store.webhooks().get(webhook).unwrap();
    assert_eq!(off.disabled.as_ref().unwrap().reason, DisabledReason::Gone);
    let waiting = world.only_delivery(next);
    assert_eq!(waiting.status, Status::Pending);
    let parcel = world.store.parcel(waiting.id, waiting.due.unwrap()).unwrap().unwrap();
    assert!(!parcel.webhook.is_on(), "it waits, and the sender sees that it must");
    world.agrees();
}

#[test]
fn the_log_is_filtered_by_every_property_and_by_several() {
    let mut world = World::new();
    let (one, two) = (world.webhook("*", true), world.webhook("contact.*", true));
    let mut ids = Vec::new();
    for (number, status) in [200, 503, 404, 503, 200].into_iter().enumerate() {
        let event = world.publish(&number.to_string());
        for delivery in world.store.deliveries_of(event).unwrap() {
            if delivery.webhook == one {
                let verdict = if status == 200 { Verdict::Done } else { Verdict::GiveUp };
                world.record(&delivery, status, verdict);
            }
            ids.push((delivery.webhook, status, delivery.id));
        }
    }
    let newest_first = |fits: &dyn Fn(WebhookId, u16) -> bool| {
        ids.iter()
            .rev()
            .filter(|(webhook, status, _)| fits(*webhook, *status))
            .map(|(_, _, id)| *id)
            .collect::<Vec<_>>()
    };
    let filter = |change: &dyn Fn(&mut LogFilter)| {
        let mut filter = LogFilter::default();
        change(&mut filter);
        world.logs(filter)
    };
    use crate::domain::HttpStatusFilter::{Class, Exactly};
    assert_eq!(filter(&|_| {}), newest_first(&|_, _| true));
    assert_eq!(filter(&|filter| filter.webhook = Some(two)), newest_first(&|webhook, _| webhook == two));
    assert_eq!(filter(&|filter| filter.status = Some(Status::Pending)), newest_first(&|webhook, _| webhook == two));
    assert_eq!(
        filter(&|filter| filter.status = Some(Status::Success)),
        newest_first(&|webhook, status| webhook == one && status == 200)
    );
    assert_eq!(
        filter(&|filter| filter.http_status = Some(Exactly(503))),
        newest_first(&|webhook, status| webhook == one && status == 503)
    );
    assert_eq!(
        filter(&|filter| filter.http_status = Some(Class(4))),
        newest_first(&|webhook, status| webhook == one && status == 404)
    );
    assert_eq!(
        filter(&|filter| (filter.status, filter.webhook) = (Some(Status::Failed), Some(two))),
        Vec::<DeliveryId>::new()
    );
    assert_eq!(
        filter(&|filter| (filter.status, filter.http_status) = (Some(Status::Failed), Some(Class(5)))),
        newest_first(&|webhook, status| webhook == one && status == 503)
    );
}

#[test]
fn pages_of_the_log_join_without_a_gap_in_both_directions() {
    let mut world = World::new();
    let webhook = world.webhook("*", true);
    for number in 0..25 {
        world.publish(&number.to_string());
    }
    let filter = LogFilter { webhook: Some(webhook), ..LogFilter::default() };
    let (mut cursor, mut seen, mut pages) = (None, Vec::new(), Vec::new());
    loop {
        let page = world.store.logs(&filter, cursor, 10).unwrap();
        seen.extend(page.items.iter().map(|delivery| delivery.id));
        pages.push(page.items.len());
        match page.older {
            Some(older) => cursor = Some(older),
            None => break,
        }
    }
    assert_eq!(pages, [10, 10, 5]);
    assert!(seen.windows(2).all(|pair| pair[0] > pair[1]));
    let newer = world.store.logs(&filter, Some(crate::domain::Cursor::NewerThan(seen[10])), 4).unwrap();
    assert_eq!(newer.items.iter().map(|delivery| delivery.id).collect::<Vec<_>>(), seen[6..10]);
    assert!(newer.newer.is_some());
}

#[test]
fn text_is_found_in_payloads_and_ids_are_found_exactly() {
    let mut world = World::new();
    world.webhook("*", true);
    let named = world.event(Some("crm-77"), r#"{"name":"Ada"}"#);
    let id = named.event.id;
    world.done(world.store.publish(vec![named])).unwrap();
    world.publish(r#"{"name":"Grace"}"#);
    for text in ["Ada", "crm-77", &id.to_string(), &id.delivery(0).to_string()] {
        let filter = LogFilter { text: Some(text.into()), ..LogFilter::default() };
        assert_eq!(world.logs(filter), [id.delivery(0)], "{text}");
    }
}

#[test]
fn after_the_disk_failed_nothing_is_accepted_until_it_was_reopened() {
    let mut world = World::new();
    let webhook = world.webhook("*", true);
    let before = world.publish("1");
    world.disk.broken.store(true, Ordering::Relaxed);
    let event = world.event(None, "2");
    assert_eq!(world.done(world.store.publish(vec![event])).unwrap_err().code, "cannot_write");
    assert!(!world.store.is_writable());
    assert_eq!(world.only_delivery(before).status, Status::Pending, "reading goes on");
    world.store.reopen();
    assert!(!world.store.is_writable(), "the disk is still broken");
    world.disk.broken.store(false, Ordering::Relaxed);
    let event = world.event(None, "3");
    assert_eq!(world.done(world.store.publish(vec![event])).unwrap_err().code, "cannot_write");
    world.store.reopen();
    assert!(world.store.is_writable());
    world.publish("4");
    assert_eq!(world.store.webhook_state(webhook).waiting, 2);
    let told = world.told.lock().unwrap();
    assert!(told.contains(&Notice::CannotWrite) && told.contains(&Notice::Reopened));
    drop(told);
    world.agrees();
}

#[test]
fn a_change_whose_commit_failed_and_arrived_all_the_same_is_told_after_reopening() {
    // Without room in the journal each commit goes into the database itself.
    let mut world = World::with(MemoryDisk::default(), OpenOptions { journal_bytes: 0, ..OpenOptions::default() });
    let webhook = world.webhook("*", true);
    // Such a commit syncs twice; after the first nothing of it counts yet.
    world.disk.lying_sync.store(2, Ordering::Relaxed);
    let off = Disabled { reason: DisabledReason::ByRequest, at: world.now };
    let update: WebhookUpdate = Box::new(move |webhook| webhook.disabled = Some(off));
    let answer = world.done(world.store.update_webhook(webhook, None, world.now, update, world.audit()));
    assert_eq!(answer.unwrap_err().code, "cannot_write");
    assert!(world.store.webhooks().get(webhook).unwrap().is_on());
    world.told.lock().unwrap().clear();
    world.store.reopen();
    assert!(!world.store.webhooks().get(webhook).unwrap().is_on(), "it has arrived");
    assert_eq!(*world.told.lock().unwrap(), [Notice::Reopened, Notice::WebhookChanged(webhook)]);
    world.agrees();
}

#[test]
fn a_change_that_failed_in_the_journal_is_not_there_after_reopening_though_its_record_is() {
    let mut world = World::new();
    let webhook = world.webhook("*", true);
    world.disk.lying_sync.store(1, Ordering::Relaxed);
    let off = Disabled { reason: DisabledReason::ByRequest, at: world.now };
    let update: WebhookUpdate = Box::new(move |webhook| webhook.disabled = Some(off));
    let answer = world.done(world.store.update_webhook(webhook, None, world.now, update, world.audit()));
    assert_eq!(answer.unwrap_err().code, "cannot_write");
    world.store.reopen();
    assert!(world.store.webhooks().get(webhook).unwrap().is_on(), "what was said to have failed has");
    let after = world.publish("1");
    world.agrees();
    // Nor does the next start find it, which sees no more than the disk.
    let disk = world.disk.clone();
    drop(world);
    let world = World::on(disk);
    assert!(world.store.webhooks().get(webhook).unwrap().is_on());
    assert_eq!(world.only_delivery(after).webhook, webhook);
    world.agrees();
}

#[test]
fn an_attempt_that_is_recorded_twice_says_both_times_what_is_next() {
    let mut world = World::new();
    let webhook = world.webhook("*", true);
    let delivery = {
        let event = world.publish("1");
        world.only_delivery(event)
    };
    let due = world.now.plus(std::time::Duration::from_secs(5));
    for _ in 0..2 {
        world.record(&delivery, 500, Verdict::TryAgain(due));
        let told = Notice::Recorded { webhook, delivery: delivery.id, next: Some(due) };
        assert_eq!(world.told.lock().unwrap().last(), Some(&told));
    }
    world.agrees();
}

#[test]
fn everything_is_there_after_opening_again() {
    let mut world = World::new();
    let webhook = world.webhook("*", true);
    let event = world.publish("1");
    let disk = world.disk.clone();
    drop(world);
    let mut world = World::on(disk);
    assert_eq!(world.only_delivery(event).webhook, webhook);
    assert_eq!(world.store.webhook_state(webhook).waiting, 1);
    assert!(world.publish("2") > event, "new ids go on behind the old ones");
    world.agrees();
}

#[test]
fn what_is_old_and_finished_is_forgotten_whole() {
    let mut world = World::new();
    world.webhook("*", true);
    let (finished, pending) = (world.publish("1"), world.publish("2"));
    world.record(&world.only_delivery(finished), 200, Verdict::Done);
    world.now = world.now.plus(std::time::Duration::from_secs(60));
    let young = world.publish("3");
    world.record(&world.only_delivery(young), 200, Verdict::Done);
    let forgotten = world.done(world.store.forget(world.now, EventId(0))).unwrap();
    assert_eq!((forgotten.events, forgotten.next), (1, None));
    assert!(world.store.event(finished).unwrap().is_none() && world.store.body(finished).unwrap().is_none());
    assert!(world.store.event(pending).unwrap().is_some() && world.store.event(young).unwrap().is_some());
    world.agrees();
}

#[test]
fn a_directory_whose_data_file_vanished_or_was_emptied_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let open = || Store::open(directory.path(), OpenOptions::default());
    open().unwrap().stop();
    let file = directory.path().join(DATA_FILE);
    assert!(file.exists() && directory.path().join(MARKER_FILE).exists());
    let whole = std::fs::read(&file).unwrap();
    for (bytes, says) in [
        (Some(Vec::new()), "is empty"),
        (Some(vec![1]), "cannot be read"),
        (Some(whole[..whole.len() / 2].to_vec()), "cannot be read"),
        (Some(vec![0xA5; 1 << 16]), "cannot be read"),
        (None, "is gone"),
    ] {
        match &bytes {
            Some(bytes) => std::fs::write(&file, bytes).unwrap(),
            None => std::fs::remove_file(&file).unwrap(),
        }
        let error = open().err().unwrap_or_else(|| panic!("opened, though it {says}")).to_string();
        assert!(error.contains(says) && error.contains(DATA_FILE), "{error}");
        assert_eq!(bytes, std::fs::read(&file).ok(), "the file is left as it was");
    }
    std::fs::write(&file, whole).unwrap();
    open().unwrap().stop();
}

#[test]
fn a_second_store_on_the_same_directory_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let first = Store::open(directory.path(), OpenOptions::default()).unwrap();
    let error = Store::open(directory.path(), OpenOptions::default()).err().unwrap().to_string();
    assert!(error.contains("another hookstead is running"), "{error}");
    first.stop();
}

#[test]
fn a_webhook_is_switched_only_if_what_that_was_decided_by_still_holds() {
    let mut world = World::new();
    let webhook = world.webhook("*", true);
    let event = world.publish("1");
    world.record(&world.only_delivery(event), 500, Verdict::TryAgain(world.now.plus(Duration::from_secs(60))));
    let since = world.store.webhook_state(webhook).failing_since.expect("it has failed");
    let healing = Healing { warned: Some(Warned { since, percent: 90, at: since }), ..Healing::default() };
    let heal = |world: &World, switch: Switch| {
        let change = HealingChange { webhook, healing, switch: Some(switch) };
        world.done(world.store.heal(vec![change], world.now)).unwrap();
        world.store.webhooks().get(webhook).unwrap().disabled.clone()
    };
    // Something has arrived since it was looked at, and it has begun to fail anew.
    assert_eq!(heal(&world, Switch::Off { since: since.minus(Duration::from_secs(1)) }), None);
    let off = Disabled { reason: DisabledReason::FailedTooLong, at: world.now };
    assert_eq!(heal(&world, Switch::Off { since }), Some(off.clone()));
    assert_eq!(world.store.webhook_state(webhook).waiting, 1, "what waited waits on");
    assert!(world.told.lock().unwrap().contains(&Notice::WebhookChanged(webhook)));
    // It was switched on and off again meanwhile.
    assert_eq!(heal(&world, Switch::On { off_since: off.at.plus(Duration::from_secs(1)) }), Some(off.clone()));
    assert_eq!(heal(&world, Switch::On { off_since: off.at }), None);
    let state = world.store.webhook_state(webhook);
    assert_eq!((state.failing_since, state.failures), (None, 0), "it begins anew");
    let asked = world.webhook("*", false);
    let on = HealingChange {
        webhook: asked,
        healing: Healing::default(),
        switch: Some(Switch::On { off_since: world.now }),
    };
    world.done(world.store.heal(vec![on], world.now)).unwrap();
    assert!(world.store.webhooks().get(asked).unwrap().disabled.is_some(), "a person switched it off");
    let known = world.store.healings();
    assert_eq!((known.get(&webhook), known.len()), (Some(&healing), 1));
    world.agrees();

    // It is there after opening again, and what says nothing takes no room.
    let world = World::on(world.disk.clone());
    assert_eq!(world.store.healings().get(&webhook), Some(&healing));
    let nothing = HealingChange { webhook, healing: Healing::default(), switch: None };
    world.done(world.store.heal(vec![nothing], world.now)).unwrap();
    assert!(world.store.healings().is_empty());
    assert!(World::on(world.disk.clone()).store.healings().is_empty());
}

#[test]
fn the_oldest_due_of_many_queues_is_found_at_their_heads() {
    let mut world = World::new();
    let webhooks: Vec<_> = (0..3).map(|_| world.webhook("*", true)).collect();
    assert_eq!(world.store.oldest_due(webhooks.iter().copied()), Ok(None));
    let first = world.now;
    world.publish("1");
    world.now = world.now.plus(Duration::from_secs(1));
    world.publish("2");
    let oldest = world.store.oldest_due(webhooks.iter().rev().copied()).unwrap();
    assert_eq!(oldest, Some(OldestDue { at: first, webhook: webhooks[2] }), "the first one asked, of equals");
}
