//! Who is served when: turns, limits, throttling, slow receivers.

use std::time::Duration;

use super::world::{World, answer, answer_with, deliveries, no_answer};
use crate::{
    domain::{Cause, RetrySchedule, WebhookId},
    sender::engine::{EngineOptions, Input, LaneSettings},
    store::Notice,
};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

fn on() -> LaneSettings {
    LaneSettings { on: true, ..LaneSettings::default() }
}

fn options(max_in_flight: usize) -> EngineOptions {
    EngineOptions { max_in_flight, ..EngineOptions::default() }
}

/// Sends one event to `webhook` that is answered at once, so that it counts as quick.
fn prove(world: &mut World, webhook: WebhookId) {
    world.publish(webhook);
    world.settle();
    world.land_all(webhook, &answer(200));
}

#[test]
fn a_new_event_goes_at_once_and_is_done_after_200() {
    let mut world = World::new(options(8));
    let webhook = world.webhook(1);
    world.settle();
    let delivery = world.publish(webhook);
    assert_eq!(deliveries(&world.settle()), [delivery]);
    assert_eq!(world.wake_at, None, "only the answer is awaited");
    assert!(world.land_all(webhook, &answer(200)).is_empty());
    assert_eq!((world.pending(), world.engine.in_flight(), world.engine.unrecorded()), (0, 0, 0));
}

#[test]
fn a_failed_delivery_is_tried_again_when_it_is_due_and_not_before() {
    let mut world = World::new(options(8));
    let webhook = world.webhook(1);
    let delivery = world.publish(webhook);
    world.settle();
    assert!(world.land_all(webhook, &answer(500)).is_empty());
    assert_eq!(world.wake_at, Some(world.now.plus(5 * SECOND)));
    assert!(world.advance(5 * SECOND - Duration::from_millis(1)).is_empty());
    assert_eq!(deliveries(&world.advance(Duration::from_millis(1))), [delivery]);
}

#[test]
fn a_schedule_without_retries_gives_up_and_one_of_the_webhook_s_own_counts() {
    let mut world = World::new(options(8));
    let once = Some(RetrySchedule::from_seconds(&[]).unwrap());
    let webhook = world.set_webhook(WebhookId(1), LaneSettings { schedule: once, ..on() });
    let delivery = world.publish(webhook);
    world.settle();
    world.land_all(webhook, &answer(500));
    assert_eq!((world.wake_at, world.deliveries[&delivery].due), (None, None));
}

#[test]
fn while_sending_is_paused_nothing_begins_and_afterwards_all_of_it_does() {
    let mut world = World::new(options(8));
    let webhook = world.webhook(1);
    prove(&mut world, webhook);
    let failed = world.publish(webhook);
    let in_flight = world.publish(webhook);
    assert_eq!(world.settle().len(), 2);
    world.land(0, answer(500));
    world.settle();
    world.paused = true;
    world.inputs.push(Input::Notice(Notice::Paused(true)));
    let waiting = world.publish(webhook);
    assert!(world.settle().is_empty());
    assert!(world.land_all(webhook, &answer(200)).is_empty(), "what was in flight ends and is recorded");
    assert_eq!(world.deliveries[&in_flight].due, None);
    assert!(world.advance(MINUTE).is_empty(), "the retry that is due waits as well");
    assert_eq!(world.wake_at, None, "and nobody is woken for it");
    assert!(world.advance(60 * 24 * 5 * MINUTE).is_empty());

    world.paused = false;
    world.inputs.push(Input::Notice(Notice::Paused(false)));
    let mut jobs = deliveries(&world.settle());
    jobs.sort_unstable();
    assert_eq!(jobs, [failed, waiting]);
    assert_eq!(world.deliveries[&failed].attempts, 1, "the wait was no attempt");
    world.land_all(webhook, &answer(200));
    assert_eq!(world.pending(), 0);
}

#[test]
fn an_engine_that_begins_in_a_pause_sends_nothing_until_it_ends() {
    let mut world = World::new(EngineOptions { paused: true, ..options(8) });
    let webhook = world.webhook(1);
    world.publish_many_silently(20, webhook);
    world.publish_many(20, webhook);
    assert!(world.settle().is_empty());
    world.paused = false;
    world.inputs.push(Input::Notice(Notice::Paused(false)));
    assert_eq!(world.drain(), 40);
}

