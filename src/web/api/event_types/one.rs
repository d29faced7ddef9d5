//! `/event-types/{name}`: show, change, remove an event type.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::{EventTypeBody, json_text, masked_fields, schema};
use crate::{
    service::{EventTypeChange, Removed},
    web::{
        State,
        api::{ask, carry_out, json, read_body},
        auth::Caller,
        body,
        json::{Object, text, yes_or_no},
        problem::Reply,
    },
};

/// A change of an event type (RFC 7396): what is left out stays, null takes away.
#[derive(ToSchema)]
#[allow(dead_code, reason = "describes what `read_change` reads; a test compares the names")]
pub struct EventTypePatch {
    /// What people call it.
    #[schema(value_type = String, required = false)]
    label: Option<String>,
    /// Under which heading it is listed.
    #[schema(value_type = String, required = false)]
    category: Option<String>,
    /// When it happens.
    #[schema(value_type = String, required = false)]
    description: Option<String>,
    /// An example of an event's `data`.
    #[schema(value_type = Option<Value>)]
    example: Option<Box<RawValue>>,
    /// A JSON Schema of an event's `data`.
    #[schema(value_type = Option<Object>)]
    schema: Option<Box<RawValue>>,
    /// Whether it is no longer offered.
    #[schema(value_type = bool, required = false)]
    retired: Option<bool>,
    /// Fields of `data` whose values are shown as stars, also in what was posted before.
    masked_fields: Option<Vec<String>>,
    /// Whether the payload of an event is deleted once it has arrived at every webhook that it is for.
    forget_after_success: Option<bool>,
}

/// Show an event type
#[utoipa::path(
    get, path = "/api/v1/event-types/{name}", tag = "Event types", operation_id = "get_event_type",
    params(("name" = String, Path, description = "Such as contact.created")),
    responses((status = 200, body = EventTypeBody, description = "The event type")),
)]
pub async fn show(state: State, caller: Caller, request: HttpRequest) -> Reply {
    let name = name(&request);
    let info = ask(&state, move |service| service.event_type(&caller.actor, &name)).await?;
    Ok(json(StatusCode::OK, &EventTypeBody::from(&*info)))
}

/// Change an event type
#[utoipa::path(
    patch, path = "/api/v1/event-types/{name}", tag = "Event types", operation_id = "change_event_type",
    params(("name" = String, Path, description = "Such as contact.created")),
    request_body = EventTypePatch,
    responses((status = 200, body = EventTypeBody, description = "As it is now")),
)]
pub async fn change(state: State, caller: Caller, request: HttpRequest, payload: web::Payload) -> Reply {
    let body = body::receive(&request, payload, body::SMALL).await?;
    let change = read_body(&body, read_change)?;
    let (service, name) = (state.service().clone(), name(&request));
    let info = carry_out(async move { service.change_event_type(&caller.actor, &name, change).await }).await?;
    Ok(json(StatusCode::OK, &EventTypeBody::from(&*info)))
}

/// Remove an event type
///
/// One that is in use is retired instead: not offered any more, and webhooks that selected it
/// still get it.
#[utoipa::path(
    delete, path = "/api/v1/event-types/{name}", tag = "Event types", operation_id = "remove_event_type",
    params(("name" = String, Path, description = "Such as invoice.paid")),
    responses(
        (status = 204, description = "Deleted"),
        (status = 200, body = EventTypeBody, description = "In use, so it was retired"),
    ),
)]
pub async fn remove(state: State, caller: Caller, request: HttpRequest) -> Reply {
    let (service, name) = (state.service().clone(), name(&request));
    let removed = carry_out(async move { service.remove_event_type(&caller.actor, &name).await }).await?;
    Ok(match removed {
        Removed::Deleted => HttpResponse::NoContent().finish(),
        Removed::Retired(info) => json(StatusCode::OK, &EventTypeBody::from(&*info)),
    })
}

/// Reads a change of an event type.
pub fn read_change(input: &mut Object) -> Option<EventTypeChange> {
    let change = EventTypeChange {
        label: input.changed("label", text),
        category: input.changed("category", text),
        description: input.changed("description", text),
        example: input.nullable("example", json_text),
        schema: input.nullable("schema", schema),
        retired: input.changed("retired", yes_or_no),
        masked: input.nullable("masked_fields", masked_fields).map(Option::unwrap_or_default),
        forget_after_success: input.nullable("forget_after_success", yes_or_no).map(Option::unwrap_or_default),
    };
    input.read_only(&["name", "built_in"], "An event type keeps its name.");
    Some(change)
}

fn name(request: &HttpRequest) -> String {
    request.match_info().get("name").unwrap_or_default().to_owned()
}
