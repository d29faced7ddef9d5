//! Compares what was accepted with what arrived.

use std::ops::Range;

use super::{
    latency::Latency,
    load::Sent,
    receiver::{Arrival, Receiver},
};

/// What became of accepted events.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Tally {
    /// Deliveries that arrived, each counted once.
    pub(super) delivered: u64,
    /// Deliveries that did not arrive.
    pub(super) lost: u64,
    /// Arrivals of what had arrived before, or of what was not accepted.
    pub(super) repeated: u64,
    /// From POST to arrival.
    pub(super) latency: Latency,
    /// When the last one arrived.
    pub(super) last_us: u64,
}

impl Tally {
    /// Waits until everything that was sent has arrived, or nothing more comes. `webhooks` says which
    /// ones an event made with the given request is for.
    pub(super) fn settle(receiver: &Receiver, sent: &[Sent], webhooks: impl Fn(usize) -> Range<u32>) -> Tally {
        let mut arrivals = Vec::new();
        loop {
            let tally = Tally::of(sent, arrivals.clone(), &webhooks);
            let more = receiver.take(tally.lost as usize);
            if more.is_empty() {
                return tally;
            }
            arrivals.extend(more);
        }
    }

    fn of(sent: &[Sent], mut arrivals: Vec<Arrival>, webhooks: impl Fn(usize) -> Range<u32>) -> Tally {
        let first = sent.iter().map(|sent| sent.number).min().unwrap_or(0);
        let last = sent.iter().map(|sent| sent.number).max().unwrap_or(0);
        let mut by_number: Vec<Option<&Sent>> = vec![None; (last - first) as usize + 1];
        sent.iter().for_each(|sent| by_number[(sent.number - first) as usize] = Some(sent));

        let mut tally = Tally::default();
        let mut times_us = Vec::with_capacity(arrivals.len());
        arrivals.sort_unstable();
        let mut before = None;
        for arrival in arrivals {
            let place = (arrival.number, arrival.webhook);
            let sent = arrival.number.checked_sub(first).and_then(|index| *by_number.get(index as usize)?);
            let expected = sent.filter(|sent| webhooks(sent.request).contains(&arrival.webhook));
            match expected {
                Some(sent) if before != Some(place) => {
                    times_us.push(arrival.at_us.saturating_sub(sent.due_us));
                    tally.last_us = tally.last_us.max(arrival.at_us);
                }
                _ => tally.repeated += 1,
            }
            before = Some(place);
        }
        tally.delivered = times_us.len() as u64;
        tally.lost = sent.iter().map(|sent| webhooks(sent.request).len() as u64).sum::<u64>() - tally.delivered;
        tally.latency = Latency::of(times_us);
        tally
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(number: u64) -> Sent {
        Sent { number, request: 0, due_us: number * 1_000 }
    }

    fn arrival(number: u64, webhook: u32, after_us: u64) -> Arrival {
        Arrival { number, webhook, at_us: number * 1_000 + after_us }
    }

    #[test]
    fn what_is_missing_and_what_came_twice_is_seen() {
        let arrivals = vec![
            arrival(8, 1, 9_000),
            arrival(7, 0, 2_000),
            arrival(7, 1, 3_000),
            arrival(7, 1, 5_000),
            arrival(3, 0, 1_000),
        ];
        let tally = Tally::of(&[sent(7), sent(8)], arrivals, |_| 0..2);
        assert_eq!((tally.delivered, tally.lost), (3, 1), "8 did not arrive at 0");
        assert_eq!(tally.repeated, 2, "7 at 1, and 3, which nobody accepted");
        assert_eq!((tally.latency.p50_ms, tally.latency.max_ms, tally.last_us), (3.0, 9.0, 17_000));
        assert_eq!(Tally::of(&[], Vec::new(), |_| 0..2), Tally::default());
    }
}
