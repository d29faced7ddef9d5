//! `/integration/webhook/{id}/settings`: how a webhook is set, and its Secret.

use std::sync::Arc;

use actix_web::{HttpRequest, http::StatusCode};
use askama::Template;

use super::{
    ask,
    page::{Frame, show as show_page},
    parts::CopyValue,
    text::{count, display_line, length},
    visitor::Visitor,
    webhook_edit::find,
    webhook_head::{Tab, WebhookHead},
};
use crate::{
    domain::{EventTypeInfo, OtherSignatures, Timestamp, TlsOptions, Webhook},
    service::Settings,
    web::{State, problem::Reply},
};

#[derive(Template)]
#[template(path = "webhook_settings.html")]
struct WebhookSettingsPage {
    frame: Frame,
    head: WebhookHead,
    url: CopyValue,
    webhook_id: CopyValue,
    events: Vec<String>,
    headers: Vec<HeaderShown>,
    options: String,
    signatures: Vec<String>,
    certificates: Vec<CertificateShown>,
    secret_since: String,
}

/// A header of a webhook.
pub struct HeaderShown {
    /// Its name.
    pub name: String,
    /// Its value, unless it is hidden.
    pub value: String,
    /// Whether the value is not to be shown.
    pub is_hidden: bool,
}

/// Shows them.
pub async fn show(state: State, request: HttpRequest, visitor: Visitor) -> Reply {
    let view = find(&state, &request, &visitor).await?;
    let actor = visitor.actor.clone();
    let types = ask(&state, move |service| service.event_types(&actor)).await?;
    let webhook = &view.webhook;
    let head = WebhookHead::new(&view, &visitor, Tab::Settings);
    let page = WebhookSettingsPage {
        frame: head.frame(&visitor),
        head,
        url: CopyValue { id: "url", label: "Request URL", value: webhook.request_url.to_string() },
        webhook_id: CopyValue { id: "id", label: "Webhook ID", value: webhook.id.to_string() },
        events: events(webhook, &types),
        headers: headers(webhook),
        options: options(webhook, state.service().settings()),
        signatures: signatures(webhook),
        certificates: certificates(webhook, &visitor),
        secret_since: webhook.secrets.first().map(|secret| visitor.zone.day(secret.since)).unwrap_or_default(),
    };
    show_page(&visitor, StatusCode::OK, &page)
}

/// The selected events by their labels.
pub fn events(webhook: &Webhook, types: &[Arc<EventTypeInfo>]) -> Vec<String> {
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

/// Its headers, hidden values left out.
pub fn headers(webhook: &Webhook) -> Vec<HeaderShown> {
    let shown = webhook.headers.iter().map(|header| HeaderShown {
        name: header.name.clone(),
        value: if header.hidden { String::new() } else { display_line(&header.value).into_owned() },
        is_hidden: header.hidden,
    });
    shown.collect()
}

/// A certificate of a webhook in words.
struct CertificateShown {
    words: String,
    has_ended: bool,
}

fn signatures(webhook: &Webhook) -> Vec<String> {
    let OtherSignatures { hub, timestamped } = &webhook.other_signatures;
    let hub = hub.iter().map(|name| format!("{name}: sha256=…"));
    hub.chain(timestamped.iter().map(|name| format!("{name}: t=…,v1=…"))).collect()
}

fn certificates(webhook: &Webhook, visitor: &Visitor) -> Vec<CertificateShown> {
    let TlsOptions { ca, certificate, ca_ends_at, certificate_ends_at, .. } = &webhook.tls;
    let shown = |what: &str, ends_at: Option<Timestamp>| {
        let has_ended = ends_at.is_some_and(|at| at <= visitor.now);
        let words = match ends_at.map(|at| visitor.zone.day(at)) {
            Some(day) if has_ended => format!("{what} ended on {day}. Enter a new one."),
            Some(day) => format!("{what}, until {day}"),
            None => what.to_owned(),
        };
        CertificateShown { words, has_ended }
    };
    let ca = ca.iter().map(|_| shown("Certificate authorities of its own", *ca_ends_at));
    ca.chain(certificate.iter().map(|_| shown("Client certificate", *certificate_ends_at))).collect()
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
