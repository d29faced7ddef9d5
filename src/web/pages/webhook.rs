//! `/integration/webhook/{id}`: one webhook.

use std::sync::Arc;

use actix_web::{HttpRequest, http::StatusCode};
use askama::Template;

use super::{
    ask,
    chart::{Chart, Period},
    id,
    log_row::LogRow,
    log_status::long_result,
    page::{Frame, show as show_page},
    parts::{Badge, CopyValue, Icon, Tone},
    snippets::Snippets,
    test_result::{self, TestResult},
    text::{count, length},
    visitor::Visitor,
    webhook_head::{Tab, WebhookHead},
    webhook_settings::{HeaderShown, events, headers},
    webhooks::percent,
    zone::Zone,
};
use crate::{
    domain::{
        DeliveryId, DisabledReason, EventTypeInfo, Health, HourStats, LogFilter, Probing, Timestamp, WebhookId,
        with_thousands,
    },
    service::{LogEntry, Settings, WebhookStats},
    web::{State, problem::Reply, query::Query},
};

/// Deliveries shown on the page.
const RECENT: usize = 10;

#[derive(Template)]
#[template(path = "webhook.html")]
struct WebhookPage {
    frame: Frame,
    head: WebhookHead,
    health: Badge,
    rule: &'static str,
    banner: Option<Banner>,
    new_secret: Option<CopyValue>,
    snippets: Option<Snippets>,
    test: Option<TestResult>,
    periods: Vec<PeriodLink>,
    chart: Chart,
    nothing: String,
    delivered: String,
    first_try: String,
    speed: String,
    waiting: String,
    oldest: String,
    events: Vec<String>,
    headers: Vec<HeaderShown>,
    time_head: String,
    rows: Vec<LogRow>,
}

struct PeriodLink {
    code: &'static str,
    words: &'static str,
    is_shown: bool,
}

struct Banner {
    tone: Tone,
    icon: Icon,
    words: String,
    failures: bool,
    waiting: bool,
    try_now: bool,
    disable: bool,
    enable: bool,
}

/// What the page is made of.
struct Found {
    stats: WebhookStats,
    recent: Vec<LogEntry>,
    oldest: Option<Timestamp>,
    types: Vec<Arc<EventTypeInfo>>,
    test: Option<TestResult>,
}

/// Shows the webhook.
pub async fn show(state: State, request: HttpRequest, visitor: Visitor) -> Reply {
    let id = id::<WebhookId>(&request, "webhook")?;
    let mut query = Query::parse(request.query_string());
    let test = query.take("test").and_then(|id| id.parse::<DeliveryId>().ok());
    let period = query.take("period").and_then(|code| Period::from_code(&code)).unwrap_or(Period::Day);
    let actor = visitor.actor.clone();
    let found = ask(&state, move |service| {
        let stats = service.webhook_stats(&actor, id)?;
        let filter = LogFilter { webhook: Some(id), ..LogFilter::default() };
        let recent = service.logs(&actor, filter, None, RECENT)?.items;
        let oldest = if stats.view.state.waiting > 0 { service.oldest_waiting(&actor, id)? } else { None };
        let test = test_result::find(service, &actor, id, test);
        Ok(Found { stats, recent, oldest, types: service.event_types(&actor)?, test })
    })
    .await?;
    let secret = state.desk().shown_once.take(&visitor.token, &id.to_string());
    let settings = state.service().settings();
    show_page(&visitor, StatusCode::OK, &page(&visitor, found, period, secret, settings))
}

fn page(
    visitor: &Visitor,
    mut found: Found,
    period: Period,
    secret: Option<String>,
    settings: &Settings,
) -> WebhookPage {
    let test = found.test.take();
    let view = &found.stats.view;
    let webhook = &*view.webhook;
    let head = WebhookHead::new(view, visitor, Tab::Overview);
    let chart = Chart::of(&found.stats.hours, period, &visitor.zone, visitor.now);
    let share = |part: u64| (part * 1000).checked_div(chart.sum.success + chart.sum.failed).map(percent);
    WebhookPage {
        frame: head.frame(visitor),
        head,
        health: view.health.into(),
        rule: view.health.rule(),
        banner: banner(visitor, &found),
        snippets: secret.as_ref().map(|_| Snippets::of(&webhook.id.to_string(), "")),
        new_secret: secret.map(|value| CopyValue { id: "new-secret", label: "Secret", value }),
        test,
        periods: Period::ALL
            .map(|one| PeriodLink { code: one.code(), words: one.words(), is_shown: one == period })
            .into(),
        nothing: match chart.sum.attempts {
            0 => "Nothing was sent in this period.".to_owned(),
            number => format!("Nothing arrived in this period, after {}.", count(number, "attempt", "attempts")),
        },
        delivered: share(chart.sum.success).map(|share| delivered(&chart.sum, &share)).unwrap_or_default(),
        first_try: share(chart.sum.first_try).unwrap_or_else(|| "–".to_owned()),
        speed: speed(&chart.sum),
        waiting: with_thousands(view.state.waiting),
        oldest: found.oldest.map(|since| length(visitor.now - since)).unwrap_or_default(),
        events: events(webhook, &found.types),
        headers: headers(webhook),
        time_head: visitor.zone.head(visitor.now),
        rows: found.recent.iter().map(|entry| LogRow::of(entry, visitor, settings, &found.types)).collect(),
        chart,
    }
}

