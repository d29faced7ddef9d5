//! One course: steps picked by the seed, and then the end, in which all must come to rest.

use std::{rc::Rc, time::Duration};

use hookstead::{
    domain::{
        AccountId, Cursor, CustomHeaders, Disabled, DisabledReason, EventId, EventType, ExternalId, JobId, NewEvent,
        OrderingKey, Secret, Selection, SigningSecret, TargetUrl, Webhook, WebhookId,
    },
    system::Random,
};

use super::{
    model::{Asked, Change},
    world::{Checked, World, ensure},
};

const TYPES: [&str; 3] = ["contact.created", "ticket.updated", "message.received"];
const SELECTIONS: [&str; 6] = ["*", "*", "*", "contact.*", "ticket.updated", "message.received"];

/// Rounds in which all must have come to rest. Each ends with a step in time.
const MOST_ROUNDS: usize = 4_000;

impl World {
    /// The whole course of a seed.
    pub fn run(&mut self) -> Checked {
        (0..1 + self.random.below(3)).for_each(|_| self.create_webhook());
        self.commit()?;
        for _ in 0..60 + self.random.below(120) {
            self.step()?;
        }
        self.come_to_rest()
    }

    fn step(&mut self) -> Checked {
        if !self.store().is_writable() && self.one_in(3) {
            return self.face_broken_disk();
        }
        if self.faults && self.one_in(self.trouble) {
            self.break_disk();
        }
        match self.random.below(100) {
            0..14 => self.publish(),
            14 => self.create_webhook(),
            15..19 => self.change_webhook(),
            19..22 => self.resend(),
            22..34 => return self.turn(),
            34..46 => return self.commit(),
            46..66 => return self.move_some_flight(),
            66..70 => self.advance(Duration::from_millis(self.random.below(400) as u64)),
            70..76 => self.advance_to_next(),
            76..81 => self.answer_question(),
            81..83 => self.tell_late(),
            83..85 => self.change_mood(),
            85..87 => self.follow_up(),
            87 => self.bulk_resend()?,
            88 => self.forget(),
            89 if self.one_in(3) => self.jump(),
            90 if self.faults && self.one_in(2) => return self.crash(),
            91 if self.faults && self.one_in(3) => return self.restart(),
            92..100 => return self.settle(),
            _ => {}
        }
        Ok(())
    }

    /// Everything that does not wait for time happens.
    fn settle(&mut self) -> Checked {
        for _ in 0..6 {
            self.commit()?;
            if !self.is_busy() {
                break;
            }
            self.turn()?;
            (0..self.questions.len()).for_each(|_| self.answer_question());
            for index in (0..self.flights.len()).rev() {
                self.move_flight(index)?;
            }
        }
        self.commit()
    }

    /// Whether something can happen without waiting for time.
    fn is_busy(&self) -> bool {
        let late = !self.late_answers.is_empty() || !self.late_landings.is_empty();
        let asked = !self.waiting.is_empty() || !self.questions.is_empty();
        let due = self.wake_at.is_some_and(|at| at <= self.now);
        late || asked || due || !self.inputs.is_empty() || self.flights.iter().any(|flight| flight.can_move(self.now))
    }

    fn move_some_flight(&mut self) -> Checked {
        if self.flights.is_empty() {
            return self.turn();
        }
        self.move_flight(self.random.below(self.flights.len()))
    }

    fn advance_to_next(&mut self) {
        if let Some(at) = self.next_moment().filter(|at| *at > self.now) {
            let by = at - self.now;
            self.tell(|| format!("{by:?} pass"));
            self.advance(by);
        }
    }

    fn publish(&mut self) {
        let count = if self.one_in(4) { 1 + self.random.below(6) } else { 1 };
        let events = (0..count).map(|_| Rc::new(self.event())).collect();
        self.ask(Asked::Publish(events));
    }

    fn event(&mut self) -> NewEvent {
        let id = EventId(self.ids.next(self.now, self.random.next_u64()));
        let event_type = EventType::parse(TYPES[self.random.below(3)]).expect("well formed");
        // Few enough that callers repeat themselves, some with another body.
        let number = self.random.below(16);
        let external_id = self.one_in(3).then(|| ExternalId::parse(&format!("crm-{number}")).expect("well formed"));
        let payload = match self.random.below(8) {
            0 => format!("[{}]", "1,".repeat(self.random.below(6_000)) + "1"),
            1 => format!("{{\"other\":{number}}}"),
            _ => format!("{{\"number\":{number}}}"),
        };
        let new = NewEvent::build(id, self.account(), event_type, external_id, None, self.now, &payload);
        if self.one_in(3) {
            return new;
        }
        // Few, so that events wait for each other.
        let key = OrderingKey::parse(["contact:1", "contact:2", "ticket:7"][self.random.below(3)]);
        new.with_ordering_key(key.expect("well formed"))
    }

    fn account(&self) -> AccountId {
        if self.one_in(8) { AccountId::parse("acme").expect("well formed") } else { AccountId::default() }
    }

