//! The threads together, against a played store and played receivers, on a played clock.

use std::{
    collections::{BTreeSet, HashMap},
    sync::mpsc::{Receiver, channel},
};

use super::*;
use crate::{
    domain::{
        AccountId, Answer, CustomHeaders, Delivery, DeliveryId, EventId, EventType, NewEvent, OtherSignatures, Problem,
        Secret, Selection, SigningSecret, TargetUrl, TlsOptions, Verdict, Webhook, WebhookId, verify,
    },
    sender::{LaneSettings, OutgoingRequest},
    store::{AttemptRecord, Due, QueuePage},
    system::{PlayedClock, PlayedRandom},
};

const START: Timestamp = Timestamp::from_millis(1_767_605_400_000);
const LONG: Duration = Duration::from_secs(30);
const SECRET: &str = "a secret of the tests";

/// One webhook and its queue in memory.
struct PlayedStore {
    webhook: Mutex<Webhook>,
    queue: Mutex<BTreeSet<Due>>,
    attempts: Mutex<HashMap<DeliveryId, u32>>,
    recorded: Mutex<std::sync::mpsc::Sender<AttemptRecord>>,
    unreadable: Mutex<u32>,
}

impl Deliveries for PlayedStore {
    fn webhooks_on(&self) -> Result<Vec<WebhookId>, Problem> {
        let mut unreadable = self.unreadable.lock();
        if *unreadable > 0 {
            *unreadable -= 1;
            return Err(Problem::internal());
        }
        Ok(vec![self.webhook.lock().id])
    }

    fn lane_settings(&self, _webhook: WebhookId) -> Result<Option<LaneSettings>, Problem> {
        Ok(Some(LaneSettings::of(&self.webhook.lock(), None)))
    }

    fn queue_page(&self, _webhook: WebhookId, after: Option<Due>, limit: usize) -> Result<QueuePage, Problem> {
        let queue = self.queue.lock();
        let rows: Vec<Due> = queue.iter().filter(|due| Some(**due) > after).take(limit + 1).copied().collect();
        Ok(QueuePage { more: rows.len() > limit, rows: rows.into_iter().take(limit).collect() })
    }

    fn parcel(&self, delivery: DeliveryId, due: Timestamp) -> Result<Option<Parcel>, Problem> {
        if !self.queue.lock().contains(&Due { at: due, delivery }) {
            return Ok(None);
        }
        let webhook = self.webhook.lock().clone();
        let event_type = EventType::parse("contact.created").unwrap();
        let new = NewEvent::build(delivery.event(), AccountId::default(), event_type, None, None, START, "{}");
        let attempts = self.attempts.lock().get(&delivery).copied().unwrap_or(0);
        let mut delivery = Delivery::new(delivery, webhook.id, due, false);
        (delivery.attempts, delivery.round_attempts) = (attempts, attempts);
        Ok(Some(Parcel { delivery, event: Arc::new(new.event), body: new.body.into(), webhook: Arc::new(webhook) }))
    }

    fn record(&self, attempts: Vec<AttemptRecord>) {
        for record in attempts {
            self.recorded.lock().send(record).unwrap();
        }
    }
}

/// Answers as the request says: by its `webhook-attempt` and what the test decided.
struct PlayedReceiver {
    began: Mutex<std::sync::mpsc::Sender<OutgoingRequest>>,
    answers: Mutex<Receiver<Option<u16>>>,
    stopped: Mutex<bool>,
}

impl Transport for PlayedReceiver {
    fn send(&self, request: &OutgoingRequest) -> Sent {
        self.began.lock().send(request.clone()).unwrap();
        loop {
            let answer = self.answers.lock().recv_timeout(Duration::from_millis(1));
            if let Ok(status) = answer {
                let http_status = status.expect("a panic, as played");
                let (headers, body) = (Vec::new(), Vec::new());
                let answer = Answer { http_status, headers, body, body_truncated: false, retry_after: None };
                return Sent { outcome: Outcome::Answered(answer), address: None };
            }
            if *self.stopped.lock() {
                let outcome = Outcome::NoAnswer { cause: Cause::Interrupted, detail: String::new() };
                return Sent { outcome, address: None };
            }
        }
    }