#[test]
fn webhooks_take_turns() {
    let mut world = World::new(options(6));
    let [busy, calm] = [world.webhook(1), world.webhook(2)];
    prove(&mut world, busy);
    prove(&mut world, calm);
    let many: Vec<_> = (0..100).map(|_| world.publish(busy)).collect();
    let few: Vec<_> = (0..3).map(|_| world.publish(calm)).collect();
    let jobs = deliveries(&world.settle());
    assert_eq!(jobs, [many[0], few[0], many[1], few[1], many[2], few[2]]);
}

#[test]
fn a_webhook_has_at_most_its_maximum_in_flight_and_a_few_until_it_proved_quick() {
    let mut world = World::new(options(64));
    let webhook = world.set_webhook(WebhookId(1), LaneSettings { max_in_flight: Some(7), ..on() });
    world.publish_many(40, webhook);
    assert_eq!(world.settle().len(), 4, "not proved quick yet");
    assert_eq!(world.land_all(webhook, &answer(200)).len(), 7);
    world.land(0, answer(200));
    assert_eq!(world.settle().len(), 1);
}

#[test]
fn a_failing_webhook_is_served_one_at_a_time_until_it_succeeds() {
    let mut world = World::new(options(64));
    let webhook = world.webhook(1);
    prove(&mut world, webhook);
    world.publish_many(40, webhook);
    assert_eq!(world.settle().len(), 8);
    assert_eq!(world.land_all(webhook, &answer(500)).len(), 0, "eight failures in a row: it gets a pause");
    assert_eq!(world.advance(Duration::from_millis(50)).len(), 1);
    assert_eq!(world.land_all(webhook, &no_answer(Cause::ConnectRefused)).len(), 0);
    assert_eq!(world.advance(Duration::from_millis(50)).len(), 1);
    assert_eq!(world.land_all(webhook, &answer(200)).len(), 8);
}

#[test]
fn a_throttling_receiver_makes_its_whole_webhook_wait_and_no_other() {
    for (outcome, wait_s, story) in [
        (answer_with(429, Some(90 * SECOND)), 90, "as it asks"),
        (answer_with(503, Some(2 * SECOND)), 2, "as it asks, though this delivery itself waits 5 s"),
        (answer(502), 5, "by the schedule"),
        (answer_with(504, Some(30 * 3600 * SECOND)), 24 * 3600, "a day at most"),
    ] {
        let mut world = World::new(options(64));
        let [webhook, other] = [world.webhook(1), world.webhook(2)];
        prove(&mut world, webhook);
        let first = world.publish(webhook);
        world.settle();
        world.land_all(webhook, &outcome);
        let waiting = world.publish(webhook);
        let free = world.publish(other);
        assert_eq!(deliveries(&world.settle()), [free], "{story}");
        let wait = wait_s * SECOND;
        assert_eq!(world.wake_at, Some(world.now.plus(wait)), "{story}");
        assert!(world.advance(wait - Duration::from_millis(1)).is_empty(), "{story}");
        let probe = deliveries(&world.advance(Duration::from_millis(1)));
        assert_eq!(probe, [waiting], "{story}: one goes ahead, new events first");
        let rest = world.land_all(webhook, &answer(200));
        assert_eq!(deliveries(&rest), if wait_s < 5 { vec![] } else { vec![first] }, "{story}");
    }
}

#[test]
fn a_late_retry_that_is_throttled_does_not_hold_up_new_events_for_hours() {
    let mut world = World::new(options(64));
    let schedule = Some(RetrySchedule::from_seconds(&[7200, 7200]).unwrap());
    let webhook = world.set_webhook(WebhookId(1), LaneSettings { schedule, ..on() });
    world.publish(webhook);
    world.settle();
    world.land_all(webhook, &answer(503));
    let new = world.publish(webhook);
    assert_eq!(deliveries(&world.advance(5 * SECOND)), [new]);
    world.land_all(webhook, &answer(503));
    let newer = world.publish(webhook);
    assert!(world.advance(9 * SECOND).is_empty(), "twice as long the second time");
    assert_eq!(deliveries(&world.advance(SECOND)), [newer]);
}

#[test]
fn no_more_requests_are_started_in_a_second_than_the_rate_allows() {
    for rate in [1, 3, 50, 400, 5_000] {
        let mut world = World::new(options(10_000));
        let settings = LaneSettings { rate_per_second: Some(rate), max_in_flight: Some(10_000), ..on() };
        let webhook = world.set_webhook(WebhookId(1), settings);
        prove(&mut world, webhook);
        world.publish_many(4 * rate, webhook);
        let mut seconds = Vec::new();
        for _ in 0..3 {
            let before = world.sent.len();
            for _ in 0..1_000 {
                world.advance(Duration::from_millis(1));
                world.land_all(webhook, &answer(200));
            }
            seconds.push((world.sent.len() - before) as u32);
        }
        for sent in seconds {
            assert!(sent <= rate + rate.div_ceil(100) && sent + rate.div_ceil(20) >= rate, "{sent} of {rate}");
        }
    }
}

