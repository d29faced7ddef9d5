//! `/bulk-resends`: send again everything that fits a filter.

pub mod one;

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, http::header, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::{ask, carry_out, json, read_body};
use crate::{
    domain::{Fault, LogFilter, Timestamp},
    service::{BulkJob, BulkPlan, BulkRequest},
    web::{
        State,
        auth::Caller,
        body,
        json::{Object, Raw, Read, object, text, whole_number, yes_or_no},
        problem::Reply,
        query::{log_filter_of, pairs_of},
    },
};

/// What should be sent again.
#[derive(ToSchema)]
#[allow(dead_code, reason = "describes what `read_request` reads; a test compares the names")]
pub struct NewBulkResend {
    /// Which entries, with the names of `GET /logs` without `limit` and `cursor`.
    #[schema(example = json!({"status": "failed", "since": "2026-01-05T00:00:00Z"}))]
    filter: BulkFilter,
    /// How fast.
    #[schema(minimum = 1, maximum = 1000, default = 10)]
    rate_per_second: Option<u32>,
    /// Only say what would be done. True if it is left out: what cannot be taken back is asked for.
    #[schema(default = true)]
    dry_run: Option<bool>,
}

/// Which entries are sent again. What is left out or empty counts for all.
#[derive(ToSchema)]
#[allow(dead_code, reason = "describes what `filter` reads; a test compares the names")]
pub struct BulkFilter {
    /// Of this account.
    #[schema(value_type = String, required = false)]
    account: Option<String>,
    /// For this webhook.
    #[schema(value_type = String, required = false)]
    webhook_id: Option<String>,
    /// Of this event type.
    #[schema(value_type = String, required = false)]
    event_type: Option<String>,
    /// Where they stand.
    #[schema(value_type = String, required = false)]
    status: Option<String>,
    /// Whose last answer was this.
    #[schema(value_type = String, required = false)]
    http_status: Option<String>,
    /// Whose last attempt got no answer for this cause.
    #[schema(value_type = String, required = false)]
    cause: Option<String>,
    /// About this event.
    #[schema(value_type = String, required = false)]
    event_id: Option<String>,
    /// Accepted at or after this.
    #[schema(value_type = String, format = DateTime, required = false)]
    since: Option<Timestamp>,
    /// Accepted before this.
    #[schema(value_type = String, format = DateTime, required = false)]
    until: Option<Timestamp>,
    /// A log id, an event id, your own id, or text in the payload.
    #[schema(value_type = String, required = false)]
    q: Option<String>,
}

/// What a bulk resend would do.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BulkPlan)]
pub struct BulkPlanBody {
    /// Entries in all.
    pub total: u64,
    /// Entries by where they stand.
    pub by_status: ByStatus,
    /// There are more than were counted.
    pub at_least: bool,
    /// How fast.
    pub rate_per_second: u32,
    /// Time from the first to the last.
    pub takes_s: u64,
}

/// Entries by where they stand.
#[derive(Debug, Serialize, ToSchema)]
pub struct ByStatus {
    /// They failed for good.
    pub failed: u64,
    /// They wait; their next attempt is moved forward.
    pub pending: u64,
    /// They had arrived; receivers would get them twice.
    pub success: u64,
}

/// A bulk resend and how far it is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BulkResend)]
pub struct BulkJobBody {
    /// Its id.
    pub id: String,
    /// `running`, `finished` or `cancelled`.
    #[schema(example = "running")]
    pub state: &'static str,
    /// Which entries.
    pub filter: BTreeMap<&'static str, String>,
    /// How fast.
    pub rate_per_second: u32,
    /// Entries that fitted when it began.
    pub planned: u64,
    /// Entries put into the queue so far.
    pub queued: u64,
    /// Entries that could not be sent again: their webhook is off or deleted, or they were tests.
    pub passed_over: u64,
    /// Of those queued, the ones that arrived.
    pub success: u64,
    /// Of those queued, the ones whose attempt failed.
    pub failed: u64,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub started_at: Timestamp,
    /// Who began it.
    pub started_by: String,
    /// When it ended.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub finished_at: Option<Timestamp>,
    /// Who cancelled it.
    pub cancelled_by: Option<String>,
}

