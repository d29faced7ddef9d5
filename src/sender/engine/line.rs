//! The order in which lanes are served: those that can send take turns, the others sleep until
//! their time. An idle lane is in neither and costs nothing.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
};

use crate::domain::{Timestamp, WebhookId};

/// The order in which lanes are served.
#[derive(Debug, Default)]
pub(super) struct Line {
    quick: VecDeque<WebhookId>,
    slow: VecDeque<WebhookId>,
    /// Whether the slow ones are next.
    slow_next: bool,
    /// May hold entries of lanes that wait elsewhere by now; whoever takes one out compares.
    asleep: BinaryHeap<Reverse<(Timestamp, WebhookId)>>,
}

impl Line {
    /// Puts a lane that can send at the end of its group.
    pub(super) fn stand(&mut self, lane: WebhookId, slow: bool) {
        if slow { self.slow.push_back(lane) } else { self.quick.push_back(lane) }
    }

    /// The lane to serve next, by turns from both groups; only a quick one unless `slow_may`.
    /// The second part says whether it stood among the slow.
    pub(super) fn next(&mut self, slow_may: bool) -> Option<(WebhookId, bool)> {
        let slow = slow_may && !self.slow.is_empty() && (self.slow_next || self.quick.is_empty());
        self.slow_next = !slow;
        let lane = if slow { self.slow.pop_front() } else { self.quick.pop_front() };
        lane.map(|lane| (lane, slow))
    }

    /// Lets a lane sleep until `at`.
    pub(super) fn sleep(&mut self, lane: WebhookId, at: Timestamp) {
        self.asleep.push(Reverse((at, lane)));
    }

    /// The next sleeper, and until when it sleeps.
    pub(super) fn first_asleep(&self) -> Option<(Timestamp, WebhookId)> {
        self.asleep.peek().map(|Reverse(entry)| *entry)
    }

    /// Takes the next sleeper out.
    pub(super) fn wake_first(&mut self) {
        self.asleep.pop();
    }

    /// Number of entries of sleepers, out of date ones included.
    pub(super) fn sleepers(&self) -> usize {
        self.asleep.len()
    }

    /// Leaves out entries of sleepers for which `current` is false.
    pub(super) fn tidy(&mut self, current: impl Fn(WebhookId, Timestamp) -> bool) {
        self.asleep.retain(|Reverse((at, lane))| current(*lane, *at));
    }
}
