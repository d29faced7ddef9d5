//! `/accounts/{account}/payloads`: deletes them, for privacy requests.

use std::time::Duration;

use actix_web::{HttpRequest, http::StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

use super::{carry_out, json};
use crate::{
    domain::{AccountId, Problem},
    web::{State, auth::Caller, problem::Reply},
};

/// How long one request works before it says how far it is.
const PATIENCE: Duration = Duration::from_secs(10);

/// What came of deleting the payloads of an account.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AccountCleared)]
pub struct AccountClearedBody {
    /// Payloads deleted.
    pub deleted: u64,
    /// Events left because they are still to be sent.
    pub pending: u64,
    /// Whether every event was looked at; if not, ask again.
    pub complete: bool,
}

/// Delete an account's payloads
///
/// Of every event of the account what was sent and what was answered, for privacy requests. Events, log
/// entries and attempts stay. Works for some seconds; where `complete` is false, ask again.
#[utoipa::path(
    delete, path = "/api/v1/accounts/{account}/payloads", tag = "Events", operation_id = "delete_account_payloads",
    params(("account" = String, Path, description = "The account")),
    responses((status = 200, body = AccountClearedBody, description = "How far it is")),
)]
pub async fn delete_payloads(state: State, caller: Caller, request: HttpRequest) -> Reply {
    let name = request.match_info().get("account").unwrap_or_default();
    let account = AccountId::parse(name).map_err(|_| Problem::not_found("account"))?;
    let service = state.service().clone();
    let cleared = carry_out(async move { service.delete_payloads_of(&caller.actor, account, PATIENCE).await }).await?;
    let body = AccountClearedBody { deleted: cleared.deleted, pending: cleared.pending, complete: cleared.complete };
    Ok(json(StatusCode::OK, &body))
}
