//! How many requests end in a second, for whoever looks at the server.

use crate::domain::Timestamp;

/// Seconds that the rate is taken over.
const SECONDS: u64 = 10;

/// Counts of the last seconds.
#[derive(Debug, Default)]
pub(super) struct Meter {
    /// Which second each place is about, and its count.
    counts: [(u64, u64); SECONDS as usize + 1],
}

impl Meter {
    /// Counts `number` requests that ended at `now`.
    pub(super) fn add(&mut self, number: u64, now: Timestamp) {
        let second = now.as_seconds();
        let place = &mut self.counts[(second % (SECONDS + 1)) as usize];
        if place.0 != second {
            *place = (second, 0);
        }
        place.1 += number;
    }

    /// Requests in a second, over the ten whole seconds before `now`.
    pub(super) fn rate(&self, now: Timestamp) -> f64 {
        let second = now.as_seconds();
        let recent = second.saturating_sub(SECONDS)..second;
        let sum: u64 = self.counts.iter().filter(|(of, _)| recent.contains(of)).map(|(_, count)| count).sum();
        sum as f64 / SECONDS as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_the_last_ten_whole_seconds() {
        let mut meter = Meter::default();
        let at = |seconds: u64| Timestamp::from_millis(1_767_605_400_000 + seconds * 1_000);
        assert_eq!(meter.rate(at(0)), 0.0);
        (0..20).for_each(|second| meter.add(5, at(second)));
        meter.add(1_000, at(20));
        assert_eq!(meter.rate(at(20)), 5.0, "the present second is not over");
        assert_eq!(meter.rate(at(26)), (4.0 * 5.0 + 1_000.0) / 10.0, "seconds 16 to 25");
        assert_eq!(meter.rate(at(300)), 0.0);
    }
}
