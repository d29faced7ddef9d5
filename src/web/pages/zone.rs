//! How times are shown: in one zone, to the second, with the exact UTC time on hover.

use jiff::tz::TimeZone;

use super::parts::Moment;
use crate::domain::Timestamp;

/// The time zone a page shows its times in.
#[derive(Debug, Clone)]
pub struct Zone {
    name: String,
    zone: TimeZone,
}

impl Zone {
    /// Coordinated universal time, until somebody chooses another.
    pub fn utc() -> Zone {
        Zone { name: "UTC".to_owned(), zone: TimeZone::UTC }
    }

    /// The zone of that name in the IANA database.
    #[cfg_attr(not(test), expect(dead_code, reason = "the Settings page will choose it"))]
    pub fn named(name: &str) -> Option<Zone> {
        let zone = TimeZone::get(name).ok()?;
        Some(Zone { name: name.to_owned(), zone })
    }

    /// For the head of a column, such as `UTC` or `IST, UTC+05:30`. The offset is the one at `now`.
    pub fn head(&self, now: Timestamp) -> String {
        if self.name == "UTC" {
            return self.name.clone();
        }
        let local = self.local(now);
        format!("{}, UTC{}", local.strftime("%Z"), local.strftime("%:z"))
    }

    /// For the foot of a page, such as `UTC` or `Asia/Kolkata (UTC+05:30)`.
    pub fn long_name(&self, now: Timestamp) -> String {
        if self.name == "UTC" {
            return self.name.clone();
        }
        format!("{} (UTC{})", self.name, self.local(now).strftime("%:z"))
    }

    /// To the second, for lists.
    pub fn seconds(&self, at: Timestamp) -> Moment {
        self.moment(at, "%Y-%m-%d %H:%M:%S")
    }

    /// To the millisecond, for detail pages.
    pub fn millis(&self, at: Timestamp) -> Moment {
        self.moment(at, "%Y-%m-%d %H:%M:%S%.3f")
    }

    /// The time alone if it is on the same day as `now`, else with its day; as plain text.
    pub fn clock(&self, at: Timestamp, now: Timestamp) -> String {
        let (at, now) = (self.local(at), self.local(now));
        let format = if at.date() == now.date() { "%H:%M:%S" } else { "%Y-%m-%d %H:%M:%S" };
        at.strftime(format).to_string()
    }

    /// The hour that begins at `at`, as `14:00`.
    pub fn hour(&self, at: Timestamp) -> String {
        self.local(at).strftime("%H:%M").to_string()
    }

    /// The day alone.
    pub fn day(&self, at: Timestamp) -> String {
        self.local(at).strftime("%Y-%m-%d").to_string()
    }

    fn moment(&self, at: Timestamp, format: &str) -> Moment {
        let utc = jiff_time(at).to_zoned_datetime(TimeZone::UTC);
        Moment {
            text: self.local(at).strftime(format).to_string(),
            machine: at.to_string(),
            title: format!("{} UTC", utc.strftime("%Y-%m-%d %H:%M:%S%.3f")),
        }
    }

    fn local(&self, at: Timestamp) -> jiff::ZonedDateTime {
        jiff_time(at).to_zoned_datetime(self.zone.clone())
    }
}

fn jiff_time(at: Timestamp) -> jiff::Timestamp {
    jiff::Timestamp::from_millisecond(at.as_millis() as i64).expect("our times end before jiff's do")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_changes_what_is_read_and_not_what_is_meant() {
        let at: Timestamp = "2026-01-05T09:30:00.123Z".parse().unwrap();
        let kolkata = Zone::named("Asia/Kolkata").unwrap();
        assert_eq!(Zone::utc().seconds(at).text, "2026-01-05 09:30:00");
        assert_eq!(kolkata.seconds(at).text, "2026-01-05 15:00:00");
        assert_eq!(kolkata.millis(at).text, "2026-01-05 15:00:00.123");
        assert_eq!(kolkata.seconds(at).machine, "2026-01-05T09:30:00.123Z");
        assert_eq!(kolkata.seconds(at).title, "2026-01-05 09:30:00.123 UTC");
        assert_eq!(kolkata.head(at), "IST, UTC+05:30");
        assert_eq!(Zone::utc().head(at), "UTC");
        assert_eq!(kolkata.long_name(at), "Asia/Kolkata (UTC+05:30)");
        assert!(Zone::named("Mars/Olympus").is_none());
    }

    #[test]
    fn a_time_today_needs_no_day() {
        let at: Timestamp = "2026-01-05T09:30:00Z".parse().unwrap();
        let later: Timestamp = "2026-01-06T09:30:01Z".parse().unwrap();
        assert_eq!(Zone::utc().clock(at, at), "09:30:00");
        assert_eq!(Zone::utc().clock(later, at), "2026-01-06 09:30:01");
        assert_eq!(Zone::utc().clock(Timestamp::MAX, at), "9999-12-30 22:00:00");
    }
}
