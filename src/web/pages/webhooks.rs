//! `/integration/webhook`: the list of webhooks.

use std::{collections::HashMap, sync::Arc};

use actix_web::{HttpRequest, http::StatusCode};
use askama::Template;

use super::{
    ask,
    chart::Spark,
    log_status::result,
    page::{Frame, WEBHOOKS, base_address, show as show_page},
    parts::{Badge, Name},
    text::{count, display_line, middle_cut, query_value},
    visitor::Visitor,
};
use crate::{
    domain::{EventTypeInfo, Health, HourStats, Selection, WebhookId, with_thousands},
    service::WebhookView,
    web::{State, problem::Reply, query::Query},
};

/// Webhooks on one page. A row is about 2 KB of HTML.
const ROWS: usize = 100;

#[derive(Template)]
#[template(path = "webhooks.html")]
struct WebhooksPage {
    frame: Frame,
    summary: String,
    search: String,
    health: String,
    is_filtered: bool,
    steps: Option<Steps>,
    rows: Vec<Row>,
    rules: [(&'static str, &'static str); 4],
    first: Option<String>,
    next: Option<String>,
}

/// The first steps, until all are done.
struct Steps {
    webhook: String,
    has_webhook: bool,
    is_sent: bool,
    has_key: bool,
    curl: String,
}

struct Row {
    id: String,
    url: String,
    full_url: String,
    description: Option<Name>,
    since: String,
    events: String,
    health: Badge,
    rule: &'static str,
    waiting: String,
    spark: Option<Spark>,
    nothing: &'static str,
    sent: String,
    rate: String,
    is_on: bool,
    missed: u64,
    /// The configuration sets it up, so it is not changed here.
    is_declared: bool,
}

/// Shows the list, or what of it fits the search.
pub async fn show(state: State, request: HttpRequest, visitor: Visitor) -> Reply {
    let mut query = Query::parse(request.query_string());
    let search = query.take("q").unwrap_or_default();
    let health = query.read("health", known_health);
    let after = query.read("after", |text| {
        text.parse::<WebhookId>()
            .map_err(|_| crate::domain::Fault::new("not_understood", "Use an id that begins with whk_."))
    });
    query.finish(&[])?;
    let (actor, wanted) = (visitor.actor.clone(), search.to_lowercase());
    let (steps, summary, shown, more, days, types) = ask(&state, move |service| {
        let views = service.webhooks(&actor, None)?;
        let summary = summary(&views);
        let fitting = views.into_iter().filter(|view| fits(view, &wanted, health));
        let mut shown: Vec<_> =
            fitting.skip_while(|view| after.is_some_and(|after| view.webhook.id >= after)).take(ROWS + 1).collect();
        let more = shown.len() > ROWS;
        shown.truncate(ROWS);
        let days = service.last_day(&shown)?;
        Ok((service.first_steps(&actor)?, summary, shown, more, days, service.event_types(&actor)?))
    })
    .await?;
    let address = |after: Option<WebhookId>| {
        let mut pairs =
            vec![("q", search.clone()), ("health", health.map(Health::code).unwrap_or_default().to_owned())];
        pairs.push(("after", after.map(|id| id.to_string()).unwrap_or_default()));
        let pairs: Vec<_> = pairs.iter().filter(|(_, value)| !value.is_empty()).collect();
        let query: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={}", query_value(value))).collect();
        if query.is_empty() { WEBHOOKS.to_owned() } else { format!("{WEBHOOKS}?{}", query.join("&")) }
    };
    let page = WebhooksPage {
        frame: Frame::new(&visitor, WEBHOOKS, "Webhook"),
        summary,
        steps: (!steps.are_done()).then(|| Steps {
            webhook: steps.webhook.map(|id| id.to_string()).unwrap_or_default(),
            has_webhook: steps.webhook.is_some(),
            is_sent: steps.sent,
            has_key: steps.key,
            curl: curl(&base_address(&request, state.service().settings())),
        }),
        is_filtered: !search.is_empty() || health.is_some(),
        health: health.map(|health| health.code().to_owned()).unwrap_or_default(),
        rows: shown.iter().map(|view| row(view, &days, &visitor, &types)).collect(),
        rules: [Health::Healthy, Health::Failing, Health::New, Health::Off].map(|one| (one.word(), one.rule())),
        first: after.map(|_| address(None)),
        next: shown.last().filter(|_| more).map(|view| address(Some(view.webhook.id))),
        search: display_line(&search).into_owned(),
    };
    show_page(&visitor, StatusCode::OK, &page)
}

/// A request that posts an event, for somebody who puts their key into `HOOKSTEAD_KEY`.
fn curl(base: &str) -> String {
    format!(
        "curl -i {base}/api/v1/events \\\n  -H \"Authorization: Bearer $HOOKSTEAD_KEY\" \\\n  \
         -H 'Content-Type: application/json' \\\n  \
         -d '{{\"type\":\"contact.created\",\"data\":{{\"contact\":{{\"id\":\"1\",\"name\":\"Ada\"}}}}}}'"
    )
}

