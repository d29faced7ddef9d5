//! A course through everything that the store is asked to do, in the order of a seed. The same
//! seed asks the same, byte for byte.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use hookstead::{
    domain::{
        AccountId, Actor, Answer, ApiKey, ApiKeyId, Attempt, Cause, CustomHeaders, DeliveryId, Disabled,
        DisabledReason, EventId, EventType, EventTypeInfo, ExternalId, IdSequence, JobId, LogFilter, NewEvent,
        OrderingKey, OtherSignatures, Outcome, Problem, Role, Scope, Secret, Selection, Session, SigningSecret,
        StartedBy, TargetUrl, Timestamp, TlsOptions, User, UserId, Verdict, Webhook, WebhookId,
    },
    store::{AttemptRecord, AuditEntry, BulkJob, EndSessions, Pending, Store, UserUpdate, WebhookUpdate},
    system::PlayedRandom,
};

const START: Timestamp = Timestamp::from_millis(1_767_605_400_000);
pub const FIRST_HOUR: u32 = 0;
pub const LAST_HOUR: u32 = 1_000_000;
pub const JOB: u128 = 77;
pub const SESSIONS: [[u8; 32]; 2] = [[1; 32], [2; 32]];

type Ask = Box<dyn Fn(&Store) -> Reply + Send + Sync>;
type Reply = Box<dyn FnMut() -> Option<Result<(), &'static str>>>;

/// What is asked together, and committed together.
pub struct Commit(Vec<Ask>);

impl Commit {
    /// Asks for all of it and lets the store write. The first answer that is no yes.
    pub fn make(&self, store: &Store) -> Result<(), &'static str> {
        let mut replies: Vec<Reply> = self.0.iter().map(|ask| ask(store)).collect();
        store.write_waiting();
        replies.iter_mut().try_for_each(|reply| reply().expect("the work is done"))
    }

    /// The same for a store whose writer has a thread of its own.
    pub fn make_and_wait(&self, store: &Store) -> Result<(), &'static str> {
        for ask in &self.0 {
            let mut reply = ask(store);
            let answered = loop {
                match reply() {
                    Some(answered) => break answered,
                    None => std::thread::yield_now(),
                }
            };
            answered?;
        }
        Ok(())
    }
}

/// Everything that happens, in commits.
pub fn course(seed: u64) -> Vec<Commit> {
    let mut builder =
        Builder { random: PlayedRandom::new(seed), ids: IdSequence::default(), now: START, asks: Vec::new() };
    builder.build();
    let Builder { random, asks, .. } = builder;
    let mut commits = Vec::new();
    let mut asks = asks.into_iter().peekable();
    while asks.peek().is_some() {
        // What is in one group depends on nothing that the same group has made only.
        let count = 1 + random.below(3);
        commits.push(Commit(asks.by_ref().take(count).collect()));
    }
    commits
}

struct Builder {
    random: PlayedRandom,
    ids: IdSequence,
    now: Timestamp,
    asks: Vec<Ask>,
}

