//! A moment, to the millisecond, always UTC.

use std::{fmt, ops::Sub, str::FromStr, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A moment: milliseconds since 1970-01-01T00:00:00Z inside, RFC 3339 UTC with milliseconds outside.
///
/// Never before 1970 and never after 9999-12-31, so that it always has a text form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(u64);

/// Text that is not a moment in RFC 3339 with a time zone, between 1970 and 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotATimestamp;

impl Timestamp {
    /// The latest moment: 9999-12-30T22:00:00.000Z, the last one that every time zone can show.
    pub const MAX: Timestamp = Timestamp(253_402_207_200_000);

    /// From milliseconds since 1970; later than [`Timestamp::MAX`] becomes that.
    pub const fn from_millis(millis: u64) -> Self {
        if millis > Self::MAX.0 { Self::MAX } else { Timestamp(millis) }
    }

    /// Milliseconds since 1970.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// Whole seconds since 1970, as `webhook-timestamp` has them.
    pub const fn as_seconds(self) -> u64 {
        self.0 / 1000
    }

    /// This moment and `duration`, at most [`Timestamp::MAX`].
    pub fn plus(self, duration: Duration) -> Self {
        let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Self::from_millis(self.0.saturating_add(millis))
    }

    /// This moment less `duration`, at least 1970.
    pub fn minus(self, duration: Duration) -> Self {
        let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Timestamp(self.0.saturating_sub(millis))
    }

    /// How long after `earlier` this is; zero if it is not after it.
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// The hour this moment is in, counted from 1970.
    pub fn hour(self) -> u32 {
        // The maximum is 70 million hours, well inside 32 bits.
        (self.0 / 3_600_000) as u32
    }

    fn jiff(self) -> jiff::Timestamp {
        jiff::Timestamp::from_millisecond(self.0 as i64).expect("bounded by MAX")
    }
}

impl Sub for Timestamp {
    type Output = Duration;

    fn sub(self, earlier: Timestamp) -> Duration {
        self.since(earlier)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:.3}", self.jiff())
    }
}

impl FromStr for Timestamp {
    type Err = NotATimestamp;

    /// RFC 3339 with `Z` or an offset; parts of a millisecond are cut off.
    fn from_str(text: &str) -> Result<Self, NotATimestamp> {
        let moment: jiff::Timestamp = text.parse().map_err(|_| NotATimestamp)?;
        let millis = u64::try_from(moment.as_millisecond()).map_err(|_| NotATimestamp)?;
        if millis > Self::MAX.0 { Err(NotATimestamp) } else { Ok(Timestamp(millis)) }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() { serializer.collect_str(self) } else { serializer.serialize_u64(self.0) }
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        if deserializer.is_human_readable() {
            let text = String::deserialize(deserializer)?;
            text.parse().map_err(|_| D::Error::custom("not an RFC 3339 time"))
        } else {
            u64::deserialize(deserializer).map(Timestamp::from_millis)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_shown_in_utc_with_milliseconds() {
        assert_eq!(Timestamp::from_millis(1_767_605_400_123).to_string(), "2026-01-05T09:30:00.123Z");
        assert_eq!(Timestamp::from_millis(0).to_string(), "1970-01-01T00:00:00.000Z");
        assert_eq!(Timestamp::from_millis(u64::MAX), Timestamp::MAX);
        assert!(Timestamp::MAX.to_string().starts_with("9999-12-30"));
    }

    #[test]
    fn texts_with_a_time_zone_are_read_and_others_refused() {
        let moment = Ok(Timestamp::from_millis(1_767_605_400_123));
        for good in ["2026-01-05T09:30:00.123Z", "2026-01-05T15:00:00.123+05:30", "2026-01-05T09:30:00.123999Z"] {
            assert_eq!(good.parse(), moment, "{good}");
        }
        for bad in [
            "",
            "05/01/2026",
            "2026-01-05",
            "2026-01-05T09:30:00",
            "2026-02-30T00:00:00Z",
            "1969-12-31T23:59:59Z",
            "99999-01-01T00:00:00Z",
        ] {
            assert_eq!(bad.parse::<Timestamp>(), Err(NotATimestamp), "{bad}");
        }
    }

    #[test]
    fn times_never_run_below_zero() {
        let (early, late) = (Timestamp::from_millis(1), Timestamp::from_millis(9));
        assert_eq!(early - late, Duration::ZERO);
        assert_eq!(early.minus(Duration::MAX), Timestamp::from_millis(0));
        assert_eq!(late.plus(Duration::MAX), Timestamp::MAX);
    }
}
