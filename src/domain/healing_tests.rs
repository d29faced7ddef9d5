use super::*;
use crate::domain::{AccountId, Secret, Selection, SigningSecret, TargetUrl, WebhookId, alarm::Told};

const START: Timestamp = Timestamp::from_millis(1_767_605_400_000);
const DAY: Duration = Duration::from_secs(86_400);
const POLICY: HealingPolicy = HealingPolicy {
    disable_after: Some(Duration::from_secs(5 * 86_400)),
    probe: true,
    after_recovery: AfterRecovery::Offer,
};

fn webhook(disabled: Option<Disabled>) -> Webhook {
    Webhook {
        id: WebhookId(1 << 16),
        account: AccountId::default(),
        request_url: TargetUrl::parse("https://hooks.example.com/crm").unwrap(),
        description: String::new(),
        selection: Selection::every(),
        headers: Default::default(),
        secrets: vec![SigningSecret { secret: Secret::generate([7; 32]), since: START, until: None }],
        disabled,
        timeout_ms: None,
        max_in_flight: None,
        rate_per_second: None,
        ordered: false,
        retry_schedule: None,
        created_at: START,
        created_by: String::new(),
        updated_by: String::new(),
        updated_at: START,
        version: 1,
        deleted_at: None,
        other_signatures: Default::default(),
        tls: Default::default(),
    }
}

/// Attempts have failed since the start, that many.
fn failing(failures: u32) -> WebhookState {
    let mut state = WebhookState::default();
    (0..failures).for_each(|_| state.attempt(false, START));
    state
}

fn ping(http_status: u16, at: Timestamp) -> LastAttempt {
    LastAttempt { started_at: at, duration_ms: 3, http_status: Some(http_status), cause: None }
}

fn hours(hours: u32) -> Duration {
    Duration::from_secs(3_600) * hours
}

/// Looks every hour, from and to an hour after the start; gives the hours with a warning, and the
/// hour in which it is to be switched off.
fn play(policy: &HealingPolicy, from: u32, to: u32) -> (Vec<(u32, u8)>, Option<u32>) {
    let (webhook, state) = (webhook(None), failing(FEWEST_FAILURES));
    let (mut healing, mut warnings) = (Healing::default(), Vec::new());
    for hour in from..=to {
        let look = policy.look(&webhook, &state, &healing, START.plus(hours(hour)));
        healing = look.healing;
        warnings.extend(look.alarms.iter().filter_map(|alarm| match alarm {
            WebhookAlarm::DisableWarning(warning) => Some((hour, warning.at_percent)),
            _ => None,
        }));
        if look.disable.is_some() {
            return (warnings, Some(hour));
        }
    }
    (warnings, None)
}

#[test]
fn it_is_warned_at_half_and_nine_tenths_and_disabled_at_the_end() {
    assert_eq!(play(&POLICY, 0, 500), (vec![(60, 50), (108, 90)], Some(120)));
    let one_day = HealingPolicy { disable_after: Some(DAY), ..POLICY };
    assert_eq!(play(&one_day, 0, 500), (vec![(12, 50), (22, 90)], Some(25)));
    let never = HealingPolicy { disable_after: None, ..POLICY };
    assert_eq!(play(&never, 0, 5_000), (vec![], None));
}

#[test]
fn a_server_that_stood_still_gives_notice_before_it_disables() {
    // The first look comes after a week; a tenth of five days is twelve hours.
    assert_eq!(play(&POLICY, 168, 500), (vec![(168, 90)], Some(180)));
    let healing = Healing::default();
    let warning = POLICY.warning(&webhook(None), &failing(9), &healing, START.plus(hours(168)));
    assert_eq!(warning, Some(DisableWarning { at_percent: 90, disabled_at: START.plus(hours(180)) }));
}