    fn forget(&self, _webhook: WebhookId) {}

    fn shut_down(&self) {
        *self.stopped.lock() = true;
    }
}

struct Story {
    sender: Sender,
    store: Arc<PlayedStore>,
    clock: Arc<PlayedClock>,
    began: Receiver<OutgoingRequest>,
    answer: std::sync::mpsc::Sender<Option<u16>>,
    recorded: Receiver<AttemptRecord>,
}

impl Story {
    fn begin(waiting: u128, unreadable: u32) -> Story {
        let (record, recorded) = channel();
        let (begin, began) = channel();
        let (answer, answers) = channel();
        let store = Arc::new(PlayedStore {
            webhook: Mutex::new(webhook()),
            queue: Mutex::default(),
            attempts: Mutex::default(),
            recorded: Mutex::new(record),
            unreadable: Mutex::new(unreadable),
        });
        (1..=waiting).for_each(|number| _ = store.queue.lock().insert(due(number)));
        let receiver =
            PlayedReceiver { began: Mutex::new(begin), answers: Mutex::new(answers), stopped: Mutex::new(false) };
        let clock = Arc::new(PlayedClock::new(START));
        let random = Arc::new(PlayedRandom::new(1));
        let options = SenderOptions::default();
        let sender = Sender::start(options, store.clone(), Arc::new(receiver), clock.clone(), random).unwrap();
        Story { sender, store, clock, began, answer, recorded }
    }

    /// Records what comes next, as the store would, and tells the sender.
    fn record(&self) -> AttemptRecord {
        let record = self.recorded.recv_timeout(LONG).unwrap();
        let delivery = record.delivery;
        let next = match record.verdict {
            Verdict::TryAgain(at) => Some(at),
            Verdict::Done | Verdict::GiveUp => None,
        };
        {
            let mut queue = self.store.queue.lock();
            queue.retain(|due| due.delivery != delivery);
            queue.extend(next.map(|at| Due { at, delivery }));
        }
        self.store.attempts.lock().insert(delivery, record.attempt.number);
        self.sender.notify(vec![Notice::Recorded { webhook: record.webhook, delivery, next }]);
        record
    }
}

fn due(number: u128) -> Due {
    let ulid = u128::from(START.as_millis()) << 80 | number << 16;
    Due { at: START, delivery: EventId(ulid).delivery(0) }
}

fn webhook() -> Webhook {
    Webhook {
        id: WebhookId(7),
        account: AccountId::default(),
        request_url: TargetUrl::parse("https://receiver.example/hook").unwrap(),
        description: String::new(),
        selection: Selection::every(),
        headers: CustomHeaders::default(),
        secrets: vec![SigningSecret { secret: Secret::parse(SECRET).unwrap(), since: START, until: None }],
        disabled: None,
        timeout_ms: Some(2_500),
        max_in_flight: None,
        rate_per_second: None,
        retry_schedule: None,
        ordered: false,
        created_at: START,
        created_by: String::new(),
        updated_by: String::new(),
        updated_at: START,
        version: 42,
        deleted_at: None,
        other_signatures: OtherSignatures::default(),
        tls: TlsOptions::default(),
    }
}

#[test]
fn a_delivery_is_sent_signed_recorded_and_after_a_failure_sent_again() {
    let story = Story::begin(1, 0);
    let request = story.began.recv_timeout(LONG).unwrap();
    let header = |name: &str| request.headers.iter().find(|(each, _)| each == name).unwrap().1.clone();
    let secret = Secret::parse(SECRET).unwrap();
    let (id, timestamp, signature) = (header("webhook-id"), header("webhook-timestamp"), header("webhook-signature"));
    assert_eq!(verify(&secret, &id, &timestamp, &signature, &request.body, START.as_seconds()), Ok(()));
    assert_eq!((header("webhook-attempt"), request.timeout), ("1".into(), Duration::from_millis(2_500)));
    story.answer.send(Some(500)).unwrap();
    let record = story.record();
    assert_eq!((record.attempt.number, record.attempt.webhook_version), (1, 42));
    assert_eq!(record.attempt.signature, signature);
    let Verdict::TryAgain(next) = record.verdict else { panic!("{:?}", record.verdict) };
    assert_eq!(record.attempt.next_attempt_at, Some(next));

    story.clock.set(next);
    let second = story.began.recv_timeout(LONG).unwrap();
    assert_eq!(second.body, request.body);
    assert!(second.headers.contains(&("webhook-attempt".into(), "2".into())));
    story.answer.send(Some(204)).unwrap();
    assert_eq!(story.record().verdict, Verdict::Done);
    assert_eq!(story.sender.last_turn_at(), next);
}

