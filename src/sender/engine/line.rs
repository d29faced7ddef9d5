//! The order in which lanes are served: those that can send take turns, the others sleep until
//! their time. An idle lane is in neither and costs nothing.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
};

use crate::domain::{Timestamp, WebhookId};

/// How the receiver of a lane has been answering.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Group {
    /// Quickly.
    Quick,
    /// Not yet; goes before the slow, so that it soon belongs to one of the others.
    Unknown,
    /// Slowly, not at all, or with failures only.
    Slow,
}

/// The order in which lanes are served.
#[derive(Debug, Default)]
pub(super) struct Line {
    quick: VecDeque<(WebhookId, u64)>,
    unknown: VecDeque<(WebhookId, u64)>,
    slow: VecDeque<(WebhookId, u64)>,
    /// Whether the quick ones were served last.
    quick_last: bool,
    last_place: u64,
    asleep: BinaryHeap<Reverse<(Timestamp, WebhookId)>>,
}

// Any of the queues may hold entries of lanes that wait elsewhere by now; whoever takes one out
// compares its place or time with the lane's own.
impl Line {
    /// Puts a lane that can send at the end of its group. Gives its place.
    pub(super) fn stand(&mut self, lane: WebhookId, group: Group) -> u64 {
        self.last_place += 1;
        let queue = match group {
            Group::Quick => &mut self.quick,
            Group::Unknown => &mut self.unknown,
            Group::Slow => &mut self.slow,
        };
        queue.push_back((lane, self.last_place));
        self.last_place
    }

    /// The lane to serve next and its place, by turns a quick one and another; only a quick one
    /// unless `others_may`.
    pub(super) fn next(&mut self, others_may: bool) -> Option<(WebhookId, u64)> {
        let others = others_may && (self.quick_last || self.quick.is_empty());
        let other = if others { self.unknown.pop_front().or_else(|| self.slow.pop_front()) } else { None };
        self.quick_last = other.is_none();
        other.or_else(|| self.quick.pop_front())
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
