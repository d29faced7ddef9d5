//! `/stats`: how the server is doing.

use actix_web::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::{ask, json};
use crate::{
    domain::Timestamp,
    service::SystemStats,
    web::{State, auth::Caller, problem::Reply},
};

/// Numbers of the server, or of one account for a key that is limited to one.
#[derive(Debug, Serialize, ToSchema)]
pub struct Stats {
    /// Deliveries that are pending.
    pub queue_depth: u64,
    /// When the oldest one that could be sent was due.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub oldest_due_at: Option<Timestamp>,
    /// Events accepted since midnight UTC.
    pub accepted_today: u64,
    /// Deliveries that ended in success since midnight UTC.
    pub delivered_today: u64,
    /// Deliveries that ended in failure since midnight UTC.
    pub failed_today: u64,
    /// Since when all sending is paused; null while it is not.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub sending_paused_since: Option<Timestamp>,
}

/// Show the server's numbers
#[utoipa::path(
    get, path = "/api/v1/stats", tag = "Access and system", operation_id = "get_stats",
    responses((status = 200, body = Stats, description = "The numbers")),
)]
pub async fn show(state: State, caller: Caller) -> Reply {
    let stats = ask(&state, move |service| service.system_stats(&caller.actor)).await?;
    Ok(json(StatusCode::OK, &Stats::from(stats)))
}

impl From<SystemStats> for Stats {
    fn from(stats: SystemStats) -> Self {
        Stats {
            queue_depth: stats.waiting,
            oldest_due_at: stats.oldest_due,
            accepted_today: stats.accepted_today,
            delivered_today: stats.delivered_today,
            failed_today: stats.failed_today,
            sending_paused_since: stats.paused_since,
        }
    }
}