    fn create_webhook(&mut self) {
        if self.model.webhooks.len() >= 6 {
            return;
        }
        let on = !self.one_in(5);
        let webhook = Webhook {
            id: WebhookId(self.ids.next(self.now, self.random.next_u64())),
            account: self.account(),
            request_url: TargetUrl::parse("https://hooks.example.com/crm").expect("well formed"),
            description: String::new(),
            selection: self.selection(),
            headers: CustomHeaders::default(),
            secrets: vec![SigningSecret { secret: Secret::generate([7; 32]), since: self.now, until: None }],
            disabled: (!on).then_some(Disabled { reason: DisabledReason::ByRequest, at: self.now }),
            timeout_ms: None,
            max_in_flight: self.one_in(3).then(|| 1 + self.random.below(3) as u16),
            rate_per_second: self.one_in(5).then(|| 1 + self.random.below(20) as u32),
            retry_schedule: None,
            ordered: self.one_in(2),
            created_at: self.now,
            created_by: "played".into(),
            updated_by: String::new(),
            updated_at: self.now,
            version: 0,
            deleted_at: None,
            other_signatures: Default::default(),
            tls: Default::default(),
        };
        self.receivers.change_mood(webhook.id, &self.random);
        self.ask(Asked::Create(Box::new(webhook)));
    }

    fn selection(&self) -> Selection {
        Selection::parse(&[SELECTIONS[self.random.below(6)].to_owned()]).expect("well formed")
    }

    fn change_webhook(&mut self) {
        let Some(id) = self.some_webhook() else { return };
        let change = match self.random.below(20) {
            0..5 => Change::Disable,
            5..11 => Change::Enable,
            11..14 => return self.ask(Asked::SkipMissed(id, self.now)),
            14 => Change::Delete,
            15 => Change::Select(self.selection()),
            16 => Change::Order(!self.one_in(3)),
            _ => Change::Limit(
                self.one_in(2).then(|| 1 + self.random.below(3) as u16),
                self.one_in(3).then(|| 1 + self.random.below(20) as u32),
            ),
        };
        self.ask(Asked::Change(id, change));
    }

    fn some_webhook(&self) -> Option<WebhookId> {
        let ids: Vec<WebhookId> = self.model.webhooks.keys().copied().collect();
        (!ids.is_empty()).then(|| ids[self.random.below(ids.len())])
    }

    fn resend(&mut self) {
        let count = self.model.deliveries.len();
        if count == 0 {
            return;
        }
        let delivery = *self.model.deliveries.keys().nth(self.random.below(count)).expect("fewer than there are");
        self.ask(Asked::Resend(delivery, self.now));
    }

    fn change_mood(&mut self) {
        let Some(id) = self.some_webhook() else { return };
        let mood = self.receivers.change_mood(id, &self.random);
        self.tell(|| format!("the receiver of {id} is {mood:?}"));
    }

    fn follow_up(&mut self) {
        if !self.follow_ups.is_empty() {
            let next = self.follow_ups.remove(0);
            self.ask(next);
        }
    }

    /// Begins a bulk resend, or moves one on.
    fn bulk_resend(&mut self) -> Checked {
        let Ok(running) = self.store().running_jobs() else { return Ok(()) };
        let Some(job) = running.into_iter().next() else {
            let id = JobId(self.ids.next(self.now, self.random.next_u64()));
            self.ask(Asked::StartJob(id));
            return Ok(());
        };
        let cursor = job.position.map(Cursor::NewerThan);
        let Ok(page) = self.store().logs_oldest_first(&job.filter, cursor, job.end, 3) else { return Ok(()) };
        let ids = page.items.into_iter().map(|delivery| delivery.id).collect();
        let (now, next_due) = (self.now, self.now.plus(Duration::from_secs(1)));
        self.ask(Asked::AdvanceJob { job: job.id, ids, now, next_due, finished: page.newer.is_none() });
        self.commit()
    }

    fn forget(&mut self) {
        let age = [0, 1_000, 60_000, 86_400_000][self.random.below(4)];
        self.ask(Asked::Forget(self.now.minus(Duration::from_millis(age))));
    }

    /// No more faults, all receivers well: everything must be delivered, or have failed for good.
    fn come_to_rest(&mut self) -> Checked {
        self.tell(|| "from here on all is well".into());
        self.disk.heal();
        self.receivers.recover();
        for _ in 0..MOST_ROUNDS {
            self.tell_late();
            self.settle()?;
            (0..self.follow_ups.len()).for_each(|_| self.follow_up());
            if !self.store().is_writable() {
                self.reopen()?;
                continue;
            }
            if self.is_busy() {
                continue;
            }
            if self.flights.is_empty() && self.model.waiting().is_empty() {
                return self.check_rest();
            }
            ensure!(self.next_moment().is_some(), "{:?} wait and nothing wakes", self.model.waiting());
            self.advance_to_next();
        }
        Err(format!("no rest after {MOST_ROUNDS} rounds, {:?} wait", self.model.waiting()))
    }

    fn check_rest(&mut self) -> Checked {
        ensure!(self.engine.in_flight() == 0, "the engine counts requests in flight");
        ensure!(self.engine.unrecorded() == 0, "the engine keeps what is recorded");
        self.check_memory()?;
        self.ledger.check_recorded(&self.model, self.life)?;
        ensure!(self.faults || self.ledger.counts.repeated == 0, "invariant 3: requests came twice without a fault");
        Ok(())
    }
}
