//! The JSON API, one file for each path, and what those files share.

pub mod bulk_resends;
pub mod event_types;
pub mod events;
pub mod logs;
pub mod me;
pub mod openapi_json;
mod page;
pub mod stats;
pub mod webhooks;

use std::{str::FromStr, sync::Arc};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header::HeaderMap},
    rt,
    web::{self, Bytes},
};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

pub use page::PageBody;

use super::{
    State,
    json::{Object, Read},
    problem::Refusal,
};
use crate::{domain::Problem, service::Service};

/// A list that is answered whole.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = List)]
pub struct ListBody<T> {
    /// The entries.
    pub data: Vec<T>,
}

/// Answers with JSON.
fn json(status: StatusCode, body: &impl Serialize) -> HttpResponse {
    HttpResponse::build(status).json(body)
}

/// Answers with bytes that are JSON already.
fn json_bytes(bytes: Vec<u8>) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(bytes)
}

/// Asks the service for something that reads the store, on a thread that may block.
async fn ask<T: Send + 'static>(
    state: &State,
    question: impl FnOnce(&Arc<Service>) -> Result<T, Problem> + Send + 'static,
) -> Result<T, Refusal> {
    let service = state.service().clone();
    let span = tracing::Span::current();
    let answer = web::block(move || span.in_scope(|| question(&service))).await;
    Ok(answer.map_err(|_| Problem::internal())??)
}

/// Carries a change through to its end, also if the caller goes away meanwhile: several changes
/// are more than one write.
async fn carry_out<T: 'static>(change: impl Future<Output = Result<T, Problem>> + 'static) -> Result<T, Refusal> {
    Ok(rt::spawn(change).await.map_err(|_| Problem::internal())??)
}

/// The id in the path. What is no id of that kind is not there.
fn id<Id: FromStr>(request: &HttpRequest, what: &str) -> Result<Id, Problem> {
    request.match_info().get("id").and_then(|id| id.parse().ok()).ok_or_else(|| Problem::not_found(what))
}

/// Reads the object in a body.
fn read_body<'a, T>(body: &'a Bytes, build: impl FnOnce(&mut Object<'a>) -> Option<T>) -> Result<T, Problem> {
    read(Object::from_body(body)?.read(build))
}

fn read<T>(read: Read<T>) -> Result<T, Problem> {
    read.map_err(Problem::invalid)
}

/// Stored JSON as a part of an answer, byte for byte.
fn raw(json: String) -> Option<Box<RawValue>> {
    RawValue::from_string(json).ok()
}

/// The only value of a header as text; `Err` if it is there twice or is no text.
fn header<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, ()> {
    let mut values = headers.get_all(name);
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => std::str::from_utf8(value.as_bytes()).map(Some).map_err(drop),
        (Some(_), Some(_)) => Err(()),
    }
}
