//! Pictures of what happened hour by hour: a small one for lists, a large one whose bars are links.
//!
//! Both are drawn here, on the server, as SVG without a style; what they show is also there as text.

use std::fmt::Write as _;

use askama::{Template, filters::HtmlSafe};

use super::{text::count, zone::Zone};
use crate::domain::{HourStats, Timestamp, with_thousands};

/// Hours of the small picture.
const SPARK_HOURS: u32 = 24;
/// Height of a full bar of the small picture, in its own units.
const SPARK_HEIGHT: u64 = 20;
/// Height of the large picture, and the width of one of its bars with the gap beside it.
const HEIGHT: u64 = 100;
const STEP: usize = 10;

/// The last 24 hours of a webhook, small enough for a row of a list.
#[derive(Template, Debug, Clone, PartialEq, Eq)]
#[template(
    source = r#"<svg class="spark" viewBox="0 0 96 20" role="img" aria-label="{{ words }}">{% if !good.is_empty() %}<path class="bar-good" d="{{ good }}"/>{% endif %}{% if !bad.is_empty() %}<path class="bar-bad" d="{{ bad }}"/>{% endif %}</svg>"#,
    ext = "html"
)]
pub struct Spark {
    words: String,
    good: String,
    bad: String,
}

impl Spark {
    /// The hours up to `this_hour`; `None` if nothing ended in them.
    pub fn of(hours: &[(u32, HourStats)], this_hour: u32, zone: &Zone) -> Option<Spark> {
        let busiest = hours.iter().max_by_key(|(_, hour)| total(hour)).filter(|(_, hour)| total(hour) > 0)?;
        let most = total(&busiest.1);
        let (mut good, mut bad) = (String::new(), String::new());
        let (mut all, mut failed) = (0, 0);
        for (hour, stats) in hours {
            let Some(place) = (hour + SPARK_HOURS).checked_sub(this_hour + 1) else { continue };
            let x = place * 4;
            let (of_good, of_bad) = heights(stats, most, SPARK_HEIGHT);
            bar(&mut good, x, SPARK_HEIGHT, of_good);
            bar(&mut bad, x, SPARK_HEIGHT - of_good, of_bad);
            (all, failed) = (all + total(stats), failed + stats.failed);
        }
        let start = zone.hour(hour_start(busiest.0));
        let words = format!(
            "Last 24 hours: {}, {} failed; most in the hour from {start}: {}",
            count(all, "delivery", "deliveries"),
            with_thousands(failed),
            with_thousands(most)
        );
        Some(Spark { words, good, bad })
    }
}

/// How far back the large picture goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// 24 bars of an hour.
    Day,
    /// 7 bars of a day.
    Week,
    /// 30 bars of a day.
    Month,
}

impl Period {
    /// All, the shortest first.
    pub const ALL: [Period; 3] = [Period::Day, Period::Week, Period::Month];

    /// Its name in addresses.
    pub fn code(self) -> &'static str {
        match self {
            Period::Day => "24h",
            Period::Week => "7d",
            Period::Month => "30d",
        }
    }

    /// What pages call it.
    pub fn words(self) -> &'static str {
        match self {
            Period::Day => "24 hours",
            Period::Week => "7 days",
            Period::Month => "30 days",
        }
    }

    /// The period of that name.
    pub fn from_code(code: &str) -> Option<Period> {
        Period::ALL.into_iter().find(|period| period.code() == code)
    }

    fn days(self) -> u32 {
        match self {
            Period::Day => 1,
            Period::Week => 7,
            Period::Month => 30,
        }
    }
}

/// What ended in an hour or a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bar {
    /// Its place.
    pub x: usize,
    /// Its height and place as it is drawn: of what succeeded, and on top of it what failed.
    pub good: (u64, u64),
    /// See `good`.
    pub bad: (u64, u64),
    /// `14:00–15:00` or `2026-01-05`.
    pub label: String,
    /// Deliveries that succeeded.
    pub success: String,
    /// Deliveries that failed.
    pub failed: String,
    /// The part of the log that it is about, as a query string.
    pub query: String,
}