#[test]
fn receivers_that_hang_hold_half_of_the_threads_at_most() {
    let mut world = World::new(options(16));
    let quick = world.webhook(100);
    prove(&mut world, quick);
    for number in 1..=20 {
        let hanging = world.webhook(number);
        world.publish_many(10, hanging);
    }
    assert_eq!(world.settle().len(), 8);
    for _ in 0..50 {
        let delivery = world.publish(quick);
        assert!(deliveries(&world.advance(SECOND)).contains(&delivery));
        world.land_all(quick, &answer(200));
    }
    assert_eq!(world.flights.len(), 8);
}

#[test]
fn a_receiver_that_begins_to_hang_belongs_to_the_slow_before_its_first_time_out() {
    let mut world = World::new(options(16));
    let quick = world.webhook(9);
    prove(&mut world, quick);
    let webhooks: Vec<_> = (1..=3).map(|number| world.webhook(number)).collect();
    for &webhook in &webhooks {
        prove(&mut world, webhook);
        world.publish_many(4, webhook);
    }
    world.settle();
    assert_eq!(world.flights.len(), 12);
    world.now = world.now.plus(2 * SECOND);
    for &webhook in &webhooks {
        world.publish_many(10, webhook);
    }
    assert!(world.settle().len() <= 1, "they hold more than their half already");
    let delivery = world.publish(quick);
    assert_eq!(deliveries(&world.settle()), [delivery]);
}

#[test]
fn a_new_receiver_goes_before_the_slow_and_a_quick_one_never_waits_behind_them() {
    let mut world = World::new(options(4));
    let hanging: Vec<_> = (1..=5).map(|number| world.webhook(number)).collect();
    hanging.iter().for_each(|webhook| world.publish_many(3, *webhook));
    world.settle();
    world.now = world.now.plus(15 * SECOND);
    world.land_all(world.flights[0].job.webhook, &no_answer(Cause::ResponseTimeout));
    assert_eq!(world.flights.len(), 2, "half of the threads");
    let new = world.webhook(9);
    let deliveries_of_new = [world.publish(new), world.publish(new)];
    world.settle();
    world.now = world.now.plus(15 * SECOND);
    world.land(0, no_answer(Cause::ResponseTimeout));
    world.settle();
    while !world.flights.iter().any(|flight| flight.job.webhook == new) {
        assert!(hanging.len() > world.sent.len() / 3, "only other new ones may come first");
        world.land(0, no_answer(Cause::ResponseTimeout));
        world.settle();
    }
    let next = deliveries(&world.land_all(new, &answer(200)));
    assert!(next.contains(&deliveries_of_new[1]), "quick from its first answer on");
}

#[test]
fn late_retries_do_not_hold_up_new_events_nor_starve() {
    let mut world = World::new(options(64));
    let webhook = world.set_webhook(WebhookId(1), LaneSettings { max_in_flight: Some(1), ..on() });
    let late: Vec<_> = (0..4).map(|_| world.publish_silently(webhook)).collect();
    world.now = world.now.plus(MINUTE);
    late.iter().for_each(|delivery| world.resend(*delivery, world.now.minus(SECOND)));
    world.now = world.now.plus(MINUTE);
    let new: Vec<_> = (0..8).map(|_| world.publish(webhook)).collect();
    world.drain();
    let order: Vec<_> = world.sent.iter().map(|job| job.due.delivery).collect();
    let wanted = [new[0], new[1], new[2], late[0], new[3], new[4], new[5], late[1], new[6], new[7], late[2], late[3]];
    assert_eq!(order, wanted);
}

#[test]
fn ten_thousand_idle_webhooks_cost_a_turn_nothing() {
    let mut world = World::new(options(64));
    for number in 1..=10_000 {
        world.webhook(number);
    }
    world.settle();
    let busy = WebhookId(77);
    let began = std::time::Instant::now();
    for _ in 0..1_000 {
        world.publish(busy);
        assert_eq!(world.drain(), 1);
    }
    assert!(began.elapsed() < 2 * SECOND, "{:?}", began.elapsed());
    assert_eq!(world.pages_read, 10_000);
}
