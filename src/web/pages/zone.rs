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
    pub fn named(name: &str) -> Option<Zone> {
        if name == "UTC" {
            return Some(Zone::utc());
        }
        let zone = TimeZone::get(name).ok()?;
        // As the database spells it, whatever was typed.
        let name = zone.iana_name()?.to_owned();
        Some(Zone { name, zone })
    }

    /// The names of the zones to choose from, in order: those of places, and no old spellings.
    pub fn names() -> Vec<String> {
        const OLD: [&str; 9] = ["Etc", "US", "Canada", "Brazil", "Chile", "Mexico", "SystemV", "posix", "right"];
        let all = jiff::tz::db().available().map(|name| name.as_str().to_owned());
        let mut names: Vec<_> = all.filter(|name| !OLD.contains(&name.split('/').next().unwrap_or_default())).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
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

    /// To the second with its day, as plain text.
    pub fn second(&self, at: Timestamp) -> String {
        self.local(at).strftime("%Y-%m-%d %H:%M:%S").to_string()
    }

    /// For a field of a form with a day and a time.
    pub fn to_local(&self, at: Timestamp) -> String {
        let format = if at.as_millis().is_multiple_of(1000) { "%Y-%m-%dT%H:%M:%S" } else { "%Y-%m-%dT%H:%M:%S%.3f" };
        self.local(at).strftime(format).to_string()
    }

    /// Reads a day and a time of this zone, such as `2026-01-05T15:00`; the seconds may be left out.
    pub fn read(&self, text: &str) -> Option<Timestamp> {
        let local: jiff::civil::DateTime = text.trim().replacen('T', " ", 1).parse().ok()?;
        let at = self.zone.to_timestamp(local).ok()?.as_millisecond();
        u64::try_from(at).ok().map(Timestamp::from_millis).filter(|at| *at <= Timestamp::MAX)
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
        assert_eq!(Zone::named("asia/KOLKATA").unwrap().name(), "Asia/Kolkata");
        let names = Zone::names();
        assert!(names.len() > 300 && names.iter().any(|name| name == "Europe/Berlin"), "{}", names.len());
        assert!(names.iter().all(|name| Zone::named(name).is_some_and(|zone| zone.name() == name)));
    }

    #[test]
    fn a_local_time_is_read_back() {
        let at: Timestamp = "2026-01-05T09:30:00.123Z".parse().unwrap();
        let kolkata = Zone::named("Asia/Kolkata").unwrap();
        assert_eq!(kolkata.to_local(at), "2026-01-05T15:00:00.123");
        assert_eq!(kolkata.read("2026-01-05T15:00:00.123"), Some(at));
        assert_eq!(Zone::utc().read("2026-01-05 15:00").map(|at| at.to_string()).unwrap(), "2026-01-05T15:00:00.000Z");
        for bad in ["", "yesterday", "2026-02-30T00:00", "1066-10-14T09:00"] {
            assert_eq!(Zone::utc().read(bad), None, "{bad}");
        }
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