fn known_health(text: &str) -> Result<Health, crate::domain::Fault> {
    [Health::New, Health::Healthy, Health::Failing, Health::Off]
        .into_iter()
        .find(|health| health.code() == text)
        .ok_or_else(|| crate::domain::Fault::new("not_understood", "Use new, healthy, failing or off."))
}

fn fits(view: &WebhookView, wanted: &str, health: Option<Health>) -> bool {
    let webhook = &view.webhook;
    let texts = [webhook.request_url.as_str(), &webhook.description];
    health.is_none_or(|health| view.health == health)
        && (wanted.is_empty() || texts.iter().any(|text| text.to_lowercase().contains(wanted)))
}

/// `4 webhooks · 3 healthy · 1 failing`.
fn summary(views: &[WebhookView]) -> String {
    let mut parts = vec![count(views.len() as u64, "webhook", "webhooks")];
    for health in [Health::Healthy, Health::Failing, Health::New, Health::Off] {
        let number = views.iter().filter(|view| view.health == health).count();
        if number > 0 {
            parts.push(format!("{number} {}", health.code()));
        }
    }
    parts.join(" · ")
}

fn row(
    view: &WebhookView,
    days: &HashMap<WebhookId, Vec<(u32, HourStats)>>,
    visitor: &Visitor,
    types: &[Arc<EventTypeInfo>],
) -> Row {
    let WebhookView { webhook, state, health, .. } = view;
    let hours = days.get(&webhook.id).map(Vec::as_slice).unwrap_or_default();
    let mut day = HourStats::default();
    hours.iter().for_each(|(_, hour)| day.add(hour));
    let finished = day.success + day.failed;
    Row {
        id: webhook.id.to_string(),
        url: display_line(&middle_cut(webhook.request_url.as_str(), 64)).into_owned(),
        full_url: display_line(webhook.request_url.as_str()).into_owned(),
        description: (!webhook.description.is_empty()).then(|| Name::new(&webhook.description)),
        since: since(view, visitor),
        events: selected(&webhook.selection, types),
        health: (*health).into(),
        rule: health.rule(),
        waiting: match state.waiting - state.missed.min(state.waiting) {
            0 => String::new(),
            waiting => format!("{} waiting", with_thousands(waiting)),
        },
        // Attempts that failed are not nothing, although no delivery has ended with them.
        nothing: if day.attempts > 0 { "Nothing arrived yet" } else { "Nothing sent" },
        spark: Spark::of(hours, visitor.now.hour(), &visitor.zone),
        sent: if finished > 0 { with_thousands(finished) } else { String::new() },
        rate: match (day.success * 1000).checked_div(finished) {
            None => String::new(),
            Some(share) => {
                let p95 = day
                    .percentile_ms(95)
                    .map_or("—".to_owned(), |ms| format!("p95 {} ms", with_thousands(ms.into())));
                format!("{} · {p95}", percent(share))
            }
        },
        is_on: webhook.is_on(),
        missed: state.missed,
        is_declared: view.place.is_some(),
    }
}

/// Thousandths as `100 %` or `12.3 %`.
pub fn percent(thousandths: u64) -> String {
    format!("{}.{} %", thousandths / 10, thousandths % 10).replace(".0 %", " %")
}

/// Since when a webhook is off or failing, and why: `since 09:12:05 · Connection refused`.
fn since(view: &WebhookView, visitor: &Visitor) -> String {
    let WebhookView { webhook, state, health, disable_warning, probing, .. } = view;
    let (zone, now) = (&visitor.zone, visitor.now);
    if let Some(disabled) = &webhook.disabled {
        let mut parts = vec![format!("off since {}", zone.day(disabled.at))];
        if disabled.is_automatic() {
            parts.push(disabled.reason.words().to_owned());
        }
        if state.missed > 0 {
            parts.push(format!("{} missed", with_thousands(state.missed)));
        }
        if probing.is_some_and(|probing| probing.answers_since.is_some()) {
            parts.push("answers again".to_owned());
        }
        return parts.join(" · ");
    }
    let why = state.last_failure.as_ref().map(result);
    let mut parts = Vec::new();
    match state.failing_since {
        Some(at) => {
            parts.push(format!("since {}", zone.clock(at, now)));
            parts.extend(why);
        }
        None if *health == Health::Failing => parts.extend(why.map(|why| format!("last failure: {why}"))),
        None => {}
    }
    parts.extend(
        disable_warning.map(|warning| format!("disabled at {} if that lasts", zone.clock(warning.disabled_at, now))),
    );
    parts.join(" · ")
}

/// Which events, in a word: `All`, `5 of 7` or `Ticket (2)`.
pub fn selected(selection: &Selection, types: &[Arc<EventTypeInfo>]) -> String {
    if selection.is_every() {
        return "All, also later ones".to_owned();
    }
    let offered = types.iter().filter(|info| !info.retired);
    let chosen: Vec<_> = offered.clone().filter(|info| selection.matches(&info.name)).collect();
    match chosen.first() {
        Some(first) if chosen.iter().all(|info| info.category == first.category) => {
            format!("{} ({})", first.category, chosen.len())
        }
        _ => format!("{} of {}", chosen.len(), offered.count()),
    }
}
