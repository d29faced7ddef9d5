//! `/webhooks`: list them, make one.

pub mod disable;
pub mod enable;
mod input;
pub mod one;
pub mod rotate_secret;
pub mod secret;
pub mod stats;
pub mod test;

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, http::header, web};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::{ListBody, ask, carry_out, json, read_body};
use crate::{
    domain::{AccountId, DisableWarning, Probing, Timestamp},
    service::WebhookView,
    web::{State, auth::Caller, body, problem::Reply, query::Query},
};

pub use input::{NewHeader, NewWebhook, WebhookPatch, read_change, read_header, read_webhook};

/// A webhook and how it is doing.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Webhook)]
pub struct WebhookBody {
    /// Its id.
    #[schema(example = "whk_01KE6RAA2V3W4X5Y6Z7A8B9C9K")]
    pub id: String,
    /// Whose events it gets.
    pub account: String,
    /// Where requests go.
    pub request_url: String,
    /// Shown in lists.
    pub description: String,
    /// Which events it gets: names, groups such as `ticket.*`, or `*`.
    pub events: Vec<String>,
    /// Its own headers, added to every request.
    pub headers: Vec<HeaderBody>,
    /// Whether it is on.
    pub enabled: bool,
    /// Why it is off: `by_request`, `gone` (the receiver answered 410) or `failed_too_long`.
    pub disabled_reason: Option<&'static str>,
    /// Since when it is off.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub disabled_at: Option<Timestamp>,
    /// Most time for one request; null is the server's default.
    pub timeout_ms: Option<u32>,
    /// Most requests at once; null is the server's default.
    pub max_in_flight: Option<u16>,
    /// Most requests started in a second; null is no limit.
    pub rate_per_second: Option<u32>,
    /// Seconds between attempts; null is the server's default.
    pub retry_schedule_s: Option<Vec<u64>>,
    /// Whether it keeps order: events of one `ordering_key` are sent one after another.
    pub ordered: bool,
    /// The header of the signature `sha256=<hex>`; null if it is not sent.
    pub hub_signature_header: Option<String>,
    /// The header of the signature `t=<seconds>,v1=<hex>`; null if it is not sent.
    pub timestamped_signature_header: Option<String>,
    /// Certificate authorities in PEM that are trusted besides the public ones.
    pub tls_ca: Option<String>,
    /// When the first of them ends.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub tls_ca_ends_at: Option<Timestamp>,
    /// The certificate in PEM that is shown to a receiver that asks for one. Its key is never shown.
    pub tls_client_certificate: Option<String>,
    /// When it ends.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub tls_client_certificate_ends_at: Option<Timestamp>,
    /// How it is doing: `new`, `healthy`, `failing` or `off`.
    #[schema(example = "healthy")]
    pub health: &'static str,
    /// Since when attempts have failed without a success.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub failing_since: Option<Timestamp>,
    /// It is disabled at that moment unless something arrives before.
    pub disable_warning: Option<DisableWarningBody>,
    /// It was disabled automatically, and is asked now and then whether it answers again.
    pub probe: Option<ProbeBody>,
    /// The receiver asked to wait until then.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub throttled_until: Option<Timestamp>,
    /// Deliveries that are pending.
    pub waiting: u64,
    /// Of those, the ones that came while it was off.
    pub missed: u64,
    /// Until when requests are signed with an older secret too.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub old_secret_until: Option<Timestamp>,
    /// Where the configuration of the server sets it up; such a webhook is changed there only.
    #[schema(example = "hookstead.toml:12")]
    pub set_by_configuration: Option<String>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: String,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
}

/// A webhook that was just made, with its secret.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CreatedWebhook)]
pub struct CreatedWebhookBody {
    /// The webhook.
    #[serde(flatten)]
    pub webhook: WebhookBody,
    /// What requests are signed with. Shown here and at `/webhooks/{id}/secret`, nowhere else.
    pub secret: String,
}

/// A header of a webhook.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Header)]
pub struct HeaderBody {
    /// Its name.
    pub name: String,
    /// Its value; null if it is hidden.
    pub value: Option<String>,
    /// Whether its value is never shown.
    pub hidden: bool,
}

/// Nothing has arrived for long.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DisableWarning)]
pub struct DisableWarningBody {
    /// How much of the time that the operator allows is over: 50 or 90.
    pub at_percent: u8,
    /// When the webhook is disabled, if nothing arrives before.
    #[schema(value_type = String, format = DateTime)]
    pub disabled_at: Timestamp,
}

/// How a webhook that was disabled automatically is asked whether it answers again.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Probe)]
pub struct ProbeBody {
    /// When the last `webhook.ping` was sent; null before the first.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_at: Option<Timestamp>,
    /// The status it was answered with.
    pub last_http_status: Option<u16>,
    /// Why it was not answered.
    pub last_cause: Option<&'static str>,
    /// When the next one is sent.
    #[schema(value_type = String, format = DateTime)]
    pub next_at: Timestamp,
    /// Since when it has answered with success; null while it does not.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub answers_since: Option<Timestamp>,
}

