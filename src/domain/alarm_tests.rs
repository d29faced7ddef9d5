use super::*;
use crate::domain::DisabledReason;

const NOON: Timestamp = Timestamp::from_millis(1_767_614_400_000);
const HOUR: Duration = Duration::from_secs(3_600);

fn seen(health: Health) -> WebhookSeen {
    let failing_since = (health == Health::Failing).then_some(NOON);
    WebhookSeen { health, failing_since, last_success_at: None, off: None, answers: false }
}

fn off(reason: DisabledReason, at: Timestamp) -> WebhookSeen {
    WebhookSeen { off: Some(Disabled { reason, at }), ..seen(Health::Off) }
}

/// Plays a course of things seen, an hour apart, and gives what was said of each.
fn course(steps: &[WebhookSeen]) -> Vec<Option<WebhookAlarm>> {
    let mut told = Told::default();
    let mut said = Vec::new();
    for (hour, step) in (0..).zip(steps) {
        let (after, alarm) = told.after(step, NOON.plus(HOUR * hour));
        // What was said is not said again about the same thing.
        assert_eq!(after.after(step, NOON.plus(HOUR * hour)), (after, None), "{step:?}");
        told = after;
        said.push(alarm);
    }
    said
}

#[test]
fn each_change_is_said_once() {
    const FAILING: Option<WebhookAlarm> = Some(WebhookAlarm::Failing { reminder: false });
    const DISABLED: Option<WebhookAlarm> = Some(WebhookAlarm::Disabled);
    const RECOVERED: Option<WebhookAlarm> = Some(WebhookAlarm::Recovered);
    let (fine, failing, new) = (seen(Health::Healthy), seen(Health::Failing), seen(Health::New));
    let gone = off(DisabledReason::Gone, NOON);
    let asked = off(DisabledReason::ByRequest, NOON);
    let answers = WebhookSeen { answers: true, ..gone.clone() };
    // Switched on by hand: nothing has been sent since, and the deliveries before count as failed.
    let waits = WebhookSeen { failing_since: None, ..failing.clone() };
    let arrives = WebhookSeen { last_success_at: Some(NOON.plus(HOUR)), ..fine.clone() };
    let sent_again = WebhookSeen { answers: true, ..waits.clone() };
    type Story<'a> = (&'a str, &'a [&'a WebhookSeen], &'a [Option<WebhookAlarm>]);
    let cases: [Story; 12] = [
        ("well all along", &[&new, &fine, &fine], &[None, None, None]),
        ("fails and recovers", &[&fine, &failing, &failing, &fine, &fine], &[None, FAILING, None, RECOVERED, None]),
        ("fails twice", &[&failing, &fine, &failing], &[FAILING, RECOVERED, FAILING]),
        ("fails and is disabled", &[&failing, &gone, &gone], &[FAILING, DISABLED, None]),
        ("gone at once", &[&fine, &gone], &[None, DISABLED]),
        ("disabled twice", &[&gone, &off(DisabledReason::Gone, NOON.plus(HOUR))], &[DISABLED, DISABLED]),
        ("by request while well", &[&fine, &asked, &fine], &[None, None, None]),
        ("by request while failing", &[&failing, &asked, &waits, &arrives], &[FAILING, DISABLED, None, RECOVERED]),
        ("enabled, fails again", &[&gone, &waits, &failing], &[DISABLED, None, FAILING]),
        ("answers, then is enabled", &[&gone, &answers, &waits, &arrives], &[DISABLED, RECOVERED, None, None]),
        ("answers for a while", &[&gone, &answers, &gone, &answers], &[DISABLED, RECOVERED, DISABLED, RECOVERED]),
        ("answers and is sent to", &[&gone, &sent_again, &waits, &arrives], &[DISABLED, RECOVERED, None, None]),
    ];
    for (story, steps, expected) in cases {
        let steps: Vec<_> = steps.iter().map(|step| (*step).clone()).collect();
        assert_eq!(course(&steps), expected, "{story}");
    }
}

#[test]
fn a_webhook_that_stays_failing_is_said_again_once_a_day() {
    let said = course(&vec![seen(Health::Failing); 50]);
    let hours: Vec<usize> = (0..50).filter(|hour| said[*hour].is_some()).collect();
    assert_eq!(hours, [0, 24, 48]);
    assert_eq!(said[24], Some(WebhookAlarm::Failing { reminder: true }));
}

#[test]
fn a_lag_counts_when_it_is_seen_twice_in_a_row_and_says_when_it_is_over() {
    let limit = Duration::from_secs(300);
    let mut watch = SystemWatch::default();
    let mut look = |minute: u32, late_s: Option<u64>| {
        let now = NOON.plus(Duration::from_secs(60) * minute);
        let oldest = late_s.map(|late| now.minus(Duration::from_secs(late)));
        watch.lag(oldest, limit, now).map(|alarm| (alarm.name, alarm.reminder, alarm.lag.unwrap().lag_s))
    };
    let course = [
        (0, Some(300), None),
        // Late for a moment, as after a start.
        (1, Some(900), None),
        (2, None, None),
        (3, Some(301), None),
        (4, Some(361), Some(("system.lag", false, 361))),
        (5, Some(421), None),
        (6, Some(2), Some(("system.lag_ok", false, 2))),
        (7, None, None),
        (8, Some(301), None),
        (9, Some(302), Some(("system.lag", false, 302))),
        (9 + 24 * 60 - 1, Some(303), None),
        (9 + 24 * 60, Some(304), Some(("system.lag", true, 304))),
        (9 + 24 * 60 + 1, None, Some(("system.lag_ok", false, 0))),
    ];
    for (minute, late_s, expected) in course {
        assert_eq!(look(minute, late_s), expected, "minute {minute}");
    }
}

#[test]
fn the_disk_is_low_below_twice_what_must_stay_free_and_in_order_a_tenth_above() {
    let mut watch = SystemWatch::default();
    for (free, expected) in [
        (2_000, None),
        (1_999, Some(("system.disk_low", 1_999))),
        (2_199, None),
        (10, None),
        (2_200, Some(("system.disk_ok", 2_200))),
        (2_000, None),
        (0, Some(("system.disk_low", 0))),
    ] {
        let said = watch.disk(free, 1_000, NOON);
        assert_eq!(said.map(|alarm| (alarm.name, alarm.disk.unwrap().free_bytes)), expected, "{free} bytes");
    }
    assert_eq!(SystemWatch::default().disk(0, 0, NOON), None, "no bound, no alarm");
}
