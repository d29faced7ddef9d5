//! `/events`: publish one event; list them.

pub mod batch;
pub mod one;
pub mod payload;

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, http::header, web};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};

use super::{PageBody, Rules, ask, header as header_value, json, page, read_body};
use crate::{
    domain::{AccountId, Event, EventType, ExternalId, Fault, OrderingKey, Problem, Timestamp},
    service::{Accepted, DryRun, NotSent, PublishEvent},
    web::{
        State,
        auth::Caller,
        body::{self, AROUND_PAYLOAD},
        json::{Object, any, checked, parsed},
        problem::{ProblemBody, Reply},
        query::{EventQuery, Query, time},
    },
};

const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// An event to publish.
#[derive(ToSchema)]
#[allow(dead_code, reason = "describes what `read_event` reads; a test compares the names")]
pub struct NewEvent {
    /// Its kind, one of `/event-types`.
    #[schema(example = "contact.created")]
    r#type: String,
    /// Its content: any JSON value, passed on byte for byte.
    #[schema(value_type = Value)]
    data: Box<RawValue>,
    /// Your own id for it, 1 to 255 printable characters. A repeat with the same id and content is
    /// answered like the first and not sent again. Also taken from the header `Idempotency-Key`.
    #[schema(example = "crm-000123")]
    id: Option<String>,
    /// What it is about, 1 to 255 printable characters. Webhooks that keep order (`ordered`) get
    /// events of one key one after another, through retries; others flow past.
    #[schema(example = "contact:42")]
    ordering_key: Option<String>,
    /// Whose event; `default` if left out.
    account: Option<String>,
    /// When it happened; the time of acceptance if left out.
    #[schema(value_type = Option<String>, format = DateTime)]
    timestamp: Option<Timestamp>,
}

/// What was accepted.
#[derive(Debug, Serialize, ToSchema)]
pub struct AcceptedEvent {
    /// The event's id, also the `webhook-id` of every request about it.
    pub id: String,
    /// Your own id for it.
    pub external_id: Option<String>,
    /// Whose event.
    pub account: String,
    /// Its kind.
    pub r#type: String,
    /// When it happened.
    #[schema(value_type = String, format = DateTime)]
    pub timestamp: Timestamp,
    /// It had been accepted before; nothing is sent again.
    pub duplicate: bool,
    /// Number of webhooks it is for.
    pub webhooks_matched: u16,
}

/// An event as it is remembered.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Event)]
pub struct EventBody {
    /// The event's id.
    pub id: String,
    /// Your own id for it.
    pub external_id: Option<String>,
    /// Whose event.
    pub account: String,
    /// Its kind.
    pub r#type: String,
    /// When it happened.
    #[schema(value_type = String, format = DateTime)]
    pub timestamp: Timestamp,
    /// When it was accepted.
    #[schema(value_type = String, format = DateTime)]
    pub received_at: Timestamp,
    /// What it is about: webhooks that keep order get events of one key one after another.
    pub ordering_key: Option<String>,
    /// Number of webhooks it is for.
    pub webhooks_matched: u16,
    /// It was sent as a test.
    pub test: bool,
}

/// Who would get an event.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DryRun)]
pub struct DryRunBody {
    /// Whose event.
    pub account: String,
    /// Number of webhooks that would get it.
    pub webhooks_matched: usize,
    /// The webhooks that would get it.
    pub matched: Vec<Match>,
    /// The other webhooks of the account, and why they would not.
    pub not_sent: Vec<NotSentBody>,
}

/// A webhook that would get an event.
#[derive(Debug, Serialize, ToSchema)]
pub struct Match {
    /// The webhook.
    pub webhook_id: String,
    /// Where it sends to.
    pub request_url: String,
    /// Whether it is on; events for one that is off wait.
    pub enabled: bool,
}

/// A webhook that does not get an event, and why.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = NotSent)]
pub struct NotSentBody {
    /// The webhook.
    pub webhook_id: String,
    /// Where it sends to.
    pub request_url: String,
    /// Why not: `not_selected`, `created_later` or `deleted_before`.
    #[schema(example = "not_selected")]
    pub reason: &'static str,
    /// The same in words.
    pub explanation: &'static str,
}

/// Which events.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "describes what `EventQuery` reads; a test compares the names")]
pub struct EventParams {
    /// Of this account.
    account: Option<String>,
    /// Of this type.
    r#type: Option<String>,
    /// Accepted at or after this.
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
    /// Accepted before this.
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
    /// With this id of yours.
    external_id: Option<String>,
    /// How many, 50 if left out.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u8>,
    /// `next_cursor` or `prev_cursor` of another page.
    cursor: Option<String>,
}

