//! How long the disk lasts, from how many events come and how much room each takes.

/// How long the disk lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forecast {
    /// Too little has come to tell.
    Unknown,
    /// As much is forgotten as comes before it is full.
    Lasts,
    /// It is full after so many days.
    FullIn {
        /// The days.
        days: u64,
    },
}

/// Fewest events that a size is worked out from; an empty file has a size, too.
const FEWEST_EVENTS: u64 = 1_000;

impl Forecast {
    /// With `events` stored in `bytes`, `a_day` of them coming each day, and `free` bytes left, where
    /// each is kept for `retention_days`.
    pub fn of(events: u64, bytes: u64, a_day: u64, free: u64, retention_days: u64) -> Forecast {
        if events < FEWEST_EVENTS || a_day == 0 {
            return Forecast::Unknown;
        }
        let each = (bytes / events).max(1);
        let grows = each.saturating_mul(a_day);
        let in_the_end = grows.saturating_mul(retention_days);
        if in_the_end.saturating_sub(bytes) < free {
            return Forecast::Lasts;
        }
        Forecast::FullIn { days: free / grows }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_lasts_if_the_retention_fits_on_it() {
        let gib = 1 << 30;
        for (events, bytes, a_day, free, forecast) in [
            (0, 1 << 20, 0, gib, Forecast::Unknown),
            (999, 1 << 20, 999, gib, Forecast::Unknown),
            (100_000, 200_000_000, 0, gib, Forecast::Unknown),
            // 2,000 bytes each, 100,000 a day: 200 MB a day, 18 GB in 90 days.
            (100_000, 200_000_000, 100_000, 20 * gib, Forecast::Lasts),
            (100_000, 200_000_000, 100_000, gib, Forecast::FullIn { days: 5 }),
            (100_000, 200_000_000, 100_000, 0, Forecast::FullIn { days: 0 }),
            // All 90 days are there already: nothing grows any more.
            (9_000_000, 18_000_000_000, 100_000, gib, Forecast::Lasts),
        ] {
            assert_eq!(Forecast::of(events, bytes, a_day, free, 90), forecast, "{events} {bytes} {a_day} {free}");
        }
    }
}
