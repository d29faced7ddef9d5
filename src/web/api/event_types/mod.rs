//! `/event-types`: the catalogue of what can happen.

pub mod one;

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, http::header, web};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::{ListBody, ask, carry_out, json, raw, read_body};
use crate::{
    domain::{EventType, EventTypeInfo, MaskedFields},
    service::EventTypeInput,
    web::{
        State,
        auth::Caller,
        body,
        json::{Object, Raw, Read, any, list as json_list, object, parsed, text, yes_or_no},
        problem::{ProblemBody, Reply},
    },
};

/// An event type.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EventType)]
pub struct EventTypeBody {
    /// Its name.
    #[schema(example = "contact.created")]
    pub name: String,
    /// What people call it.
    pub label: String,
    /// Under which heading it is listed.
    pub category: String,
    /// When it happens.
    pub description: String,
    /// An example of an event's `data`.
    #[schema(value_type = Value)]
    pub example: Option<Box<RawValue>>,
    /// A JSON Schema of an event's `data`.
    #[schema(value_type = Option<Object>)]
    pub schema: Option<Box<RawValue>>,
    /// Whether it comes with Hookstead.
    pub built_in: bool,
    /// Whether it is no longer offered; webhooks that selected it still get it.
    pub retired: bool,
    /// Fields of `data` whose values are not shown, on pages and in answers.
    pub masked_fields: Vec<String>,
    /// Whether the payload of an event is deleted once it has arrived at every webhook that it is for.
    pub forget_after_success: bool,
}

/// A new event type.
#[derive(ToSchema)]
#[allow(dead_code, reason = "describes what `read_event_type` reads; a test compares the names")]
pub struct NewEventType {
    /// Segments of `a-z`, `0-9` and `_` joined by full stops, 2 to 4 of them, at most 128 characters.
    #[schema(example = "invoice.paid")]
    name: String,
    /// What people call it.
    label: String,
    /// Under which heading it is listed.
    category: String,
    /// When it happens.
    description: String,
    /// An example of an event's `data`.
    #[schema(value_type = Option<Value>)]
    example: Option<Box<RawValue>>,
    /// A JSON Schema of an event's `data`.
    #[schema(value_type = Option<Object>)]
    schema: Option<Box<RawValue>>,
    /// Fields of `data` whose values are shown as stars: keys joined by full stops, `*` for any key.
    /// Lists are looked through. What is sent stays as it was posted.
    #[schema(example = json!(["contact.email"]), max_items = 50)]
    masked_fields: Option<Vec<String>>,
    /// Whether the payload of an event is deleted once it has arrived at every webhook that it is for.
    #[schema(default = false)]
    forget_after_success: Option<bool>,
}

/// List event types
#[utoipa::path(
    get, path = "/api/v1/event-types", tag = "Event types", operation_id = "list_event_types",
    responses((status = 200, body = ListBody<EventTypeBody>, description = "All event types")),
)]
pub async fn list(state: State, caller: Caller) -> Reply {
    let known = ask(&state, move |service| service.event_types(&caller.actor)).await?;
    let data = known.iter().map(|info| EventTypeBody::from(&**info)).collect();
    Ok(json(StatusCode::OK, &ListBody { data }))
}

/// Add an event type
#[utoipa::path(
    post, path = "/api/v1/event-types", tag = "Event types", operation_id = "create_event_type",
    request_body = NewEventType,
    responses(
        (status = 201, body = EventTypeBody, description = "Added", headers(("Location" = String))),
        (status = 409, body = ProblemBody, description = "There is one of that name"),
    ),
)]
pub async fn create(state: State, caller: Caller, request: HttpRequest, payload: web::Payload) -> Reply {
    let body = body::receive(&request, payload, body::SMALL).await?;
    let input = read_body(&body, read_event_type)?;
    let service = state.service().clone();
    let info = carry_out(async move { service.create_event_type(&caller.actor, input).await }).await?;
    let location = format!("/api/v1/event-types/{}", info.name);
    Ok(HttpResponse::Created().insert_header((header::LOCATION, location)).json(EventTypeBody::from(&*info)))
}

/// Reads a new event type.
pub fn read_event_type(input: &mut Object) -> Option<EventTypeInput> {
    let name = input.required("name", parsed(EventType::parse_for_definition));
    let label = input.required("label", text);
    let category = input.required("category", text);
    let description = input.required("description", text);
    let example = input.optional("example", json_text);
    let schema = input.optional("schema", schema);
    let masked = input.optional("masked_fields", masked_fields).unwrap_or_default();
    let forget_after_success = input.optional("forget_after_success", yes_or_no).unwrap_or(false);
    let (name, label, category, description) = (name?, label?, category?, description?);
    Some(EventTypeInput { name, label, category, description, example, schema, masked, forget_after_success })
}

/// Any JSON, kept as text.
fn json_text(value: &Raw) -> Read<String> {
    any(value).map(|value| value.get().to_owned())
}

/// Fields whose values are not shown.
fn masked_fields(value: &Raw) -> Read<MaskedFields> {
    MaskedFields::parse(json_list(text)(value)?)
}

/// A JSON Schema, as far as it is looked at: an object.
fn schema(value: &Raw) -> Read<String> {
    object(|input| {
        input.take_all();
        Some(())
    })(value)?;
    json_text(value)
}

impl From<&EventTypeInfo> for EventTypeBody {
    fn from(info: &EventTypeInfo) -> Self {
        EventTypeBody {
            name: info.name.to_string(),
            label: info.label.clone(),
            category: info.category.clone(),
            description: info.description.clone(),
            example: info.example.clone().and_then(raw),
            schema: info.schema.clone().and_then(raw),
            built_in: info.built_in,
            retired: info.retired,
            masked_fields: info.masked.as_slice().to_vec(),
            forget_after_success: info.forget_after_success,
        }
    }
}