impl Builder {
    fn build(&mut self) {
        self.ask(|store, audit| answer(store.create_user(user("hash"), true, audit)));
        self.ask(|store, audit| answer(store.create_session(SESSIONS[0], session(START), None, audit)));
        self.ask(|store, audit| answer(store.create_key(key(), audit)));
        self.ask(|store, audit| answer(store.create_event_type(event_type_info("Deal"), audit)));
        let (all, contacts, off) = (self.webhook("*", true), self.webhook("contact.*", true), self.webhook("*", false));
        // Three deliveries each, in the order of the webhooks; the last is missed.
        let first: Vec<EventId> = (0..6).map(|number| self.publish(number, 1)[0]).collect();
        let many = self.publish(20, 4);

        // A first success, a retry that succeeds, and one that is given up.
        self.record(first[0].delivery(0), all, 1, Ok(200), Verdict::Done, false);
        let due = self.now.plus(Duration::from_secs(5));
        self.record(first[1].delivery(0), all, 1, Ok(503), Verdict::TryAgain(due), false);
        self.record(first[1].delivery(1), contacts, 1, Err(Cause::ConnectRefused), Verdict::TryAgain(due), false);
        self.pass(6);
        self.record(first[1].delivery(0), all, 2, Ok(204), Verdict::Done, false);
        self.record(first[1].delivery(1), contacts, 2, Ok(404), Verdict::GiveUp, false);
        self.record(first[2].delivery(0), all, 1, Ok(500), Verdict::GiveUp, false);
        // The same attempt once more, as after a crash, changes nothing.
        self.record(first[2].delivery(0), all, 1, Ok(500), Verdict::GiveUp, false);

        self.change(contacts, |webhook| webhook.selection = Selection::parse(&["ticket.created".into()]).unwrap());
        let narrower = self.publish(30, 1)[0];
        self.resend(first[2].delivery(0));
        self.resend(first[1].delivery(1));
        self.record(first[2].delivery(0), all, 2, Ok(200), Verdict::Done, false);
        let audit = self.audit();
        let newest = narrower.delivery(1);
        self.asks.push(Box::new(move |store| answer(store.save_job(job(newest), audit.clone()))));
        let (now, ids) = (self.now, vec![first[0].delivery(0), first[1].delivery(1)]);
        self.asks.push(Box::new(move |store| {
            let (position, next_due) = (ids.last().copied(), now.plus(Duration::from_secs(1)));
            answer(store.advance_job(JobId(JOB), ids.clone(), position, StartedBy::Bulk, now, next_due, true))
        }));
        self.record(first[0].delivery(0), all, 2, Ok(200), Verdict::Done, false);

        // Off, then skipped what was missed, then on; another is deleted, another has gone.
        let now = self.now;
        self.asks.push(Box::new(move |store| {
            let store = store.clone();
            later(Box::pin(async move { store.skip_missed(off, now).await }))
        }));
        self.change(off, |webhook| webhook.disabled = None);
        let now = self.now;
        self.change(contacts, move |webhook| webhook.deleted_at = Some(now));
        self.asks.push(Box::new(move |store| {
            let store = store.clone();
            later(Box::pin(async move { store.settle_deleted(contacts, now).await }))
        }));
        for id in first.iter().chain(&many) {
            self.record(id.delivery(0), all, 1, Ok(200), Verdict::Done, false);
        }
        self.record(narrower.delivery(0), all, 1, Ok(410), Verdict::GiveUp, true);
        self.pass(3_600);
        // Two of one key: the end of the first lets the second go.
        let last = self.publish(40, 3);
        self.record(last[0].delivery(1), off, 1, Ok(200), Verdict::Done, false);
        self.forget();
        self.ask(|store, audit| {
            answer(store.create_session(SESSIONS[1], session(START.plus(Duration::from_secs(99_999))), None, audit))
        });
        self.ask(|store, audit| {
            let update: UserUpdate = Box::new(|known| {
                *known = user("new hash");
                Ok(())
            });
            answer(store.update_user(UserId(9), update, EndSessions::None, audit))
        });
        self.ask(|store, audit| answer(store.revoke_key(ApiKeyId(5), START, audit)));
        self.ask(|store, audit| answer(store.change_event_type(event_type_info("Deals"), audit)));
        self.ask(|store, audit| answer(store.end_session(SESSIONS[1], audit)));
        self.ask(|store, _| answer(store.forget_hours(START.hour() + 1)));
    }

    fn ask(&mut self, ask: impl Fn(&Store, AuditEntry) -> Reply + Send + Sync + 'static) {
        let audit = self.audit();
        self.asks.push(Box::new(move |store| ask(store, audit.clone())));
    }

    fn audit(&self) -> AuditEntry {
        AuditEntry::new(self.now, &Actor::admin("played"), "played", "played")
    }

    fn pass(&mut self, seconds: u64) {
        self.now = self.now.plus(Duration::from_secs(seconds));
    }

    fn webhook(&mut self, selection: &str, on: bool) -> WebhookId {
        let webhook = Webhook {
            id: WebhookId(self.ids.next(self.now, 1)),
            account: AccountId::default(),
            request_url: TargetUrl::parse("https://hooks.example.com/crm").unwrap(),
            description: String::new(),
            selection: Selection::parse(&[selection.into()]).unwrap(),
            headers: CustomHeaders::default(),
            secrets: vec![SigningSecret { secret: Secret::generate([7; 32]), since: self.now, until: None }],
            disabled: (!on).then_some(Disabled { reason: DisabledReason::ByRequest, at: self.now }),
            timeout_ms: None,
            max_in_flight: None,
            rate_per_second: None,
            retry_schedule: None,
            // The one that misses events keeps order, so that it is skipped and let go as well.
            ordered: !on,
            created_at: self.now,
            created_by: "test".into(),
            updated_by: String::new(),
            updated_at: self.now,
            version: 0,
            deleted_at: None,
            other_signatures: OtherSignatures::default(),
            tls: TlsOptions::default(),
        };
        let id = webhook.id;
        self.ask(move |store, audit| answer(store.create_webhook(webhook.clone(), 1_000, audit)));
        id
    }

    fn publish(&mut self, number: usize, count: usize) -> Vec<EventId> {
        self.now = self.now.plus(Duration::from_millis(7));
        let events: Vec<NewEvent> = (number..number + count).map(|number| self.event(number)).collect();
        let ids = events.iter().map(|new| new.event.id).collect();
        self.ask(move |store, _| answer(store.publish(events.clone())));
        ids
    }