#[test]
fn a_few_failures_are_not_enough_and_a_success_begins_anew() {
    let at = START.plus(4 * DAY);
    let warning = |state: &WebhookState| POLICY.warning(&webhook(None), state, &Healing::default(), at);
    assert_eq!(warning(&failing(FEWEST_FAILURES - 1)), None);
    let disabled_at = START.plus(5 * DAY);
    assert_eq!(warning(&failing(FEWEST_FAILURES)), Some(DisableWarning { at_percent: 50, disabled_at }));
    let mut state = failing(100);
    state.attempt(true, START.plus(DAY));
    (0..100).for_each(|_| state.attempt(false, START.plus(2 * DAY)));
    assert_eq!((warning(&state), state.failures), (None, 100));

    // A warning of the spell before says nothing about this one.
    let warned = Some(Warned { since: START, percent: 90, at: START });
    let look = POLICY.look(&webhook(None), &state, &Healing { warned, ..Healing::default() }, at);
    assert_eq!((look.healing.warned, look.disable), (None, None));
}

#[test]
fn pings_go_out_at_growing_intervals_up_to_a_day() {
    let off = Disabled { reason: DisabledReason::Gone, at: START };
    let (webhook, state) = (webhook(Some(off)), WebhookState::default());
    let mut healing = Healing::default();
    let mut pinged = Vec::new();
    for hour in 0..100 {
        let now = START.plus(hours(hour));
        let look = POLICY.look(&webhook, &state, &healing, now);
        healing = look.healing;
        if look.ping {
            pinged.push(hour);
            healing.probing = healing.probing.map(|probing| probing.after_ping(ping(503, now), now));
        }
    }
    assert_eq!(pinged, [1, 3, 7, 15, 31, 55, 79]);
    let probing = healing.probing.unwrap();
    assert_eq!((probing.pings, probing.answers_since), (7, None));
    let first = probing.after_ping(ping(204, START), START.plus(4 * DAY));
    let second = first.after_ping(ping(200, START), START.plus(5 * DAY));
    assert_eq!(second.answers_since, Some(START.plus(4 * DAY)));
    assert_eq!(second.after_ping(ping(500, START), START.plus(6 * DAY)).answers_since, None);
}

#[test]
fn only_what_was_disabled_automatically_is_asked_and_only_if_the_operator_allows_it() {
    let later = START.plus(10 * DAY);
    let asks = |policy: &HealingPolicy, reason| {
        let webhook = webhook(Some(Disabled { reason, at: START }));
        policy.look(&webhook, &WebhookState::default(), &Healing::default(), later).ping
    };
    assert!(asks(&POLICY, DisabledReason::Gone) && asks(&POLICY, DisabledReason::FailedTooLong));
    assert!(!asks(&POLICY, DisabledReason::ByRequest));
    assert!(!asks(&HealingPolicy { probe: false, ..POLICY }, DisabledReason::Gone));
}

#[test]
fn one_that_is_well_or_deleted_has_nothing_to_remember() {
    let probing = Some(Probing::begin(START));
    let told = Told::Disabled { since: START };
    let known = Healing { warned: None, probing, told };
    let mut state = WebhookState::default();
    state.attempt(true, START.plus(DAY));
    state.finish(true);
    let look = POLICY.look(&webhook(None), &state, &known, START.plus(DAY));
    assert_eq!((look.healing, look.alarms), (Healing::default(), vec![WebhookAlarm::Recovered]));
    let deleted = Webhook { deleted_at: Some(START), ..webhook(None) };
    let look = POLICY.look(&deleted, &state, &known, START.plus(DAY));
    assert_eq!((look.healing, look.alarms), (Healing::default(), vec![]));
}

#[test]
fn what_is_remembered_can_be_read_again_and_by_an_older_record() {
    let probing = Probing::begin(START).after_ping(ping(200, START), START);
    let warned = Some(Warned { since: START, percent: 50, at: START });
    for told in [Told::Fine, Told::Failing { at: START }, Told::Disabled { since: START }, Told::Answers] {
        let healing = Healing { warned, probing: Some(probing), told };
        let record = rmp_serde::to_vec(&healing).unwrap();
        assert_eq!(rmp_serde::from_slice::<Healing>(&record).unwrap(), healing);
    }
    let empty: [(&str, u8); 0] = [];
    let record = rmp_serde::to_vec(&std::collections::BTreeMap::from(empty)).unwrap();
    assert_eq!(rmp_serde::from_slice::<Healing>(&record).unwrap(), Healing::default());
}