/// The large picture, and everything that is said about its period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chart {
    /// How far back it goes.
    pub period: Period,
    /// Hours or days, oldest first; empty if nothing ended in them.
    pub bars: Vec<Bar>,
    /// Width in its own units.
    pub width: usize,
    /// The marks of its side: the most of a bar, and half of it.
    pub most: String,
    /// See `most`.
    pub half: String,
    /// The marks under it: the first bar, the middle one, the last one.
    pub marks: [String; 3],
    /// Everything of the period together.
    pub sum: HourStats,
}

impl Chart {
    /// The picture of `period` up to `now`, from hours that go back far enough.
    pub fn of(hours: &[(u32, HourStats)], period: Period, zone: &Zone, now: Timestamp) -> Chart {
        let parts = match period {
            Period::Day => by_hour(zone, now),
            Period::Week | Period::Month => by_day(period.days(), zone, now),
        };
        let mut sum = HourStats::default();
        let stats: Vec<HourStats> = parts
            .iter()
            .map(|part| {
                let mut stats = HourStats::default();
                hours.iter().filter(|(hour, _)| (part.first..=part.last).contains(hour)).for_each(|(_, hour)| {
                    stats.add(hour);
                });
                sum.add(&stats);
                stats
            })
            .collect();
        let most = stats.iter().map(total).max().unwrap_or(0);
        let marks = [0, parts.len() / 2, parts.len().saturating_sub(1)];
        let marks = marks.map(|index| parts.get(index).map(|part| part.mark.clone()).unwrap_or_default());
        let bars = parts.into_iter().zip(&stats).enumerate().filter(|_| most > 0);
        let bars: Vec<Bar> = bars.map(|(index, (part, stats))| part.bar(index, stats, most)).collect();
        Chart {
            period,
            width: bars.len() * STEP,
            bars,
            most: with_thousands(most),
            half: if most >= 2 { with_thousands(most / 2) } else { String::new() },
            marks,
            sum,
        }
    }
}

/// A stretch of whole hours.
struct Part {
    first: u32,
    last: u32,
    label: String,
    mark: String,
}

impl Part {
    fn bar(self, index: usize, stats: &HourStats, most: u64) -> Bar {
        let (good, bad) = heights(stats, most, HEIGHT);
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("since", &hour_start(self.first).to_string())
            .append_pair("until", &hour_start(self.last + 1).to_string())
            .finish();
        Bar {
            x: index * STEP,
            good: (HEIGHT - good, good),
            bad: (HEIGHT - good - bad, bad),
            label: self.label,
            success: with_thousands(stats.success),
            failed: with_thousands(stats.failed),
            query,
        }
    }
}

fn by_hour(zone: &Zone, now: Timestamp) -> Vec<Part> {
    let last = now.hour();
    let hours = last.saturating_sub(SPARK_HOURS - 1)..=last;
    let parts = hours.map(|hour| {
        let mark = zone.hour(hour_start(hour));
        let label = format!("{mark}–{}", zone.hour(hour_start(hour + 1)));
        Part { first: hour, last: hour, label, mark }
    });
    parts.collect()
}

/// Days of the reader's zone. Where it is half an hour beside ours, an hour belongs to the day in
/// which it begins.
fn by_day(days: u32, zone: &Zone, now: Timestamp) -> Vec<Part> {
    let last = now.hour();
    let mut parts: Vec<Part> = Vec::new();
    // A day more than wanted, because the first one is only reached in part.
    for hour in last.saturating_sub((days + 1) * 24 - 1)..=last {
        let day = zone.day(hour_start(hour));
        match parts.last_mut().filter(|part| part.label == day) {
            Some(part) => part.last = hour,
            None => parts.push(Part { first: hour, last: hour, mark: day.clone(), label: day }),
        }
    }
    let surplus = parts.len().saturating_sub(days as usize);
    parts.split_off(surplus)
}

fn total(stats: &HourStats) -> u64 {
    stats.success + stats.failed
}

fn hour_start(hour: u32) -> Timestamp {
    Timestamp::from_millis(u64::from(hour) * 3_600_000)
}

/// How high a bar is drawn: what succeeded, and what failed on top of it.
fn heights(stats: &HourStats, most: u64, height: u64) -> (u64, u64) {
    let bad = scaled(stats.failed, most, height).min(height);
    (scaled(stats.success, most, height).min(height - bad), bad)
}