impl From<DisableWarning> for DisableWarningBody {
    fn from(warning: DisableWarning) -> Self {
        DisableWarningBody { at_percent: warning.at_percent, disabled_at: warning.disabled_at }
    }
}

impl From<Probing> for ProbeBody {
    fn from(probing: Probing) -> Self {
        ProbeBody {
            last_at: probing.last.map(|last| last.started_at),
            last_http_status: probing.last.and_then(|last| last.http_status),
            last_cause: probing.last.and_then(|last| last.cause).map(|cause| cause.code()),
            next_at: probing.next_at,
            answers_since: probing.answers_since,
        }
    }
}

/// Which webhooks.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "describes what `list` reads")]
pub struct WebhookParams {
    /// Of this account.
    account: Option<String>,
}

/// List webhooks
///
/// All of them, newest first.
#[utoipa::path(
    get, path = "/api/v1/webhooks", tag = "Webhooks", operation_id = "list_webhooks", params(WebhookParams),
    responses((status = 200, body = ListBody<WebhookBody>, description = "The webhooks")),
)]
pub async fn list(state: State, caller: Caller, request: HttpRequest) -> Reply {
    let mut query = Query::parse(request.query_string());
    let account = query.read("account", AccountId::parse);
    query.finish(&[])?;
    let webhooks = ask(&state, move |service| service.webhooks(&caller.actor, account)).await?;
    Ok(json(StatusCode::OK, &ListBody { data: webhooks.iter().map(WebhookBody::from).collect() }))
}

/// Make a webhook
#[utoipa::path(
    post, path = "/api/v1/webhooks", tag = "Webhooks", operation_id = "create_webhook", request_body = NewWebhook,
    responses(
        (status = 201, body = CreatedWebhookBody, description = "Made", headers(("Location" = String), ("ETag" = String))),
    ),
)]
pub async fn create(state: State, caller: Caller, request: HttpRequest, payload: web::Payload) -> Reply {
    let body = body::receive(&request, payload, body::SMALL).await?;
    let input = read_body(&body, |input| read_webhook(input, &**state.service()))?;
    let service = state.service().clone();
    let view = carry_out(async move { service.create_webhook(&caller.actor, input).await }).await?;
    let secret = view.webhook.secret().as_str().to_owned();
    let created = CreatedWebhookBody { webhook: WebhookBody::from(&view), secret };
    Ok(HttpResponse::Created()
        .insert_header((header::LOCATION, format!("/api/v1/webhooks/{}", created.webhook.id)))
        .insert_header((header::ETAG, view.webhook.etag()))
        .json(created))
}

/// Answers with a webhook and its entity tag.
fn reply(view: &WebhookView) -> HttpResponse {
    HttpResponse::Ok().insert_header((header::ETAG, view.webhook.etag())).json(WebhookBody::from(view))
}

impl From<&WebhookView> for WebhookBody {
    fn from(view: &WebhookView) -> Self {
        let WebhookView { webhook, state, health, disable_warning, probing, place } = view;
        let headers = webhook.headers.iter().map(|header| HeaderBody {
            name: header.name.clone(),
            value: (!header.hidden).then(|| header.value.clone()),
            hidden: header.hidden,
        });
        WebhookBody {
            id: webhook.id.to_string(),
            account: webhook.account.to_string(),
            request_url: webhook.request_url.to_string(),
            description: webhook.description.clone(),
            events: webhook.selection.patterns().to_vec(),
            headers: headers.collect(),
            enabled: webhook.is_on(),
            disabled_reason: webhook.disabled.as_ref().map(|disabled| disabled.reason.code()),
            disabled_at: webhook.disabled.as_ref().map(|disabled| disabled.at),
            timeout_ms: webhook.timeout_ms,
            max_in_flight: webhook.max_in_flight,
            rate_per_second: webhook.rate_per_second,
            retry_schedule_s: webhook.retry_schedule.as_ref().map(|schedule| schedule.to_seconds()),
            ordered: webhook.ordered,
            hub_signature_header: webhook.other_signatures.hub.clone(),
            timestamped_signature_header: webhook.other_signatures.timestamped.clone(),
            tls_ca: webhook.tls.ca.clone(),
            tls_ca_ends_at: webhook.tls.ca_ends_at,
            tls_client_certificate: webhook.tls.certificate.clone(),
            tls_client_certificate_ends_at: webhook.tls.certificate_ends_at,
            health: health.code(),
            failing_since: state.failing_since,
            disable_warning: disable_warning.map(DisableWarningBody::from),
            probe: probing.map(ProbeBody::from),
            throttled_until: state.throttled_until,
            waiting: state.waiting,
            missed: state.missed,
            old_secret_until: webhook.secrets.iter().filter_map(|secret| secret.until).max(),
            set_by_configuration: place.clone(),
            created_at: webhook.created_at,
            created_by: webhook.created_by.clone(),
            updated_at: webhook.updated_at,
        }
    }
}
