//! `/integration/webhook/{id}/export`: the webhook as JSON, in the form in which the API takes a new
//! one. Its Secret and hidden values are left out: a file is passed on.

use actix_web::{HttpRequest, HttpResponse, http::header};
use serde::Serialize;

use super::{visitor::Visitor, webhook_edit::find};
use crate::{
    domain::{Problem, Webhook},
    web::{State, problem::Reply},
};

#[derive(Serialize)]
struct Exported<'a> {
    request_url: &'a str,
    description: &'a str,
    account: &'a str,
    events: &'a [String],
    headers: Vec<ExportedHeader<'a>>,
    enabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout_ms: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_in_flight: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rate_per_second: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_schedule_s: Option<Vec<u64>>,
    ordered: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    hub_signature_header: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamped_signature_header: Option<&'a str>,
    // A client certificate is not taken along: without its key, which stays here, it is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    tls_ca: Option<&'a str>,
}

#[derive(Serialize)]
struct ExportedHeader<'a> {
    name: &'a str,
    /// Empty for a hidden one: to be filled in before it is posted.
    value: &'a str,
    hidden: bool,
}

/// Sends the file.
pub async fn download(state: State, request: HttpRequest, visitor: Visitor) -> Reply {
    let view = find(&state, &request, &visitor).await?;
    let mut json = serde_json::to_string_pretty(&exported(&view.webhook)).map_err(|_| Problem::internal())?;
    json.push('\n');
    let disposition = format!("attachment; filename=\"{}.json\"", view.webhook.id);
    Ok(HttpResponse::Ok()
        .content_type("application/json")
        .insert_header((header::CONTENT_DISPOSITION, disposition))
        .body(json))
}

fn exported(webhook: &Webhook) -> Exported<'_> {
    let headers = webhook.headers.iter().map(|header| ExportedHeader {
        name: &header.name,
        value: if header.hidden { "" } else { &header.value },
        hidden: header.hidden,
    });
    Exported {
        request_url: webhook.request_url.as_str(),
        description: &webhook.description,
        account: webhook.account.as_str(),
        events: webhook.selection.patterns(),
        headers: headers.collect(),
        enabled: webhook.disabled.is_none(),
        timeout_ms: webhook.timeout_ms,
        max_in_flight: webhook.max_in_flight,
        rate_per_second: webhook.rate_per_second,
        retry_schedule_s: webhook.retry_schedule.as_ref().map(|schedule| schedule.to_seconds()),
        ordered: webhook.ordered,
        hub_signature_header: webhook.other_signatures.hub.as_deref(),
        timestamped_signature_header: webhook.other_signatures.timestamped.as_deref(),
        tls_ca: webhook.tls.ca.as_deref(),
    }
}
