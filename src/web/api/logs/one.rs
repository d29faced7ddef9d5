//! `/logs/{id}`: a log entry with its attempts and what was sent.

use actix_web::{HttpRequest, http::StatusCode};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::{AttemptBody, LogFacts};
use crate::{
    service::LogDetail,
    web::{
        State,
        api::{ask, id, json, raw},
        auth::Caller,
        problem::Reply,
    },
};

/// A log entry with everything that is kept of it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LogDetail)]
pub struct LogDetailBody {
    /// What it is about and where it stands.
    #[serde(flatten)]
    pub facts: LogFacts,
    /// The entry that has to end before this one is sent, if its webhook keeps order.
    pub waits_for: Option<String>,
    /// Its attempts, the first one first.
    pub attempts: Vec<AttemptBody>,
    /// The body of every request, byte for byte; null once it is no longer kept.
    #[schema(value_type = Option<Object>)]
    pub payload: Option<Box<RawValue>>,
}

/// Show a log entry
#[utoipa::path(
    get, path = "/api/v1/logs/{id}", tag = "Logs", operation_id = "get_log",
    params(("id" = String, Path, description = "The Log ID, log_…")),
    responses((status = 200, body = LogDetailBody, description = "The log entry")),
)]
pub async fn show(state: State, caller: Caller, request: HttpRequest) -> Reply {
    let id = id(&request, "log entry")?;
    let detail = ask(&state, move |service| service.log(&caller.actor, id)).await?;
    Ok(json(StatusCode::OK, &LogDetailBody::from(detail)))
}

impl From<LogDetail> for LogDetailBody {
    fn from(detail: LogDetail) -> Self {
        LogDetailBody {
            facts: LogFacts::from(&detail.entry),
            waits_for: detail.waits_for.map(|id| id.to_string()),
            attempts: detail.attempts.iter().map(AttemptBody::from).collect(),
            payload: String::from_utf8(detail.body).ok().and_then(raw),
        }
    }
}