/// Publish an event
///
/// Answered once the event is on disk with a delivery for each webhook that selected it. With
/// `dry_run=true` nothing is stored, and the answer (200) says who would get it.
#[utoipa::path(
    post, path = "/api/v1/events", tag = "Events", operation_id = "publish_event",
    params(
        ("dry_run" = Option<bool>, Query, description = "Store nothing and say which webhooks would get it"),
        ("Idempotency-Key" = Option<String>, Header, description = "Your own id for the event, as `id` in the body"),
    ),
    request_body = NewEvent,
    responses(
        (status = 202, body = AcceptedEvent, description = "Accepted", headers(("Location" = String))),
        (status = 200, body = DryRunBody, description = "Answer to a dry run"),
        (status = 409, body = ProblemBody, description = "The same id was used for another event"),
    ),
)]
pub async fn publish(state: State, caller: Caller, request: HttpRequest, payload: web::Payload) -> Reply {
    let dry_run = dry_run(request.query_string())?;
    let service = state.service();
    let limit = service.settings().event_bytes + AROUND_PAYLOAD;
    let body = body::receive_or(&request, payload, limit, || service.payload_too_large()).await?;
    let key = header_value(request.headers(), IDEMPOTENCY_KEY);
    let event = read_body(&body, |input| {
        let event = read_event(input, &**service);
        with_key(input, event, key)
    })?;
    if dry_run {
        let answer = ask(&state, move |service| service.dry_run(&caller.actor, event)).await?;
        return Ok(json(StatusCode::OK, &DryRunBody::from(answer)));
    }
    let accepted = AcceptedEvent::from(service.publish(&caller.actor, event).await?);
    let location = format!("/api/v1/events/{}", accepted.id);
    Ok(HttpResponse::Accepted().insert_header((header::LOCATION, location)).json(accepted))
}

/// List events
///
/// Newest first.
#[utoipa::path(
    get, path = "/api/v1/events", tag = "Events", operation_id = "list_events", params(EventParams),
    responses((status = 200, body = PageBody<EventBody>, description = "A page of events")),
)]
pub async fn list(state: State, caller: Caller, request: HttpRequest) -> Reply {
    let EventQuery { filter, cursor, limit } = EventQuery::parse(request.query_string())?;
    let found = ask(&state, move |service| service.events(&caller.actor, filter, cursor, limit)).await?;
    Ok(page::reply(&request, found, |event| EventBody::from(&event)))
}

/// Reads one event, alone or as an element of a batch.
pub fn read_event(input: &mut Object, rules: &impl Rules) -> Option<PublishEvent> {
    let event_type = checked(parsed(EventType::parse_for_definition), |event_type| rules.event_type(event_type));
    let event_type = input.required("type", event_type);
    let payload = input.required("data", any);
    let external_id = input.optional("id", parsed(ExternalId::parse));
    let ordering_key = input.optional("ordering_key", parsed(OrderingKey::parse));
    let account = input.optional("account", parsed(AccountId::parse));
    let timestamp = input.optional("timestamp", parsed(time));
    Some(PublishEvent { account, event_type: event_type?, external_id, ordering_key, timestamp, payload: payload? })
}

fn dry_run(query: &str) -> Result<bool, Problem> {
    let mut query = Query::parse(query);
    let dry_run = query.read("dry_run", |text| match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(Fault::new("not_understood", "Use true or false.")),
    });
    query.finish(&[])?;
    Ok(dry_run.unwrap_or(false))
}

/// Takes the caller's id from the header, if it is there.
fn with_key(input: &mut Object, event: Option<PublishEvent>, key: Result<Option<&str>, ()>) -> Option<PublishEvent> {
    let key = match key {
        Ok(None) => return event,
        Ok(Some(text)) => ExternalId::parse(text),
        Err(()) => Err(Fault::new("invalid_id", "Send Idempotency-Key once, as UTF-8 text.")),
    };
    match (key, event) {
        (Ok(key), Some(event)) if event.external_id.as_ref().is_none_or(|id| *id == key) => {
            Some(PublishEvent { external_id: Some(key), ..event })
        }
        (Ok(_), Some(_)) => {
            let message = "The body's id and the header Idempotency-Key differ. Send one of them.";
            input.fault("id", Fault::new("two_ids", message));
            None
        }
        (Ok(_), None) => None,
        (Err(fault), _) => {
            input.fault("id", Fault { message: format!("Idempotency-Key: {}", fault.message), ..fault });
            None
        }
    }
}

impl From<Accepted> for AcceptedEvent {
    fn from(accepted: Accepted) -> Self {
        AcceptedEvent {
            id: accepted.id.to_string(),
            external_id: accepted.external_id.map(|id| id.to_string()),
            account: accepted.account.to_string(),
            r#type: accepted.event_type.to_string(),
            timestamp: accepted.timestamp,
            duplicate: accepted.duplicate,
            webhooks_matched: accepted.webhooks_matched,
        }
    }
}

impl From<&Event> for EventBody {
    fn from(event: &Event) -> Self {
        EventBody {
            id: event.id.to_string(),
            external_id: event.external_id.as_ref().map(ToString::to_string),
            account: event.account.to_string(),
            r#type: event.event_type.to_string(),
            timestamp: event.timestamp,
            received_at: event.received_at,
            ordering_key: event.ordering_key.as_ref().map(ToString::to_string),
            webhooks_matched: event.webhooks_matched,
            test: event.test,
        }
    }
}

impl From<DryRun> for DryRunBody {
    fn from(answer: DryRun) -> Self {
        let matched = answer.matched.iter().map(|webhook| Match {
            webhook_id: webhook.id.to_string(),
            request_url: webhook.request_url.to_string(),
            enabled: webhook.is_on(),
        });
        DryRunBody {
            account: answer.account.to_string(),
            webhooks_matched: answer.matched.len(),
            matched: matched.collect(),
            not_sent: answer.not_sent.iter().map(NotSentBody::from).collect(),
        }
    }
}

impl From<&NotSent> for NotSentBody {
    fn from(not_sent: &NotSent) -> Self {
        NotSentBody {
            webhook_id: not_sent.webhook.to_string(),
            request_url: not_sent.request_url.to_string(),
            reason: not_sent.reason.code(),
            explanation: not_sent.reason.words(),
        }
    }
}
