//! Many deliveries due together: after an outage, and retries that fall into one second.

use std::{collections::BTreeMap, time::Duration};

use super::world::{START, World, answer};
use crate::{
    domain::WebhookId,
    sender::engine::{EngineOptions, LaneSettings},
    store::Due,
};

const STEP: Duration = Duration::from_millis(10);

/// Lets all requests under way end with 200 and time go on by [`STEP`], until nothing is pending.
/// Looks on the way that no limit is passed; gives the starts of each webhook's requests.
fn drain_in_steps(world: &mut World, most_of_one: usize) -> BTreeMap<WebhookId, Vec<(Duration, Due)>> {
    let mut starts: BTreeMap<WebhookId, Vec<(Duration, Due)>> = BTreeMap::new();
    let mut jobs = world.settle();
    for _ in 0..100_000 {
        for job in jobs {
            starts.entry(job.webhook).or_default().push((world.now - START, job.due));
        }
        if world.pending() == 0 && world.flights.is_empty() {
            return starts;
        }
        assert!(world.flights.len() <= world.options.max_in_flight);
        let mut of_one: BTreeMap<WebhookId, usize> = BTreeMap::new();
        world.flights.iter().for_each(|flight| *of_one.entry(flight.job.webhook).or_default() += 1);
        assert!(of_one.values().all(|count| *count <= most_of_one), "{of_one:?}");
        while !world.flights.is_empty() {
            world.land(0, answer(200));
        }
        jobs = world.advance(STEP);
    }
    panic!("{} are never sent", world.pending());
}

#[test]
fn ten_thousand_retries_due_in_one_second_keep_to_every_limit() {
    let mut world = World::new(EngineOptions { max_in_flight: 64, ..EngineOptions::default() });
    let webhooks: Vec<_> = (1..=20).map(|number| world.webhook(number)).collect();
    for (number, webhook) in (0..10_000).zip(webhooks.iter().cycle()) {
        let delivery = world.publish_silently(*webhook);
        // A retry: a row that is due after the event was accepted.
        let due = START.plus(Duration::from_secs(300) + Duration::from_millis(number % 1_000));
        world.resend(delivery, due);
    }
    world.now = START.plus(Duration::from_secs(300));
    let starts = drain_in_steps(&mut world, 10);
    assert_eq!(world.sent.len(), 10_000, "each once");
    assert!(starts.values().all(|starts| starts.len() == 500), "and evenly");
}

#[test]
fn a_hundred_thousand_pending_drain_at_the_webhooks_rates_oldest_first() {
    let mut world = World::new(EngineOptions { max_in_flight: 64, ..EngineOptions::default() });
    let rate = |number: u128| if number <= 10 { Some(50) } else { None };
    for number in 1..=100 {
        let settings = LaneSettings { on: true, rate_per_second: rate(number), ..LaneSettings::default() };
        let webhook = world.set_webhook(WebhookId(number), settings);
        world.publish_many_silently(1_000, webhook);
    }
    let starts = drain_in_steps(&mut world, 10);
    assert_eq!(world.sent.len(), 100_000);
    for (webhook, starts) in &starts {
        let Some(rate) = rate(webhook.0) else { continue };
        // In whichever second: at most what the rate gives, and one more at its edge.
        let most = starts.iter().map(|(from, _)| {
            let until = *from + Duration::from_secs(1);
            starts.iter().skip_while(|(at, _)| at < from).take_while(|(at, _)| *at < until).count()
        });
        assert!(most.max() <= Some(rate as usize + 1), "{webhook}");
    }
    for (webhook, starts) in &starts {
        assert!(starts.iter().map(|(_, due)| due).is_sorted(), "{webhook}: oldest first");
    }
}