    fn event(&mut self, number: usize) -> NewEvent {
        let id = EventId(self.ids.next(self.now, 1));
        let event_type = EventType::parse("contact.created").unwrap();
        let external_id = number.is_multiple_of(2).then(|| ExternalId::parse(&format!("crm-{number}")).unwrap());
        let size = [10, 10, 300, 9_000][self.random.below(4)];
        let payload = format!("{{\"number\":{number},\"pad\":\"{}\"}}", "x".repeat(size));
        let new = NewEvent::build(id, AccountId::default(), event_type, external_id, None, self.now, &payload);
        match number % 3 {
            0 => new,
            _ => new.with_ordering_key(OrderingKey::parse("contact:42").unwrap()),
        }
    }

    fn record(
        &mut self,
        delivery: DeliveryId,
        webhook: WebhookId,
        number: u32,
        came: Result<u16, Cause>,
        verdict: Verdict,
        gone: bool,
    ) {
        let outcome = match came {
            Ok(http_status) => Outcome::Answered(Answer {
                http_status,
                headers: Vec::new(),
                body: b"ok".to_vec(),
                body_truncated: false,
                retry_after: None,
            }),
            Err(cause) => Outcome::NoAnswer { cause, detail: "as played".into() },
        };
        let attempt = Attempt {
            number,
            started_at: self.now,
            duration_ms: 5,
            started_by: StartedBy::Automatic,
            started_by_name: None,
            outcome,
            webhook_version: 1,
            address: None,
            signature: "v1,x".into(),
            sender_version: "0.1.0".into(),
            next_attempt_at: None,
            other_signatures: Vec::new(),
        };
        let (throttled_until, ordered, finished_at) = (None, false, self.now);
        let record = AttemptRecord { delivery, webhook, attempt, verdict, throttled_until, gone, ordered, finished_at };
        self.asks.push(Box::new(move |store| answer(store.record(vec![record.clone()]))));
    }

    fn resend(&mut self, delivery: DeliveryId) {
        let now = self.now;
        // Refused for one whose webhook has gone meanwhile; this course asks before.
        self.ask(move |store, audit| answer(store.resend(delivery, now, StartedBy::Resend, "admin".into(), audit)));
    }

    fn change(&mut self, id: WebhookId, change: impl Fn(&mut Webhook) + Clone + Send + Sync + 'static) {
        let now = self.now;
        self.ask(move |store, audit| {
            let update: WebhookUpdate = Box::new(change.clone());
            answer(store.update_webhook(id, None, now, update, audit))
        });
    }

    fn forget(&mut self) {
        let before = self.now.minus(Duration::from_secs(60));
        self.asks.push(Box::new(move |store| answer(store.forget(before, EventId(0)))));
    }
}

fn user(password_hash: &str) -> User {
    User {
        id: UserId(9),
        email: "ada@example.com".into(),
        password_hash: password_hash.into(),
        created_at: START,
        password_changed_at: START,
        role: Role::Admin,
        second_factor: None,
    }
}

fn session(created_at: Timestamp) -> Session {
    let expires_at = created_at.plus(Duration::from_secs(60));
    Session { user: UserId(9), created_at, expires_at, last_seen_at: None, address: None, browser: String::new() }
}

fn key() -> ApiKey {
    ApiKey {
        id: ApiKeyId(5),
        name: "crm".into(),
        scopes: vec![Scope::EventsWrite],
        account: None,
        last_four: "abcd".into(),
        hash: [3; 32],
        created_at: START,
        created_by: "test".into(),
        expires_at: None,
        revoked_at: None,
    }
}

fn event_type_info(label: &str) -> EventTypeInfo {
    EventTypeInfo {
        name: EventType::parse("deal.won").unwrap(),
        label: label.into(),
        category: "Deal".into(),
        description: "A deal was won.".into(),
        example: None,
        schema: None,
        built_in: false,
        retired: false,
        masked: Default::default(),
        forget_after_success: false,
    }
}

fn job(end: DeliveryId) -> BulkJob {
    BulkJob {
        id: JobId(JOB),
        filter: LogFilter::default(),
        rate_per_second: 2,
        started_at: START,
        started_by: "admin".into(),
        planned: 2,
        position: None,
        end,
        queued: 0,
        passed_over: 0,
        success: 0,
        failed: 0,
        next_due: START,
        finished_at: None,
        cancelled_by: None,
    }
}

fn answer<T: 'static>(pending: Pending<T>) -> Reply {
    later(Box::pin(async move { pending.await.map(|_| ()) }))
}

fn later(mut future: Pin<Box<dyn Future<Output = Result<(), Problem>>>>) -> Reply {
    let mut look = move || match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answered) => Some(answered.map_err(|problem| problem.code)),
        Poll::Pending => None,
    };
    // The first look hands the work over.
    let early = look();
    Box::new(move || early.or_else(&mut look))
}
