//! Played receivers: each is in some mood, which changes now and then.

use std::{collections::BTreeMap, time::Duration};

use hookstead::{
    domain::{Answer, Cause, Outcome, WebhookId},
    system::PlayedRandom,
};

/// How a receiver answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    Healthy,
    Slow,
    Failing,
    Refusing,
    /// 429 or 503, with or without `Retry-After`.
    Busy,
    Hanging,
    Flaky,
    Gone,
}

/// All receivers.
pub struct Receivers {
    moods: BTreeMap<WebhookId, Mood>,
    none_healthy: bool,
    all_healthy: bool,
}

impl Receivers {
    /// Receivers of all moods, or of all but the healthy one.
    pub fn new(none_healthy: bool) -> Self {
        Receivers { moods: BTreeMap::new(), none_healthy, all_healthy: false }
    }

    /// From now on every receiver answers 200.
    pub fn recover(&mut self) {
        self.all_healthy = true;
    }

    pub fn change_mood(&mut self, webhook: WebhookId, random: &PlayedRandom) -> Mood {
        let first = if self.none_healthy { 16 } else { 0 };
        let mood = match first + random.below(40 - first) {
            0..16 => Mood::Healthy,
            16..20 => Mood::Slow,
            20..24 => Mood::Failing,
            24..27 => Mood::Refusing,
            27..31 => Mood::Busy,
            31..34 => Mood::Hanging,
            34..39 => Mood::Flaky,
            _ if self.none_healthy => Mood::Failing,
            _ => Mood::Gone,
        };
        self.moods.insert(webhook, mood);
        mood
    }

    /// What comes of a request, and after how many milliseconds.
    pub fn answer(&self, webhook: WebhookId, random: &PlayedRandom) -> (Outcome, u64) {
        let mood = self.moods.get(&webhook).copied().filter(|_| !self.all_healthy).unwrap_or(Mood::Healthy);
        let quick = 1 + random.below(40) as u64;
        match mood {
            Mood::Healthy => (answered([200, 200, 200, 204][random.below(4)], None), quick),
            Mood::Slow => (answered(200, None), 800 + random.below(6_000) as u64),
            Mood::Failing => (answered([500, 404, 301, 500][random.below(4)], None), quick),
            Mood::Refusing => (no_answer(Cause::ConnectRefused), 1),
            Mood::Busy => {
                let asks = [None, Some(0), Some(3), Some(90), Some(7_200)][random.below(5)];
                (answered([429, 503][random.below(2)], asks), quick)
            }
            Mood::Hanging => (no_answer(Cause::ResponseTimeout), 15_000),
            Mood::Flaky if random.below(2) == 0 => (no_answer(Cause::ClosedEarly), quick),
            Mood::Flaky => (answered(200, None), quick),
            Mood::Gone => (answered(410, None), quick),
        }
    }
}

fn answered(http_status: u16, retry_after_s: Option<u64>) -> Outcome {
    Outcome::Answered(Answer {
        http_status,
        headers: Vec::new(),
        body: b"played".to_vec(),
        body_truncated: false,
        retry_after: retry_after_s.map(Duration::from_secs),
    })
}

fn no_answer(cause: Cause) -> Outcome {
    Outcome::NoAnswer { cause, detail: String::new() }
}
