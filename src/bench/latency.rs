//! Times that something took, and which of them only a few exceed.

use serde::Serialize;

/// A summary of times, in milliseconds. All are 0 if there was none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Latency {
    /// Half were no longer than this.
    pub p50_ms: f64,
    /// 95 of 100 were no longer than this.
    pub p95_ms: f64,
    /// 99 of 100 were no longer than this.
    pub p99_ms: f64,
    /// The longest.
    pub max_ms: f64,
}

impl Latency {
    /// Sums up times given in microseconds. A phase has some hundred thousand at the most, so they
    /// are simply sorted; nothing is rounded into classes.
    pub(super) fn of(mut times_us: Vec<u64>) -> Latency {
        times_us.sort_unstable();
        // The smallest time that at least this part of all did not exceed.
        let at = |percent: usize| {
            let rank = (times_us.len() * percent).div_ceil(100).max(1);
            times_us.get(rank - 1).map_or(0.0, |time| *time as f64 / 1e3)
        };
        Latency { p50_ms: at(50), p95_ms: at(95), p99_ms: at(99), max_ms: at(100) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_times_that_were_measured() {
        let of = |times: &[u64]| Latency::of(times.to_vec());
        let all: Vec<u64> = (1..=1_000).rev().map(|ms| ms * 1_000).collect();
        assert_eq!(of(&all), Latency { p50_ms: 500.0, p95_ms: 950.0, p99_ms: 990.0, max_ms: 1_000.0 });
        assert_eq!(of(&[3_000]), Latency { p50_ms: 3.0, p95_ms: 3.0, p99_ms: 3.0, max_ms: 3.0 });
        assert_eq!(of(&[9_000, 1_000]), Latency { p50_ms: 1.0, p95_ms: 9.0, p99_ms: 9.0, max_ms: 9.0 });
        assert_eq!(of(&[]), Latency::default());
    }
}
