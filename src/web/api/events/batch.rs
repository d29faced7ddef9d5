//! `/events/batch`: publish many events in one commit.

use actix_web::{HttpRequest, http::StatusCode, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::{IDEMPOTENCY_KEY, NewEvent, read_event};
use crate::{
    domain::{Fault, Problem},
    service::{Accepted, PublishEvent},
    web::{
        State,
        api::{json, read, read_body},
        auth::Caller,
        body,
        json::{elements, object},
        problem::{ProblemBody, Reply},
    },
};

/// Events to publish together.
#[derive(ToSchema)]
#[allow(dead_code, reason = "describes what `publish` reads")]
pub struct NewEvents {
    /// The events, at most 1,000.
    #[schema(min_items = 1, max_items = 1000)]
    events: Vec<NewEvent>,
}

/// What became of each event, in the order of the request.
#[derive(Debug, Serialize, ToSchema)]
pub struct BatchResults {
    /// One entry for each event.
    pub results: Vec<BatchResult>,
}

/// What became of one event of a batch.
#[derive(Debug, Serialize, ToSchema)]
pub struct BatchResult {
    /// `accepted`, `duplicate` (it had been accepted before) or `rejected`.
    #[schema(example = "accepted")]
    pub status: &'static str,
    /// The event's id, unless it was rejected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Number of webhooks it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhooks_matched: Option<u16>,
    /// Why it was rejected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<ProblemBody>,
}

/// Publish many events
///
/// All that are acceptable are taken in one commit; the others are answered with what is wrong.
/// Answered 422 if none was taken.
#[utoipa::path(
    post, path = "/api/v1/events/batch", tag = "Events", operation_id = "publish_events", request_body = NewEvents,
    responses((status = 202, body = BatchResults, description = "At least one event was taken")),
)]
pub async fn publish(state: State, caller: Caller, request: HttpRequest, payload: web::Payload) -> Reply {
    let service = state.service();
    let settings = service.settings();
    let body = body::receive(&request, payload, settings.batch_bytes).await?;
    if request.headers().contains_key(IDEMPOTENCY_KEY) {
        let message = "A batch takes no Idempotency-Key. Give each event an id of its own instead.";
        return Err(Problem::invalid(vec![Fault::new("two_ids", message)]).into());
    }
    let most = settings.batch_events;
    let events = read_body(&body, |input| {
        let events = input.required("events", elements)?;
        if (1..=most).contains(&events.len()) {
            return Some(events);
        }
        let message = format!("Send 1 to {most} events at once; these are {}.", events.len());
        input.fault("events", Fault::new("out_of_range", message));
        None
    })?;
    let read_one = object(read_event);
    let requests: Vec<Result<PublishEvent, Problem>> = events.into_iter().map(|raw| read(read_one(raw))).collect();
    let answers = service.publish_batch(&caller.actor, requests).await?;
    let answers: Vec<Result<Accepted, Problem>> =
        answers.into_iter().enumerate().map(|(index, answer)| answer.map_err(|problem| at(index, problem))).collect();
    if answers.iter().all(Result::is_err) {
        let faults = answers.into_iter().filter_map(Result::err).flat_map(|problem| problem.faults).collect();
        let detail = "None of the events was taken; see errors.";
        return Err(Problem { detail: detail.into(), ..Problem::invalid(faults) }.into());
    }
    Ok(json(StatusCode::ACCEPTED, &BatchResults { results: answers.iter().map(BatchResult::from).collect() }))
}

/// A problem of one event, with pointers from the whole request.
fn at(index: usize, problem: Problem) -> Problem {
    let faults = match problem.faults.is_empty() {
        true => vec![Fault::new(problem.code, problem.detail.clone())],
        false => problem.faults,
    };
    let faults = faults.into_iter().map(|fault| fault.at(format_args!("/events/{index}"))).collect();
    Problem { faults, ..problem }
}

impl From<&Result<Accepted, Problem>> for BatchResult {
    fn from(answer: &Result<Accepted, Problem>) -> Self {
        match answer {
            Ok(accepted) => BatchResult {
                status: if accepted.duplicate { "duplicate" } else { "accepted" },
                id: Some(accepted.id.to_string()),
                webhooks_matched: Some(accepted.webhooks_matched),
                problem: None,
            },
            Err(problem) => BatchResult {
                status: "rejected",
                id: None,
                webhooks_matched: None,
                problem: Some(ProblemBody::from(problem)),
            },
        }
    }
}
