//! What is on disk and what is in memory: long queues, late notices, resends, stale rows, a disk
//! that cannot write, webhooks that are switched off and on.

use std::time::Duration;

use super::world::{World, answer, deliveries, no_answer};
use crate::{
    domain::{Cause, WebhookId},
    sender::engine::{EngineOptions, Input, LaneSettings},
    store::Notice,
};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

fn world() -> World {
    World::new(EngineOptions { max_in_flight: 64, ..EngineOptions::default() })
}

#[test]
fn after_a_start_the_queue_is_read_from_disk() {
    let mut world = world();
    let webhook = world.webhook(1);
    let waiting = world.publish_silently(webhook);
    assert_eq!(deliveries(&world.settle()), [waiting]);
}

#[test]
fn a_queue_longer_than_the_memory_is_read_in_pages_and_sent_once_each() {
    let mut world = world();
    let webhook = world.webhook(1);
    world.publish_many_silently(10_000, webhook);
    world.settle();
    while world.pending() > 0 {
        assert!(world.engine.rows <= 2 * world.options.lane_rows);
        // The disk holds what the memory does not: events that come meanwhile.
        if world.sent.len().is_multiple_of(3) && world.deliveries.len() < 12_000 {
            world.publish(webhook);
        }
        world.land(0, answer(200));
        world.settle();
    }
    assert_eq!(world.sent.len(), world.deliveries.len());
    assert!(world.pages_read < 60, "{} pages", world.pages_read);
}

#[test]
fn new_events_go_before_a_long_queue_of_late_retries() {
    let mut world = world();
    let webhook = world.webhook(1);
    let late: Vec<_> = (0..3_000).map(|_| world.publish_silently(webhook)).collect();
    world.now = world.now.plus(HOUR);
    late.iter().for_each(|delivery| world.resend(*delivery, world.now.minus(SECOND)));
    world.inputs.retain(|input| matches!(input, Input::Notice(Notice::WebhookChanged(_))));
    world.settle();
    let new = world.publish(webhook);
    assert_eq!(deliveries(&world.land_all(webhook, &answer(200)))[0], new);
    world.drain();
    assert_eq!(world.sent.len(), 3_001);
}

#[test]
fn all_webhooks_together_keep_a_bounded_number_of_rows() {
    let options =
        EngineOptions { max_in_flight: 4, total_rows: 500, lane_rows: 100, page_rows: 50, ..Default::default() };
    let mut world = World::new(options);
    for number in 1..=20 {
        let webhook = world.webhook(number);
        world.publish_many_silently(200, webhook);
    }
    world.settle();
    assert!(world.engine.rows <= 500 + 20 * 32, "{}", world.engine.rows);
    assert_eq!(world.drain() + 4, 20 * 200 + 4);
    assert_eq!(world.engine.rows, 0);
}

#[test]
fn a_row_that_is_announced_while_a_page_is_read_is_not_lost() {
    for seen in [false, true] {
        let mut world = world();
        let webhook = world.webhook(1);
        let delivery = world.publish_silently(webhook);
        world.turn();
        world.turn();
        assert_eq!(world.reads.len(), 1, "the page is asked for");
        let asked = world.reads.pop().unwrap();
        let before = world.page(&asked);
        // Moved an hour ahead, so that it does not count as a first attempt.
        world.resend(delivery, world.now.plus(HOUR));
        let after = world.page(&asked);
        world.turn();
        let page = if seen { after } else { before };
        world.inputs.push(Input::PageRead { asked, page });
        for job in world.settle() {
            assert!(!seen, "{job:?}");
            world.land(0, answer(200));
        }
        world.settle();
        assert!(world.sent.is_empty(), "the old row is stale");
        assert_eq!(deliveries(&world.advance(HOUR)), [delivery]);
        world.land_all(webhook, &answer(200));
        assert_eq!(world.sent.len(), 1);
    }
}

#[test]
fn many_rows_announced_while_a_page_is_read_are_found_on_disk() {
    let mut world = World::new(EngineOptions { lane_rows: 4, page_rows: 4, ..EngineOptions::default() });
    let webhook = world.webhook(1);
    let all: Vec<_> = (0..30).map(|_| world.publish_silently(webhook)).collect();
    world.now = world.now.plus(HOUR);
    world.turn();
    world.turn();
    let asked = world.reads.pop().unwrap();
    let empty = crate::store::QueuePage::default();
    all.iter().rev().for_each(|delivery| world.resend(*delivery, world.now.plus(SECOND)));
    world.turn();
    world.inputs.push(Input::PageRead { asked, page: empty });
    world.settle();
    world.advance(SECOND);
    assert_eq!(world.drain(), 30);
}

#[test]
fn a_resend_of_what_is_in_hand_starts_nothing_before_the_record() {
    let mut world = world();
    let webhook = world.webhook(1);
    let delivery = world.publish(webhook);
    world.settle();
    world.load(0);
    world.resend(delivery, world.now);
    assert!(world.settle().is_empty());
    world.land_all(webhook, &answer(500));
    assert_eq!(world.wake_at, Some(world.now.plus(5 * SECOND)), "the record says what is next");
}

#[test]
fn a_resend_that_comes_before_the_delivery_is_read_makes_one_request() {
    let mut world = world();
    let webhook = world.webhook(1);
    let delivery = world.publish(webhook);
    world.settle();
    world.now = world.now.plus(SECOND);
    world.resend(delivery, world.now);
    assert_eq!(deliveries(&world.land_all(webhook, &answer(200))), [delivery], "the old row was stale");
    world.land_all(webhook, &answer(200));
    assert_eq!(world.sent.len(), 1);
}