#[test]
fn a_panic_while_sending_is_an_attempt_with_the_cause_internal() {
    let story = Story::begin(10, 0);
    (0..10).for_each(|_| story.answer.send(None).unwrap());
    let mut next = START;
    for _ in 0..10 {
        let record = story.record();
        assert_eq!(record.attempt.outcome.cause(), Some(Cause::Internal));
        next = next.max(record.attempt.next_attempt_at.unwrap());
        // The pause that a receiver gets that only fails.
        story.clock.advance(Duration::from_millis(100));
    }
    assert!(story.sender.threads() >= 1);
    story.clock.set(next);
    (0..10).for_each(|_| story.answer.send(Some(200)).unwrap());
    (0..10).for_each(|_| assert_eq!(story.record().verdict, Verdict::Done));
}

#[test]
fn a_stop_waits_for_answers_and_starts_nothing_more() {
    let story = Story::begin(20, 0);
    let begun = 4;
    (0..begun).for_each(|_| _ = story.began.recv_timeout(LONG).unwrap());
    (0..begun).for_each(|_| story.answer.send(Some(200)).unwrap());
    // Answers free places, so more may begin until the stop; every one that began is answered.
    (0..20 - begun).for_each(|_| story.answer.send(Some(200)).unwrap());
    story.sender.stop(LONG);
    let began = begun + story.began.try_iter().count();
    assert_eq!((story.recorded.try_iter().count(), story.sender.in_flight()), (began, 0));
}

#[test]
fn a_stop_interrupts_what_takes_too_long_and_records_nothing_of_it() {
    let story = Story::begin(2, 0);
    (0..2).for_each(|_| _ = story.began.recv_timeout(LONG).unwrap());
    let began = Instant::now();
    story.sender.stop(Duration::from_millis(20));
    assert!(began.elapsed() < Duration::from_millis(1_020), "{:?}", began.elapsed());
    assert_eq!((story.recorded.try_iter().count(), story.sender.in_flight()), (0, 0));
    assert_eq!(story.store.queue.lock().len(), 2);
    story.sender.stop(LONG);
}

#[test]
fn a_store_that_cannot_be_read_at_the_start_is_asked_again() {
    let story = Story::begin(1, 2);
    story.answer.send(Some(200)).unwrap();
    while story.began.recv_timeout(Duration::from_millis(1)).is_err() {
        story.clock.advance(Duration::from_secs(5));
    }
    assert_eq!(story.record().verdict, Verdict::Done);
}

#[test]
fn nothing_goes_to_a_webhook_that_was_switched_off_before_the_engine_knows() {
    let story = Story::begin(0, 0);
    let mut webhook = webhook();
    webhook.deleted_at = Some(START);
    *story.store.webhook.lock() = webhook.clone();
    story.store.queue.lock().insert(due(1));
    story.sender.notify(vec![Notice::Queued { webhook: webhook.id, due: due(1) }]);
    story.sender.notify(vec![Notice::WebhookChanged(webhook.id)]);
    story.sender.stop(LONG);
    assert!(story.began.try_recv().is_err());
}

#[test]
fn a_single_request_is_sent_at_once_and_not_recorded() {
    let story = Story::begin(0, 0);
    story.store.queue.lock().insert(due(9));
    let parcel = story.store.parcel(due(9).delivery, START).unwrap().unwrap();
    story.answer.send(Some(204)).unwrap();
    let attempt = story.sender.send_now(parcel).unwrap();
    assert_eq!((attempt.number, attempt.outcome.http_status()), (1, Some(204)));
    assert!(story.recorded.try_recv().is_err());
}
