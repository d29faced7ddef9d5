//! `/integration/webhook-logs`: the list. Its query string has the names of the API's.

use std::sync::Arc;

use actix_web::{HttpRequest, http::StatusCode};
use askama::Template;

use super::{
    ask,
    log_row::{LogRow, webhook_name},
    page::{Errors, Frame, WEBHOOK_LOGS, show as show_page},
    text::display_line,
    visitor::Visitor,
};
use crate::{
    domain::{Cause, EventType, EventTypeInfo, LogFilter, Problem, Status},
    service::WebhookView,
    web::{
        State, cursor,
        problem::{Reply, status},
        query::{LogQuery, Query, pairs_of, query_of},
    },
};

/// Periods a click away: code, words, seconds.
const PERIODS: [(&str, &str, u64); 4] = [
    ("15m", "Last 15 minutes", 900),
    ("1h", "Last hour", 3_600),
    ("24h", "Last 24 hours", 86_400),
    ("7d", "Last 7 days", 604_800),
];

#[derive(Template)]
#[template(path = "webhook_logs.html")]
struct WebhookLogsPage {
    frame: Frame,
    errors: Errors,
    head: String,
    search: String,
    selects: Vec<Select>,
    kept: Vec<(&'static str, String)>,
    chips: Vec<Chip>,
    filters: String,
    rows: Vec<LogRow>,
    is_first: bool,
    newer: Option<String>,
    older: Option<String>,
    refresh: String,
    live: String,
    is_live: bool,
    retention_days: u64,
}

/// A choice of the filter.
struct Select {
    name: &'static str,
    label: &'static str,
    choices: Vec<Choice>,
}

struct Choice {
    value: String,
    text: String,
    is_chosen: bool,
}

/// A filter that is set, and the address without it.
struct Chip {
    text: String,
    without: String,
}

/// Shows the part of the list that is asked for.
pub async fn show(state: State, request: HttpRequest, visitor: Visitor) -> Reply {
    let (asked, is_live, problem) = read(&request, &visitor);
    let (actor, filter, cursor, limit) = (visitor.actor.clone(), asked.filter.clone(), asked.cursor, asked.limit);
    let is_wrong = problem.is_some();
    let (page, views, types) = ask(&state, move |service| {
        // What was not understood gives a message and no list, rather than one that looks like an answer.
        let page = if is_wrong { None } else { Some(service.logs(&actor, filter, cursor, limit)?) };
        Ok((page, service.webhooks(&actor, None)?, service.event_types(&actor)?))
    })
    .await?;
    let errors = problem.as_ref().map(|problem| Errors::of(problem, field_of)).unwrap_or_default();
    let settings = state.service().settings();
    let base = query_of(&asked.filter);
    let limited = if asked.limit == 50 { base.clone() } else { joined(&base, &format!("limit={}", asked.limit)) };
    let at = |cursor| address(&joined(&limited, &format!("cursor={}", cursor::encode(cursor))));
    let chips = chips(&asked.filter, &views, &visitor);
    let mut frame = Frame::new(&visitor, WEBHOOK_LOGS, "Webhook Logs").with_errors(&errors);
    frame.refresh_s = is_live.then_some(10);
    let shown = WebhookLogsPage {
        frame,
        head: visitor.zone.head(visitor.now),
        search: asked.filter.text.clone().unwrap_or_default(),
        selects: selects(&asked.filter, &views, &types),
        kept: kept(&asked.filter),
        filters: if chips.is_empty() { "Filters".to_owned() } else { format!("Filters ({})", chips.len()) },
        chips,
        rows: page
            .iter()
            .flat_map(|page| &page.items)
            .map(|entry| LogRow::of(entry, &visitor, settings, &types))
            .collect(),
        is_first: asked.cursor.is_none(),
        newer: page.as_ref().and_then(|page| page.newer).filter(|_| asked.cursor.is_some()).map(at),
        older: page.as_ref().and_then(|page| page.older).map(at),
        refresh: address(&limited),
        live: address(&joined(&limited, "refresh=10")),
        is_live,
        retention_days: settings.retention.as_secs() / 86_400,
        errors,
    };
    let code = problem.as_ref().map_or(StatusCode::OK, |problem| status(problem.kind));
    show_page(&visitor, code, &shown)
}

/// Reads the query string; a period of the menu becomes a time.
fn read(request: &HttpRequest, visitor: &Visitor) -> (LogQuery, bool, Option<Problem>) {
    let text = request.query_string();
    let mut query = Query::parse(text);
    let period = query.take("period");
    let is_live = query.take("refresh").is_some();
    match LogQuery::parse(text, &["period", "refresh"]) {
        Ok(mut asked) => {
            let seconds = PERIODS.iter().find(|(code, _, _)| Some(*code) == period.as_deref()).map(|period| period.2);
            if let Some(seconds) = seconds {
                asked.filter.since = Some(visitor.now.minus(std::time::Duration::from_secs(seconds)));
            }
            (asked, is_live, None)
        }
        Err(problem) => (LogQuery { limit: 50, ..LogQuery::default() }, false, Some(problem)),
    }
}

fn field_of(pointer: &str) -> Option<String> {
    let name = pointer.strip_prefix('/')?;
    ["q", "status", "event_type", "webhook_id", "http_status"].contains(&name).then(|| name.to_owned())
}

fn selects(filter: &LogFilter, views: &[WebhookView], types: &[Arc<EventTypeInfo>]) -> Vec<Select> {
    let choice = |value: &str, text: &str, chosen: &Option<String>| Choice {
        value: value.to_owned(),
        text: display_line(text).into_owned(),
        is_chosen: chosen.as_deref().unwrap_or_default() == value,
    };
    let chosen = filter.status.map(|status| status.code().to_owned());
    let mut status = vec![choice("", "All", &chosen)];
    status
        .extend([Status::Success, Status::Failed, Status::Pending].map(|one| choice(one.code(), one.word(), &chosen)));

    let chosen = filter.event_type.as_ref().map(EventType::to_string);
    let mut event = vec![choice("", "All", &chosen)];
    event.extend(types.iter().map(|info| choice(info.name.as_str(), &info.label, &chosen)));
    event.push(choice(EventType::TEST, "Test event", &chosen));

    let chosen = filter.webhook.map(|webhook| webhook.to_string());
    let mut webhook = vec![choice("", "All", &chosen)];
    webhook
        .extend(views.iter().map(|view| choice(&view.webhook.id.to_string(), &webhook_name(&view.webhook), &chosen)));

    let chosen = filter.http_status.map(|status| status.to_string());
    let mut response = vec![choice("", "Any", &chosen)];
    response.extend(["2xx", "3xx", "4xx", "5xx"].map(|class| choice(class, class, &chosen)));

    let chosen = filter.cause.map(|cause| cause.code().to_owned());
    let mut cause = vec![choice("", "Any", &chosen)];
    cause.extend(Cause::ALL.iter().map(|one| choice(one.code(), one.words(), &chosen)));

    let mut period = vec![choice("", "Any time", &None)];
    period.extend(PERIODS.iter().map(|(code, words, _)| Choice {
        value: (*code).to_owned(),
        text: (*words).to_owned(),
        is_chosen: false,
    }));
    let mut selects = vec![
        Select { name: "status", label: "Status", choices: status },
        Select { name: "event_type", label: "Event", choices: event },
        Select { name: "webhook_id", label: "Webhook", choices: webhook },
        Select { name: "http_status", label: "Response", choices: response },
        Select { name: "cause", label: "No response", choices: cause },
        Select { name: "period", label: "Time", choices: period },
    ];
    for select in &mut selects {
        keep_chosen(select, filter);
    }
    selects
}

/// What is set and has no field in the form goes along unseen.
fn kept(filter: &LogFilter) -> Vec<(&'static str, String)> {
    let without_field = |name: &str| matches!(name, "account" | "event_id" | "since" | "until");
    pairs_of(filter).into_iter().filter(|(name, _)| without_field(name)).collect()
}

/// A value that is set and not among the choices, such as a deleted webhook or `503`, is offered too.
fn keep_chosen(select: &mut Select, filter: &LogFilter) {
    if select.choices.iter().any(|choice| choice.is_chosen) {
        return;
    }
    if let Some((_, value)) = pairs_of(filter).into_iter().find(|(name, _)| *name == select.name) {
        select.choices.push(Choice { text: value.clone(), value, is_chosen: true });
    }
}

fn chips(filter: &LogFilter, views: &[WebhookView], visitor: &Visitor) -> Vec<Chip> {
    let pairs = pairs_of(filter);
    let chip = |(name, value): &(&'static str, String)| {
        let shown = match *name {
            "webhook_id" => {
                let view = views.iter().find(|view| view.webhook.id.to_string() == *value);
                view.map_or_else(|| value.clone(), |view| webhook_name(&view.webhook))
            }
            "status" => filter.status.map_or("", Status::word).to_owned(),
            "since" => filter.since.map(|at| visitor.zone.seconds(at).text).unwrap_or_default(),
            "until" => filter.until.map(|at| visitor.zone.seconds(at).text).unwrap_or_default(),
            "cause" => filter.cause.map_or("", |cause| cause.words()).to_owned(),
            _ => value.clone(),
        };
        let rest: Vec<_> = pairs.iter().filter(|(other, _)| other != name).collect();
        let without = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(rest).finish();
        Chip { text: format!("{}: {}", words_of(name), display_line(&shown)), without: address(&without) }
    };
    pairs.iter().map(chip).collect()
}

fn words_of(name: &str) -> &'static str {
    match name {
        "account" => "Account",
        "webhook_id" => "Webhook",
        "event_type" => "Event",
        "status" => "Status",
        "http_status" => "Response",
        "cause" => "No response",
        "event_id" => "Event ID",
        "since" => "Since",
        "until" => "Until",
        _ => "Search",
    }
}

fn joined(query: &str, more: &str) -> String {
    if query.is_empty() { more.to_owned() } else { format!("{query}&{more}") }
}

fn address(query: &str) -> String {
    if query.is_empty() { WEBHOOK_LOGS.to_owned() } else { format!("{WEBHOOK_LOGS}?{query}") }
}