#[test]
fn a_resend_while_a_retry_waits_makes_one_request_now_and_none_then() {
    let mut world = world();
    let webhook = world.webhook(1);
    let delivery = world.publish(webhook);
    world.settle();
    world.land_all(webhook, &answer(500));
    world.now = world.now.plus(SECOND);
    world.resend(delivery, world.now);
    assert_eq!(deliveries(&world.settle()), [delivery]);
    world.land_all(webhook, &answer(200));
    world.advance(HOUR);
    world.drain();
    assert_eq!(world.sent.len(), 2);
}

#[test]
fn a_webhook_that_is_off_gets_nothing_and_then_all_that_waited() {
    let mut world = world();
    let webhook = world.webhook(1);
    world.publish(webhook);
    world.settle();
    world.set_webhook(webhook, LaneSettings::default());
    world.publish_many(3, webhook);
    assert!(world.settle().is_empty());
    assert!(world.land_all(webhook, &answer(200)).is_empty());
    assert!(world.engine.lanes.is_empty(), "nothing is kept of it");
    world.webhook(1);
    assert_eq!(world.settle().len(), 3);
}

#[test]
fn what_came_while_a_webhook_was_off_for_a_moment_is_sent() {
    let mut world = world();
    let webhook = world.webhook(1);
    world.settle();
    world.set_webhook(webhook, LaneSettings::default());
    // What comes while it is off is not announced.
    let delivery = world.publish_silently(webhook);
    world.webhook(1);
    assert_eq!(deliveries(&world.settle()), [delivery], "though both answers said that it is on");
}

#[test]
fn a_webhook_that_is_switched_off_and_on_keeps_its_limit() {
    let mut world = world();
    let webhook =
        world.set_webhook(WebhookId(1), LaneSettings { on: true, max_in_flight: Some(2), ..LaneSettings::default() });
    world.publish_many(5, webhook);
    assert_eq!(world.settle().len(), 2);
    let settings = world.webhooks[&webhook].clone();
    world.set_webhook(webhook, LaneSettings { on: false, ..settings.clone() });
    world.settle();
    world.set_webhook(webhook, settings);
    assert!(world.settle().is_empty(), "the two from before are in flight still");
    world.drain();
    assert_eq!(world.sent.len(), 5);
}

#[test]
fn after_410_nothing_more_goes_to_the_webhook() {
    let mut world = world();
    let webhook = world.webhook(1);
    world.publish_many(9, webhook);
    world.settle();
    world.land(0, answer(410));
    assert!(world.settle().is_empty());
    assert!(world.land_all(webhook, &answer(200)).is_empty());
    assert_eq!((world.engine.lanes.len(), world.pending()), (0, 5));
}

#[test]
fn while_the_disk_cannot_write_nothing_is_started_and_no_result_is_lost() {
    let mut world = world();
    let webhook = world.webhook(1);
    let [first, second] = [world.publish(webhook), world.publish(webhook)];
    world.settle();
    world.land(0, answer(200));
    world.turn();
    world.records.clear();
    world.inputs.push(Input::Notice(Notice::CannotWrite));
    world.land(0, answer(200));
    world.publish(webhook);
    assert!(world.settle().is_empty() && world.records.is_empty());
    assert_eq!(world.engine.unrecorded(), 2);
    world.inputs.push(Input::Notice(Notice::Reopened));
    world.turn();
    assert_eq!(world.records.iter().map(|record| record.delivery).collect::<Vec<_>>(), [first, second]);
    assert_eq!(world.settle().len(), 1, "the third goes now");
    world.drain();
    assert_eq!((world.sent.len(), world.pending(), world.engine.unrecorded()), (3, 0, 0));
}

#[test]
fn results_that_wait_for_the_disk_are_bounded() {
    let mut world = World::new(EngineOptions { in_hand: 20, ..EngineOptions::default() });
    let webhook = world.webhook(1);
    world.publish_many(100, webhook);
    world.settle();
    for _ in 0..100 {
        if !world.flights.is_empty() {
            world.land(0, answer(200));
        }
        world.turn();
    }
    assert_eq!((world.records.len(), world.flights.len()), (20, 0));
    world.settle();
    world.drain();
    assert_eq!(world.pending(), 0);
}

#[test]
fn an_attempt_that_our_stop_cut_short_is_not_recorded_and_goes_again() {
    let mut world = world();
    let webhook = world.webhook(1);
    let delivery = world.publish(webhook);
    world.settle();
    world.land(0, no_answer(Cause::Interrupted));
    assert_eq!(deliveries(&world.settle()), [delivery]);
    assert_eq!(world.deliveries[&delivery].attempts, 0);
}

#[test]
fn what_cannot_be_read_is_tried_again_after_a_while() {
    let mut world = world();
    let webhook = world.webhook(1);
    let delivery = world.publish(webhook);
    world.turn();
    world.turn();
    let asked = world.reads.pop().unwrap();
    world.inputs.push(Input::PageFailed(asked));
    assert_eq!(deliveries(&world.settle()), [], "the notice came before the lane");
    assert_eq!(deliveries(&world.advance(5 * SECOND)), [delivery]);
    let flight = world.flights.pop().unwrap();
    world.inputs.push(Input::Unreadable(flight.job));
    let next = world.publish(webhook);
    assert_eq!(world.settle(), []);
    assert_eq!(deliveries(&world.advance(5 * SECOND)), [next], "the others go on");
    assert_eq!(deliveries(&world.advance(55 * SECOND)), [delivery]);
}

#[test]
fn when_notices_were_left_out_the_queue_is_read_anew() {
    let mut world = world();
    let webhook = world.webhook(1);
    world.settle();
    let delivery = world.publish_silently(webhook);
    assert!(world.settle().is_empty());
    world.inputs.push(Input::NoticesLeftOut);
    assert_eq!(deliveries(&world.settle()), [delivery]);
}
