//! `/integration/webhook`: the list of webhooks.

use std::sync::Arc;

use actix_web::{HttpRequest, http::StatusCode};
use askama::Template;

use super::{
    ask,
    page::{Frame, WEBHOOKS, show as show_page},
    parts::{Badge, Name},
    text::{count, display_line, middle_cut},
    visitor::Visitor,
};
use crate::{
    domain::{EventTypeInfo, Health, Selection},
    service::{WebhookStats, WebhookView},
    web::{State, problem::Reply, query::Query},
};

#[derive(Template)]
#[template(path = "webhooks.html")]
struct WebhooksPage {
    frame: Frame,
    summary: String,
    search: String,
    health: String,
    is_filtered: bool,
    rows: Vec<Row>,
}

struct Row {
    id: String,
    url: String,
    full_url: String,
    description: Option<Name>,
    since: String,
    events: String,
    health: Badge,
    waiting: String,
    sent: String,
    rate: String,
    is_on: bool,
}

/// Shows the list, or what of it fits the search.
pub async fn show(state: State, request: HttpRequest, visitor: Visitor) -> Reply {
    let mut query = Query::parse(request.query_string());
    let search = query.take("q").unwrap_or_default();
    let health = query.read("health", known_health);
    query.finish(&[])?;
    let (actor, wanted) = (visitor.actor.clone(), search.to_lowercase());
    let (views, stats, types) = ask(&state, move |service| {
        let views = service.webhooks(&actor, None)?;
        let shown = views.iter().filter(|view| fits(view, &wanted, health));
        let stats = shown.map(|view| service.webhook_stats(&actor, view.webhook.id)).collect::<Result<Vec<_>, _>>()?;
        Ok((views, stats, service.event_types(&actor)?))
    })
    .await?;
    let page = WebhooksPage {
        frame: Frame::new(&visitor, WEBHOOKS, "Webhook"),
        summary: summary(&views),
        is_filtered: !search.is_empty() || health.is_some(),
        health: health.map(|health| health.code().to_owned()).unwrap_or_default(),
        search,
        rows: stats.iter().map(|stats| row(stats, &visitor, &types)).collect(),
    };
    show_page(&visitor, StatusCode::OK, &page)
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

fn row(stats: &WebhookStats, visitor: &Visitor, types: &[Arc<EventTypeInfo>]) -> Row {
    let WebhookView { webhook, state, health, disable_warning, probing } = &stats.view;
    let day = &stats.last_day;
    let finished = day.success + day.failed;
    let since = match (&webhook.disabled, state.failing_since) {
        (Some(disabled), _) => {
            let since = format!("off since {}: {}", visitor.zone.day(disabled.at), disabled.reason.words());
            let answers = probing.and_then(|probing| probing.answers_since).map_or("", |_| " · answers again");
            let missed = if state.missed > 0 { format!(" · {} missed", state.missed) } else { String::new() };
            format!("{since}{missed}{answers}")
        }
        (None, Some(at)) => {
            let since = format!("no success since {}", visitor.zone.clock(at, visitor.now));
            disable_warning.map_or(since.clone(), |warning| {
                format!("{since} · disabled at {} if that lasts", visitor.zone.clock(warning.disabled_at, visitor.now))
            })
        }
        (None, None) => String::new(),
    };
    Row {
        id: webhook.id.to_string(),
        url: display_line(&middle_cut(webhook.request_url.as_str(), 64)).into_owned(),
        full_url: display_line(webhook.request_url.as_str()).into_owned(),
        description: (!webhook.description.is_empty()).then(|| Name::new(&webhook.description)),
        since,
        events: selected(&webhook.selection, types),
        health: (*health).into(),
        waiting: if state.waiting > 0 { format!("{} waiting", state.waiting) } else { String::new() },
        sent: if finished > 0 { count(finished, "delivery", "deliveries") } else { "–".to_owned() },
        rate: match (day.success * 1000).checked_div(finished) {
            None => String::new(),
            Some(share) => {
                let p95 = day.percentile_ms(95).map(|ms| format!(" · p95 {ms} ms")).unwrap_or_default();
                format!("{}.{} %{p95}", share / 10, share % 10).replace(".0 %", " %")
            }
        },
        is_on: webhook.is_on(),
    }
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