/// A request as it was read.
pub struct Asked {
    request: BulkRequest,
    dry_run: bool,
}

/// Send many again
///
/// Answers with the plan (200) and changes nothing, unless `dry_run` is false: then it begins (202),
/// oldest first, and goes on by itself.
#[utoipa::path(
    post, path = "/api/v1/bulk-resends", tag = "Logs", operation_id = "start_bulk_resend",
    request_body = NewBulkResend,
    responses(
        (status = 202, body = BulkJobBody, description = "It has begun", headers(("Location" = String))),
        (status = 200, body = BulkPlanBody, description = "Answer to a dry run"),
    ),
)]
pub async fn start(state: State, caller: Caller, request: HttpRequest, payload: web::Payload) -> Reply {
    let body = body::receive(&request, payload, body::SMALL).await?;
    let Asked { request, dry_run } = read_body(&body, read_request)?;
    if dry_run {
        let plan = ask(&state, move |service| service.plan_bulk_resend(&caller.actor, &request)).await?;
        return Ok(json(StatusCode::OK, &BulkPlanBody::from(plan)));
    }
    let service = state.service().clone();
    let job = carry_out(async move { service.start_bulk_resend(&caller.actor, &request).await }).await?;
    let location = format!("/api/v1/bulk-resends/{}", job.id);
    Ok(HttpResponse::Accepted().insert_header((header::LOCATION, location)).json(BulkJobBody::from(&job)))
}

/// Reads a request for a bulk resend. The filter must be there: to send everything again, an empty
/// one says so.
pub fn read_request(input: &mut Object) -> Option<Asked> {
    let filter = input.required("filter", filter);
    let rate_per_second = input.optional("rate_per_second", whole_number(1..=1_000)).map(|rate| rate as u32);
    let dry_run = input.optional("dry_run", yes_or_no).unwrap_or(true);
    Some(Asked { request: BulkRequest { filter: filter?, rate_per_second }, dry_run })
}

/// Members of a filter are strings; `http_status` may be a number too. An empty one is refused: it
/// was to narrow what is sent again, and would not.
fn filter(raw: &Raw) -> Read<LogFilter> {
    let value = |name: &str, raw: &Raw| match raw.get().parse::<u16>() {
        Ok(number) if name == "http_status" => Ok(number.to_string()),
        _ => match text(raw)? {
            empty if empty.is_empty() => Err(vec![Fault::new("empty", "Give it a value, or leave it out.")]),
            value => Ok(value),
        },
    };
    let pairs = object(|input| input.take_each(value))(raw)?;
    log_filter_of(pairs)
}

impl From<BulkPlan> for BulkPlanBody {
    fn from(plan: BulkPlan) -> Self {
        BulkPlanBody {
            total: plan.total(),
            by_status: ByStatus { failed: plan.failed, pending: plan.pending, success: plan.success },
            at_least: plan.at_least,
            rate_per_second: plan.rate_per_second,
            takes_s: plan.takes().as_secs(),
        }
    }
}

impl From<&BulkJob> for BulkJobBody {
    fn from(job: &BulkJob) -> Self {
        let state = match (&job.cancelled_by, job.finished_at) {
            (Some(_), _) => "cancelled",
            (None, Some(_)) => "finished",
            (None, None) => "running",
        };
        BulkJobBody {
            id: job.id.to_string(),
            state,
            filter: pairs_of(&job.filter).into_iter().collect(),
            rate_per_second: job.rate_per_second,
            planned: job.planned,
            queued: job.queued,
            passed_over: job.passed_over,
            success: job.success,
            failed: job.failed,
            started_at: job.started_at,
            started_by: job.started_by.clone(),
            finished_at: job.finished_at,
            cancelled_by: job.cancelled_by.clone(),
        }
    }
}
