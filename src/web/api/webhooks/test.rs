//! `/webhooks/{id}/test`: send a test event and see the answer.

use actix_web::{HttpRequest, http::StatusCode, web};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::{
    domain::EventType,
    service::{TestEvent, TestResult},
    web::{
        State,
        api::{carry_out, id, json, logs::AttemptBody, read_body},
        auth::Caller,
        body::{self, AROUND_PAYLOAD},
        json::{Object, any, parsed},
        problem::Reply,
    },
};

/// What a test sends.
#[derive(ToSchema)]
#[allow(dead_code, reason = "describes what `read_test` reads; a test compares the names")]
pub struct NewTest {
    /// An event type; `webhook.test` if left out.
    r#type: Option<String>,
    /// Its content; the type's example if left out.
    #[schema(value_type = Option<Value>)]
    data: Option<Box<RawValue>>,
}

/// What came of a test.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TestResult)]
pub struct TestResultBody {
    /// Its log entry.
    pub log_id: String,
    /// Whether the receiver answered 200 to 299.
    pub success: bool,
    /// The request and the answer.
    pub attempt: AttemptBody,
}

/// Test a webhook
///
/// Sends one request at once and waits for the answer. It is logged as a test and never retried;
/// the webhook need not be on.
#[utoipa::path(
    post, path = "/api/v1/webhooks/{id}/test", tag = "Webhooks", operation_id = "test_webhook",
    params(("id" = String, Path, description = "The webhook's id, whk_…")),
    request_body(content = Option<NewTest>),
    responses((status = 200, body = TestResultBody, description = "What came of it, success or not")),
)]
pub async fn test(state: State, caller: Caller, request: HttpRequest, payload: web::Payload) -> Reply {
    let id = id(&request, "webhook")?;
    let service = state.service().clone();
    let limit = service.settings().event_bytes + AROUND_PAYLOAD;
    let body = body::receive_optional(&request, payload, limit).await?;
    let test = read_body(&body, read_test)?;
    let result = carry_out(async move { service.test_webhook(&caller.actor, id, test).await }).await?;
    Ok(json(StatusCode::OK, &TestResultBody::from(result)))
}

/// Reads what a test sends.
pub fn read_test(input: &mut Object) -> Option<TestEvent> {
    let event_type = input.optional("type", parsed(EventType::parse));
    let payload = input.optional("data", any);
    Some(TestEvent { event_type, payload })
}

impl From<TestResult> for TestResultBody {
    fn from(result: TestResult) -> Self {
        TestResultBody {
            log_id: result.delivery.to_string(),
            success: result.attempt.attempt.outcome.is_success(),
            attempt: AttemptBody::from(&result.attempt),
        }
    }
}
