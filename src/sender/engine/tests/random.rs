//! Random courses: events, resends, answers of all kinds, slow reads, switches, disks that fail
//! and time, in any order. What must never happen is checked at each step by the played world; in
//! the end everything must have been sent. A failure prints its seed; run that one with
//! `HOOKSTEAD_SEED=<seed> cargo test engine::tests::random`.

use std::time::Duration;

use super::world::{World, answer, answer_with, no_answer};
use crate::{
    domain::{Cause, Outcome, WebhookId},
    sender::engine::{EngineOptions, Input, LaneSettings},
    store::Notice,
    system::PlayedRandom,
};

#[test]
fn nothing_is_lost_or_sent_twice_at_once_on_any_course() {
    let one = std::env::var("HOOKSTEAD_SEED").ok().map(|seed| seed.parse().expect("HOOKSTEAD_SEED is a number"));
    let seeds = one.map_or(0..400, |seed| seed..seed + 1);
    for seed in seeds {
        let course = std::panic::catch_unwind(|| run(seed));
        assert!(course.is_ok(), "HOOKSTEAD_SEED={seed}");
    }
}

fn run(seed: u64) {
    let random = PlayedRandom::new(seed);
    let mut world = World::new(EngineOptions {
        max_in_flight: 1 + random.below(12),
        lane_max_in_flight: 1 + random.below(4) as u16,
        lane_rows: 1 + random.below(6),
        total_rows: 5 + random.below(60),
        page_rows: 1 + random.below(5),
        reads_at_once: 1 + random.below(3),
        in_hand: 2 + random.below(20),
        ..EngineOptions::default()
    });
    let mut course = Course { random, writable: true, paused: false, late_pages: Vec::new() };
    for _ in 0..400 {
        course.step(&mut world);
    }
    course.finish(&mut world);
}

struct Course {
    random: PlayedRandom,
    writable: bool,
    paused: bool,
    /// Pages that were read at one time and are told later.
    late_pages: Vec<Input>,
}

impl Course {
    fn step(&mut self, world: &mut World) {
        match self.random.below(17) {
            0..3 if self.writable => _ = world.publish(self.webhook()),
            3 if self.writable => self.resend(world),
            4 if self.writable => self.switch(world),
            5..8 => self.land(world),
            8 => self.load(world),
            9 => self.read(world),
            10 => world.inputs.append(&mut self.late_pages),
            11 if self.writable => self.record(world),
            12 => world.now = world.now.plus(self.while_()),
            13 if self.random.below(6) == 0 => self.fail_or_reopen(world),
            14 if self.random.below(3) == 0 => self.pause_or_resume(world),
            15 if self.random.below(20) == 0 => world.inputs.push(Input::NoticesLeftOut),
            _ => drop(world.turn()),
        }
    }

    /// No more faults: every delivery must come to its end.
    fn finish(&mut self, world: &mut World) {
        if !self.writable {
            self.fail_or_reopen(world);
        }
        if self.paused {
            self.pause_or_resume(world);
        }
        world.inputs.append(&mut self.late_pages);
        // An answer 410 from before may still switch its webhook off.
        world.drain();
        for number in 1..=4 {
            world.webhook(number);
        }
        for _ in 0..3_000 {
            world.drain();
            if world.pending() == 0 {
                break;
            }
            let wake = world.wake_at.unwrap_or_else(|| panic!("{} wait and nothing wakes", world.pending()));
            assert!(wake > world.now, "a wake-up lies ahead");
            world.now = wake;
        }
        assert_eq!(world.pending(), 0, "everything is sent in the end");
        assert_eq!((world.engine.in_flight(), world.engine.unrecorded()), (0, 0));
        assert_eq!(world.engine.slow_flights, 0);
        let rows: usize = world.engine.lanes.values().map(|lane| lane.rows.len()).sum();
        assert_eq!(world.engine.rows, rows, "rows are counted right");
        for facts in world.deliveries.values() {
            assert!(facts.attempts > 0);
        }
    }

    fn webhook(&self) -> WebhookId {
        WebhookId(1 + self.random.below(4) as u128)
    }

    fn while_(&self) -> Duration {
        Duration::from_millis([1, 40, 1_500, 6_000, 400_000, 90_000_000][self.random.below(6)])
    }

    fn resend(&self, world: &mut World) {
        let mut all: Vec<_> = world.deliveries.keys().copied().collect();
        all.sort_unstable();
        if !all.is_empty() {
            let later = if self.random.below(3) == 0 { self.while_() } else { Duration::ZERO };
            world.resend(all[self.random.below(all.len())], world.now.plus(later));
        }
    }

    fn switch(&self, world: &mut World) {
        let rate_per_second = [None, Some(1), Some(200)][self.random.below(3)];
        let settings = LaneSettings { on: self.random.below(3) > 0, rate_per_second, ..LaneSettings::default() };
        world.set_webhook(self.webhook(), settings);
    }

    fn pause_or_resume(&mut self, world: &mut World) {
        self.paused = !self.paused;
        world.paused = self.paused;
        world.inputs.push(Input::Notice(Notice::Paused(self.paused)));
    }

    fn load(&self, world: &mut World) {
        if !world.flights.is_empty() {
            let index = self.random.below(world.flights.len());
            if world.flights[index].loaded.is_none() {
                world.load(index);
            }
        }
    }

    fn land(&self, world: &mut World) {
        if world.flights.is_empty() {
            return;
        }
        let index = self.random.below(world.flights.len());
        if world.flights[index].loaded.is_none() && self.random.below(8) == 0 {
            let flight = world.flights.swap_remove(index);
            let job = flight.job;
            world.inputs.push(if self.random.below(2) == 0 { Input::Unreadable(job) } else { Input::Interrupted(job) });
            return;
        }
        world.land(index, self.outcome());
    }

    fn outcome(&self) -> Outcome {
        match self.random.below(12) {
            0..6 => answer(200),
            6 => answer(500),
            7 => answer(503),
            8 => answer_with(429, Some(self.while_())),
            9 => no_answer(Cause::ConnectRefused),
            10 => no_answer(Cause::Interrupted),
            _ if self.random.below(6) == 0 => answer(410),
            _ => no_answer(Cause::ResponseTimeout),
        }
    }

    fn read(&mut self, world: &mut World) {
        if world.reads.is_empty() {
            return;
        }
        let index = self.random.below(world.reads.len());
        if self.random.below(6) == 0 {
            let asked = world.reads.swap_remove(index);
            world.inputs.push(Input::PageFailed(asked));
            return;
        }
        world.read(index);
        if self.random.below(2) == 0 {
            // Told later than read; the notices of commits in between come first.
            let page = world.inputs.pop().expect("just put in");
            self.late_pages.push(page);
        }
    }

    fn record(&self, world: &mut World) {
        if !world.records.is_empty() {
            world.record(0);
        }
    }

    /// The disk fails: some of what waits is written all the same, none of it is answered.
    fn fail_or_reopen(&mut self, world: &mut World) {
        self.writable = !self.writable;
        if self.writable {
            world.inputs.push(Input::Notice(Notice::Reopened));
            return;
        }
        for record in std::mem::take(&mut world.records) {
            if self.random.below(2) == 0 {
                world.write(record);
            }
        }
        world.inputs.push(Input::Notice(Notice::CannotWrite));
        // What is handed over before the engine knows gets lost with the rest.
        let turn = world.turn();
        drop(turn);
        world.records.clear();
    }
}
