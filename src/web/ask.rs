//! How handlers, of the API and of the pages alike, ask the service.

use std::{str::FromStr, sync::Arc};

use actix_web::{HttpRequest, rt, web};

use super::{State, problem::Refusal};
use crate::{domain::Problem, service::Service};

/// Asks the service for something that reads the store, on a thread that may block.
pub async fn ask<T: Send + 'static>(
    state: &State,
    question: impl FnOnce(&Arc<Service>) -> Result<T, Problem> + Send + 'static,
) -> Result<T, Refusal> {
    let service = state.service().clone();
    let span = tracing::Span::current();
    let answer = web::block(move || span.in_scope(|| question(&service))).await;
    Ok(answer.map_err(|_| Problem::internal())??)
}

/// Carries a change through to its end, also if the caller goes away meanwhile: several changes
/// are more than one write, and a second click breaks the first request off.
pub async fn carry_out<T: 'static>(change: impl Future<Output = Result<T, Problem>> + 'static) -> Result<T, Refusal> {
    Ok(rt::spawn(change).await.map_err(|_| Problem::internal())??)
}

/// The id in the path. What is no id of that kind is not there.
pub fn id<Id: FromStr>(request: &HttpRequest, what: &str) -> Result<Id, Problem> {
    request.match_info().get("id").and_then(|id| id.parse().ok()).ok_or_else(|| Problem::not_found(what))
}
