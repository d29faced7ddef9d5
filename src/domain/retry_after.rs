//! The `Retry-After` header of an answer.

use std::time::{Duration, UNIX_EPOCH};

use super::Timestamp;

/// Longer values are no number and no date of RFC 9110, and are not looked at.
const MAX_BYTES: usize = 64;

/// How long after `now` the receiver asks to be left alone: seconds, or a date in any of the three
/// forms of HTTP (RFC 9110, sections 10.2.3 and 5.6.7).
///
/// A date in the past is zero. Anything else is `None` and does not change the schedule. The
/// duration is what was asked; how much of it is granted is for the schedule to say.
pub fn parse_retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim_matches([' ', '\t']);
    if value.is_empty() || value.len() > MAX_BYTES {
        return None;
    }
    if value.bytes().all(|byte| byte.is_ascii_digit()) {
        return value.parse().ok().map(Duration::from_secs);
    }
    let date = httpdate::parse_http_date(value).ok()?;
    let since_1970 = date.duration_since(UNIX_EPOCH).ok()?;
    Some(Timestamp::from_millis(u64::try_from(since_1970.as_millis()).ok()?) - now)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    const VECTORS: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/vectors/vectors.json"));

    #[test]
    fn the_vectors_are_read_as_they_say() {
        let vectors: Value = serde_json::from_str(VECTORS).expect("the fixture is JSON");
        let now_s = vectors["retry_after"]["now_unix"].as_u64().expect("seconds");
        let in_five_minutes = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(now_s + 300));
        for case in vectors["retry_after"]["parse"].as_array().expect("a list") {
            let value = case[0].as_str().expect("text").replace("<now+5min as HTTP-date>", &in_five_minutes);
            let expected = case[1].as_u64().map(Duration::from_secs);
            assert_eq!(parse_retry_after(&value, Timestamp::from_millis(now_s * 1000)), expected, "{value:?}");
        }
    }

    #[test]
    fn all_three_forms_of_a_date_are_read_and_junk_is_not() {
        let minute_before = Timestamp::from_millis((784_111_777 - 60) * 1000);
        for date in ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"] {
            assert_eq!(parse_retry_after(date, minute_before), Some(Duration::from_secs(60)), "{date}");
        }
        let long = "0".repeat(10 << 20);
        for junk in ["1e30", "NaN", "120.1", "+5", "٣", "Sun, 31 Feb 2027 00:00:00 GMT", "5, 10", &long] {
            assert_eq!(parse_retry_after(junk, minute_before), None, "{}", &junk[..junk.len().min(40)]);
        }
        assert_eq!(parse_retry_after("Fri, 31 Dec 9999 23:59:59 GMT", Timestamp::MAX), Some(Duration::ZERO));
    }

    proptest! {
        #[test]
        fn no_value_makes_it_panic(value: String, now: u64) {
            let _ = parse_retry_after(&value, Timestamp::from_millis(now));
        }
    }
}
