//! A retry schedule as people type it: `5 s, 5 min, 30 min, 2 h`.

use crate::domain::{Fault, RetrySchedule};

/// The delays as text.
pub fn show(schedule: &RetrySchedule) -> String {
    let delays = schedule.to_seconds().into_iter().map(|seconds| match seconds {
        day if day % 86_400 == 0 => format!("{} d", day / 86_400),
        hour if hour % 3_600 == 0 => format!("{} h", hour / 3_600),
        minute if minute % 60 == 0 => format!("{} min", minute / 60),
        second => format!("{second} s"),
    });
    delays.collect::<Vec<_>>().join(", ")
}

/// Reads delays separated by commas; `none` is a schedule of one attempt. A number alone is seconds.
///
/// # Errors
/// What is wrong with it.
pub fn parse(text: &str) -> Result<RetrySchedule, Fault> {
    let text = text.trim();
    if text.eq_ignore_ascii_case("none") {
        return RetrySchedule::from_seconds(&[]);
    }
    let delays = text.split(',').map(delay).collect::<Option<Vec<u64>>>();
    let delays = delays.ok_or_else(|| {
        let message = "Write the delays as 5 s, 5 min, 2 h, separated by commas, or none for a single attempt.";
        Fault::new("retry_schedule", message)
    })?;
    RetrySchedule::from_seconds(&delays).map_err(|fault| Fault { pointer: String::new(), ..fault })
}

fn delay(text: &str) -> Option<u64> {
    let text = text.trim();
    let end = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let seconds = match unit.trim() {
        "" | "s" => 1,
        "min" | "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_comes_back_from_its_text() {
        let default = RetrySchedule::default();
        assert_eq!(show(&default), "5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 1 d");
        assert_eq!(parse(&show(&default)), Ok(default));
        assert_eq!(parse("none").unwrap().attempts(), 1);
        assert_eq!(parse("5,5m , 2h").unwrap().to_seconds(), [5, 300, 7_200]);
        for bad in ["", "soon", "5 s,,", "-1", "5 y", "0 s", "8 d", "99999999999999999999 s", "18446744073709551615 d"]
        {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }
}
