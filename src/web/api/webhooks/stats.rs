//! `/webhooks/{id}/stats`: what happened to a webhook lately.

use actix_web::{HttpRequest, http::StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    domain::{HourStats, Timestamp},
    service::WebhookStats,
    web::{
        State,
        api::{ask, id, json},
        auth::Caller,
        problem::Reply,
    },
};

const HOUR_MS: u64 = 3_600_000;

/// What happened to a webhook lately.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WebhookStats)]
pub struct WebhookStatsBody {
    /// The webhook.
    pub webhook_id: String,
    /// How it is doing: `new`, `healthy`, `failing` or `off`.
    pub health: &'static str,
    /// Deliveries that are pending.
    pub waiting: u64,
    /// Of those, the ones that came while it was off.
    pub missed: u64,
    /// Deliveries that ended in success, ever.
    pub success: u64,
    /// Deliveries that ended in failure, ever.
    pub failed: u64,
    /// When an attempt last succeeded.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_success_at: Option<Timestamp>,
    /// When an attempt last failed.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_failure_at: Option<Timestamp>,
    /// When the oldest waiting delivery was due.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub oldest_due_at: Option<Timestamp>,
    /// The last 24 hours together.
    pub last_day: Counts,
    /// The last 30 days by hour, oldest first; hours without a delivery are left out.
    pub hours: Vec<Hour>,
}

/// One hour.
#[derive(Debug, Serialize, ToSchema)]
pub struct Hour {
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub began_at: Timestamp,
    /// What happened in it.
    #[serde(flatten)]
    pub counts: Counts,
}

/// What happened in a time.
#[derive(Debug, Serialize, ToSchema)]
pub struct Counts {
    /// Deliveries that ended in success.
    pub success: u64,
    /// Deliveries that ended in failure.
    pub failed: u64,
    /// Deliveries that succeeded at the first attempt.
    pub first_try: u64,
    /// Attempts.
    pub attempts: u64,
    /// Half of the answers came within this.
    pub p50_ms: Option<u32>,
    /// 95 of 100 answers came within this.
    pub p95_ms: Option<u32>,
    /// The slowest answer.
    pub slowest_ms: u32,
}

/// Show a webhook's numbers
#[utoipa::path(
    get, path = "/api/v1/webhooks/{id}/stats", tag = "Webhooks", operation_id = "get_webhook_stats",
    params(("id" = String, Path, description = "The webhook's id, whk_…")),
    responses((status = 200, body = WebhookStatsBody, description = "Its numbers")),
)]
pub async fn show(state: State, caller: Caller, request: HttpRequest) -> Reply {
    let id = id(&request, "webhook")?;
    let stats = ask(&state, move |service| service.webhook_stats(&caller.actor, id)).await?;
    Ok(json(StatusCode::OK, &WebhookStatsBody::from(stats)))
}

impl From<WebhookStats> for WebhookStatsBody {
    fn from(stats: WebhookStats) -> Self {
        let state = &stats.view.state;
        let hours = stats.hours.iter().map(|(hour, counts)| Hour {
            began_at: Timestamp::from_millis(u64::from(*hour) * HOUR_MS),
            counts: Counts::from(counts),
        });
        WebhookStatsBody {
            webhook_id: stats.view.webhook.id.to_string(),
            health: stats.view.health.code(),
            waiting: state.waiting,
            missed: state.missed,
            success: state.success,
            failed: state.failed,
            last_success_at: state.last_success_at,
            last_failure_at: state.last_failure_at,
            oldest_due_at: stats.oldest_due,
            last_day: Counts::from(&stats.last_day),
            hours: hours.collect(),
        }
    }
}

impl From<&HourStats> for Counts {
    fn from(stats: &HourStats) -> Self {
        Counts {
            success: stats.success,
            failed: stats.failed,
            first_try: stats.first_try,
            attempts: stats.attempts,
            p50_ms: stats.percentile_ms(50),
            p95_ms: stats.percentile_ms(95),
            slowest_ms: stats.slowest_ms,
        }
    }
}