/// `99.3 % delivered: 1,196 of 1,204. 8 failed.`
fn delivered(sum: &HourStats, share: &str) -> String {
    let (success, all) = (with_thousands(sum.success), with_thousands(sum.success + sum.failed));
    let failed = if sum.failed > 0 { format!(" {} failed.", with_thousands(sum.failed)) } else { String::new() };
    format!("{share} delivered: {success} of {all}.{failed}")
}

/// `p50 88 ms · p95 210 ms · max 4.1 s`.
fn speed(sum: &HourStats) -> String {
    let time = |ms: u32| if ms < 1_000 { format!("{ms} ms") } else { format!("{}.{} s", ms / 1_000, ms % 1_000 / 100) };
    match (sum.percentile_ms(50), sum.percentile_ms(95)) {
        (Some(half), Some(most)) => {
            format!("p50 {} · p95 {} · max {}", time(half), time(most), time(sum.slowest_ms))
        }
        _ => "–".to_owned(),
    }
}

fn banner(visitor: &Visitor, found: &Found) -> Option<Banner> {
    let (webhook, state) = (&found.stats.view.webhook, &found.stats.view.state);
    let (zone, now) = (&visitor.zone, visitor.now);
    let next = found.stats.oldest_due.filter(|due| webhook.is_on() && *due > now);
    let next = next.map(|due| format!("; next attempt {}", zone.clock(due, now))).unwrap_or_default();
    let waiting = match state.waiting {
        0 => String::new(),
        number => format!(" {} waiting{next}.", count(number, "delivery is", "deliveries are")),
    };
    if let Some(disabled) = &webhook.disabled {
        let why = match disabled.reason {
            DisabledReason::ByRequest => "It was switched off",
            DisabledReason::Gone => "It was switched off because the receiver answered 410 Gone",
            DisabledReason::FailedTooLong => "It was switched off after nothing but failures for too long",
        };
        let at = zone.clock(disabled.at, now);
        let probing = found.stats.view.probing.as_ref();
        let asked = probing.map(|probing| asked(zone, probing, now)).unwrap_or_default();
        let words = format!("{why} at {at}. Events since then are kept and not sent.{waiting}{asked}");
        let (tone, icon) = match probing.and_then(|probing| probing.answers_since) {
            Some(_) => (Tone::Good, Icon::Tick),
            None if disabled.is_automatic() => (Tone::Bad, Icon::Dash),
            None => (Tone::Calm, Icon::Dash),
        };
        let enable = disabled.is_automatic();
        let rest = Banner { waiting: state.waiting > 0, failures: enable, enable, ..Banner::plain(tone, icon, words) };
        return Some(rest);
    }
    let warning = found.stats.view.disable_warning.map(|warning| {
        format!(
            " Unless something arrives, it is disabled at {}; its events are kept.",
            zone.clock(warning.disabled_at, now)
        )
    });
    let waiting = waiting + &warning.unwrap_or_default();
    if let Some(until) = state.throttled_until.filter(|until| *until > now) {
        let words = format!(
            "The receiver has too much to do. Nothing is sent to it before {}.{waiting}",
            zone.clock(until, now)
        );
        let is_waiting = state.waiting > 0;
        return Some(Banner { waiting: is_waiting, ..Banner::plain(Tone::Wait, Icon::Clock, words) });
    }
    if found.stats.view.health != Health::Failing {
        return None;
    }
    let why = state.last_failure.as_ref().map(long_result).unwrap_or_else(|| "see the log".to_owned());
    let words = match state.failing_since {
        Some(since) => format!("Failing since {} ({}): {why}.{waiting}", zone.clock(since, now), length(now - since)),
        None => format!("Failing more often than it should. Last failure: {why}.{waiting}"),
    };
    Some(Banner {
        failures: true,
        waiting: state.waiting > 0,
        try_now: state.waiting > 0,
        disable: true,
        ..Banner::plain(Tone::Bad, Icon::Cross, words)
    })
}

impl Banner {
    /// A banner without buttons.
    fn plain(tone: Tone, icon: Icon, words: String) -> Banner {
        Banner { tone, icon, words, failures: false, waiting: false, try_now: false, disable: false, enable: false }
    }
}

/// How a webhook that was disabled automatically is asked whether it answers again.
fn asked(zone: &Zone, probing: &Probing, now: Timestamp) -> String {
    let next = zone.clock(probing.next_at, now);
    match (probing.answers_since, probing.last) {
        (Some(since), _) => format!(" It answers again since {}.", zone.clock(since, now)),
        (None, Some(last)) => {
            format!(" Last probed at {}: {}, next at {next}.", zone.clock(last.started_at, now), long_result(&last))
        }
        (None, None) => format!(" It is asked whether it answers again, first at {next}."),
    }
}
