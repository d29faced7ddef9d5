//! `/me`: who the caller is.

use actix_web::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::json;
use crate::{
    domain::Timestamp,
    web::{auth::Caller, problem::Reply},
};

/// Who the caller is.
#[derive(Debug, Serialize, ToSchema)]
pub struct Me {
    /// The key's id.
    pub id: String,
    /// The key's name.
    #[schema(example = "crm-production")]
    pub name: String,
    /// What it may do.
    #[schema(example = json!(["events:write"]))]
    pub scopes: Vec<&'static str>,
    /// The only account it may see; null for all.
    pub account: Option<String>,
    /// When it stops working; null for never.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
}

/// Show the key in use
#[utoipa::path(
    get, path = "/api/v1/me", tag = "Access and system", operation_id = "get_me",
    responses((status = 200, body = Me, description = "The key")),
)]
pub async fn show(caller: Caller) -> Reply {
    let Caller { actor, key } = caller;
    let me = Me {
        id: key.id.to_string(),
        name: key.name,
        scopes: actor.scopes().iter().map(|scope| scope.code()).collect(),
        account: actor.account().map(ToString::to_string),
        expires_at: key.expires_at,
    };
    Ok(json(StatusCode::OK, &me))
}
