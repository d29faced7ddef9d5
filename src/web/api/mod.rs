//! The JSON API, one file for each path, and what those files share.

pub mod account_payloads;
pub mod bulk_resends;
pub mod event_types;
pub mod events;
pub mod logs;
pub mod me;
pub mod openapi_json;
mod page;
mod rules;
pub mod stats;
pub mod webhooks;

use actix_web::{
    HttpResponse,
    http::{StatusCode, header::HeaderMap},
    web::Bytes,
};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

pub use page::PageBody;
pub use rules::Rules;

use super::{
    ask::{ask, carry_out, id},
    json::{Object, Read},
};
use crate::domain::Problem;

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
