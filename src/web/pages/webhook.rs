//! `/integration/webhook/{id}`: one webhook.

use std::sync::Arc;

use actix_web::{HttpRequest, http::StatusCode};
use askama::Template;

use super::{
    ask, id,
    log_row::LogRow,
    log_status::long_result,
    page::{Frame, WEBHOOKS, show as show_page},
    parts::{Badge, CopyValue, Icon, Moment, Name, Tone},
    text::{count, display_bytes, display_line, length},
    visitor::Visitor,
    zone::Zone,
};
use crate::{
    domain::{
        DeliveryId, DisabledReason, EventTypeInfo, Health, LogFilter, Outcome, Probing, Timestamp, Webhook, WebhookId,
        with_thousands,
    },
    service::{LogDetail, LogEntry, Settings, WebhookStats},
    web::{State, problem::Reply, query::Query},
};

/// Deliveries shown on the page.
const RECENT: usize = 10;
/// Bytes shown of the answer to a test.
const ANSWER_BYTES: usize = 4 * 1024;

#[derive(Template)]
#[template(path = "webhook.html")]
struct WebhookPage {
    frame: Frame,
    id: String,
    head: String,
    description: Option<Name>,
    created_at: Moment,
    created_by: Name,
    url: CopyValue,
    webhook_id: CopyValue,
    health: Badge,
    is_on: bool,
    missed: u64,
    banner: Option<Banner>,
    new_secret: Option<CopyValue>,
    test: Option<TestShown>,
    sent: String,
    waiting: String,
    oldest: String,
    rate: String,
    speed: String,
    events: Vec<String>,
    headers: Vec<HeaderShown>,
    options: String,
    secret_since: String,
    overlap_until: Option<Moment>,
    rows: Vec<LogRow>,
}

struct Banner {
    tone: Tone,
    icon: Icon,
    words: String,
    failures: bool,
    enable: bool,
}

struct TestShown {
    id: String,
    tone: Tone,
    icon: Icon,
    result: String,
    remedy: String,
    headers: Vec<(String, String)>,
    body: String,
}

struct HeaderShown {
    name: String,
    value: String,
    is_hidden: bool,
}

/// What the page is made of.
struct Found {
    stats: WebhookStats,
    recent: Vec<LogEntry>,
    types: Vec<Arc<EventTypeInfo>>,
    test: Option<LogDetail>,
}

/// Shows the webhook.
pub async fn show(state: State, request: HttpRequest, visitor: Visitor) -> Reply {
    let id = id::<WebhookId>(&request, "webhook")?;
    let test = Query::parse(request.query_string()).take("test").and_then(|id| id.parse::<DeliveryId>().ok());
    let actor = visitor.actor.clone();
    let found = ask(&state, move |service| {
        let stats = service.webhook_stats(&actor, id)?;
        let filter = LogFilter { webhook: Some(id), ..LogFilter::default() };
        let recent = service.logs(&actor, filter, None, RECENT)?.items;
        let test = test.and_then(|test| service.log(&actor, test).ok());
        let test = test.filter(|test| test.entry.event.test && test.entry.delivery.webhook == id);
        Ok(Found { stats, recent, types: service.event_types(&actor)?, test })
    })
    .await?;
    let secret = state.desk().shown_once.take(&visitor.token, &id.to_string());
    let settings = state.service().settings();
    show_page(&visitor, StatusCode::OK, &page(&visitor, found, secret, settings))
}

fn page(visitor: &Visitor, found: Found, secret: Option<String>, settings: &Settings) -> WebhookPage {
    let zone = &visitor.zone;
    let webhook = &*found.stats.view.webhook;
    let state = &found.stats.view.state;
    let day = &found.stats.last_day;
    let finished = day.success + day.failed;
    let url = webhook.request_url.as_str();
    let overlap = webhook.secrets.iter().skip(1).filter_map(|old| old.until).filter(|until| *until > visitor.now).max();
    let oldest = found.stats.oldest_due.map(|due| visitor.now - due).filter(|late| late.as_secs() > 0);
    WebhookPage {
        frame: Frame::new(visitor, WEBHOOKS, url).under(&super::text::middle_cut(url, 48), ""),
        id: webhook.id.to_string(),
        head: zone.head(visitor.now),
        description: (!webhook.description.is_empty()).then(|| Name::new(&webhook.description)),
        created_at: zone.seconds(webhook.created_at),
        created_by: Name::new(&webhook.created_by),
        url: CopyValue { id: "url", label: "Request URL", value: url.to_owned() },
        webhook_id: CopyValue { id: "webhook-id", label: "Webhook ID", value: webhook.id.to_string() },
        health: found.stats.view.health.into(),
        is_on: webhook.is_on(),
        missed: state.missed,
        banner: banner(visitor, &found),
        new_secret: secret.map(|value| CopyValue { id: "new-secret", label: "Secret", value }),
        test: found.test.as_ref().map(test_shown),
        sent: if finished > 0 { with_thousands(finished) } else { "–".to_owned() },
        waiting: with_thousands(state.waiting),
        oldest: oldest.map(|late| format!("oldest due for {}", length(late))).unwrap_or_default(),
        rate: match (day.success * 1000).checked_div(finished) {
            Some(share) => format!("{}.{} %", share / 10, share % 10),
            None => "–".to_owned(),
        },
        speed: match (day.percentile_ms(50), day.percentile_ms(95)) {
            (Some(half), Some(most)) => format!("{} / {} ms", with_thousands(half.into()), with_thousands(most.into())),
            _ => "–".to_owned(),
        },
        events: events(webhook, &found.types),
        headers: headers(webhook),
        options: options(webhook, settings),
        secret_since: webhook.secrets.first().map(|secret| zone.day(secret.since)).unwrap_or_default(),
        overlap_until: overlap.map(|until| zone.seconds(until)),
        rows: found.recent.iter().map(|entry| LogRow::of(entry, visitor, settings, &found.types)).collect(),
    }
}