/// A length that is to `height` as `part` is to `most`; what is there at all can be seen.
fn scaled(part: u64, most: u64, height: u64) -> u64 {
    match part {
        0 => 0,
        _ => (part * height).div_ceil(most.max(1)).max(height / 20),
    }
}

fn bar(path: &mut String, x: u32, foot: u64, height: u64) {
    if height > 0 {
        write!(path, "M{x} {foot}v-{height}h3v{height}z").expect("writing to a string does not fail");
    }
}

impl HtmlSafe for Spark {}

#[cfg(test)]
mod tests {
    use super::*;

    fn hour(success: u64, failed: u64) -> HourStats {
        HourStats { success, failed, ..HourStats::default() }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn a_small_picture_says_in_words_what_it_shows() {
        let now = at("2026-01-05T15:20:00Z");
        let hours = [(now.hour() - 1, hour(90, 0)), (now.hour(), hour(0, 10))];
        let spark = Spark::of(&hours, now.hour(), &Zone::utc()).expect("something ended");
        assert_eq!(spark.words, "Last 24 hours: 100 deliveries, 10 failed; most in the hour from 14:00: 90");
        assert_eq!((spark.good.as_str(), spark.bad.as_str()), ("M88 20v-20h3v20z", "M92 20v-3h3v3z"));
        assert_eq!(Spark::of(&[], now.hour(), &Zone::utc()), None);
        assert_eq!(Spark::of(&[(now.hour(), hour(0, 0))], now.hour(), &Zone::utc()), None);
    }

    #[test]
    fn a_full_hour_with_one_failure_stays_inside_the_picture() {
        let now = at("2026-01-05T15:20:00Z");
        let spark = Spark::of(&[(now.hour(), hour(999, 1))], now.hour(), &Zone::utc()).expect("something ended");
        assert_eq!((spark.good.as_str(), spark.bad.as_str()), ("M92 20v-19h3v19z", "M92 1v-1h3v1z"));
        let chart = Chart::of(&[(now.hour(), hour(999, 1))], Period::Day, &Zone::utc(), now);
        let last = chart.bars.last().expect("24 bars");
        assert_eq!((last.good, last.bad), ((5, 95), (0, 5)));
    }

    #[test]
    fn a_day_has_24_bars_and_each_leads_to_its_hour() {
        let now = at("2026-01-05T15:20:00Z");
        let chart = Chart::of(&[(now.hour() - 1, hour(96, 2))], Period::Day, &Zone::utc(), now);
        assert_eq!((chart.bars.len(), chart.width, chart.most.as_str(), chart.half.as_str()), (24, 240, "98", "49"));
        let bar = &chart.bars[22];
        assert_eq!((bar.label.as_str(), bar.success.as_str(), bar.failed.as_str()), ("14:00–15:00", "96", "2"));
        assert_eq!(bar.query, "since=2026-01-05T14%3A00%3A00.000Z&until=2026-01-05T15%3A00%3A00.000Z");
        assert_eq!(chart.marks, ["16:00", "04:00", "15:00"]);
        assert_eq!((chart.sum.success, chart.sum.failed), (96, 2));
    }

    #[test]
    fn days_are_those_of_the_readers_zone() {
        let now = at("2026-01-05T20:00:00Z");
        let kolkata = Zone::named("Asia/Kolkata").expect("in the database");
        // 18:00 to 19:00 UTC begins at 23:30 there, still the day before.
        let hours = [(now.hour() - 2, hour(1, 0)), (now.hour() - 1, hour(2, 0)), (now.hour() - 24 * 40, hour(5, 5))];
        let chart = Chart::of(&hours, Period::Week, &kolkata, now);
        let shown: Vec<_> = chart.bars.iter().map(|bar| (bar.label.as_str(), bar.success.as_str())).collect();
        assert_eq!(shown[5..], [("2026-01-05", "1"), ("2026-01-06", "2")]);
        assert_eq!((shown.len(), chart.sum.success), (7, 3));
        assert_eq!(Chart::of(&hours, Period::Month, &kolkata, now).bars.len(), 30);
    }

    #[test]
    fn nothing_gives_no_bars() {
        let chart = Chart::of(&[], Period::Month, &Zone::utc(), at("2026-01-05T20:00:00Z"));
        assert!(chart.bars.is_empty());
    }
}