fn banner(visitor: &Visitor, found: &Found) -> Option<Banner> {
    let (webhook, state) = (&found.stats.view.webhook, &found.stats.view.state);
    let (zone, now) = (&visitor.zone, visitor.now);
    let waiting = match state.waiting {
        0 => String::new(),
        number => format!(" {} waiting.", count(number, "delivery is", "deliveries are")),
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
        return Some(Banner { tone, icon, words, failures: enable, enable });
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
        return Some(Banner { tone: Tone::Wait, icon: Icon::Clock, words, failures: false, enable: false });
    }
    if found.stats.view.health != Health::Failing {
        return None;
    }
    let last = found.recent.iter().filter_map(|entry| entry.delivery.last.as_ref());
    let last = last.map(long_result).next().unwrap_or_else(|| "see the log".to_owned());
    let since = match state.failing_since {
        Some(since) => format!("since {} ({})", zone.clock(since, now), length(now - since)),
        None => "more often than it should".to_owned(),
    };
    let words = format!("Failing {since}. Last result: {last}.{waiting}");
    Some(Banner { tone: Tone::Bad, icon: Icon::Cross, words, failures: true, enable: false })
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

fn test_shown(test: &LogDetail) -> TestShown {
    let id = test.entry.delivery.id.to_string();
    let Some(view) = test.attempts.last() else {
        let result = "The test is under way.".to_owned();
        let (remedy, headers, body) = (String::new(), Vec::new(), String::new());
        return TestShown { id, tone: Tone::Wait, icon: Icon::Clock, result, remedy, headers, body };
    };
    let outcome = &view.attempt.outcome;
    let took = with_thousands(view.attempt.duration_ms.into());
    let (tone, icon) = if outcome.is_success() { (Tone::Good, Icon::Tick) } else { (Tone::Bad, Icon::Cross) };
    let (headers, body) = match outcome {
        Outcome::NoAnswer { .. } => (Vec::new(), String::new()),
        Outcome::Answered(answer) => {
            let headers = answer.headers.iter().map(|(name, value)| (name.clone(), display_bytes(value)));
            let shown = &answer.body[..answer.body.len().min(ANSWER_BYTES)];
            let more = if shown.len() < answer.body.len() || answer.body_truncated { "\n…" } else { "" };
            (headers.collect(), display_bytes(shown) + more)
        }
    };
    TestShown {
        id,
        tone,
        icon,
        result: format!("{} in {took} ms", long_result(&view.attempt.summary())),
        remedy: view.url.as_ref().map(|url| outcome.remedy(url)).unwrap_or_default(),
        headers,
        body,
    }
}

fn events(webhook: &Webhook, types: &[Arc<EventTypeInfo>]) -> Vec<String> {
    if webhook.selection.is_every() {
        return vec!["Every event, also ones added later".to_owned()];
    }
    let patterns = webhook.selection.patterns().iter().map(|pattern| {
        let label = types.iter().find(|info| info.name.as_str() == pattern).map(|info| info.label.as_str());
        match (label, pattern.strip_suffix(".*")) {
            (Some(label), _) => display_line(label).into_owned(),
            (None, Some(prefix)) => format!("every {prefix} event, also ones added later"),
            (None, None) => pattern.clone(),
        }
    });
    patterns.collect()
}

fn headers(webhook: &Webhook) -> Vec<HeaderShown> {
    let shown = webhook.headers.iter().map(|header| HeaderShown {
        name: header.name.clone(),
        value: if header.hidden { String::new() } else { display_line(&header.value).into_owned() },
        is_hidden: header.hidden,
    });
    shown.collect()
}

fn options(webhook: &Webhook, settings: &Settings) -> String {
    let timeout = f64::from(webhook.timeout_ms.unwrap_or(settings.timeout_ms)) / 1000.0;
    let in_flight = webhook.max_in_flight.unwrap_or(settings.max_in_flight);
    let schedule = webhook.retry_schedule.as_ref().unwrap_or(&settings.retry_schedule);
    let rate = webhook.rate_per_second.map(|rate| format!(" · at most {rate} a second")).unwrap_or_default();
    let attempts = count(schedule.attempts().into(), "attempt", "attempts");
    let over = if schedule.attempts() > 1 { format!(" over {}", length(schedule.longest())) } else { String::new() };
    let order = if webhook.ordered { " · keeps the order of events with the same key" } else { "" };
    format!("Timeout {timeout} s · at most {in_flight} at once{rate} · {attempts}{over}{order}")
}
