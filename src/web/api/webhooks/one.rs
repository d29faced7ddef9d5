//! `/webhooks/{id}`: show, change, delete a webhook.

use actix_web::{HttpRequest, HttpResponse, http::header::HeaderMap, web};

use super::{WebhookBody, WebhookPatch, read_change, reply};
use crate::web::{
    State,
    api::{ask, carry_out, id, read_body},
    auth::Caller,
    body,
    problem::{ProblemBody, Reply},
};

/// Show a webhook
#[utoipa::path(
    get, path = "/api/v1/webhooks/{id}", tag = "Webhooks", operation_id = "get_webhook",
    params(("id" = String, Path, description = "The webhook's id, whk_…")),
    responses((status = 200, body = WebhookBody, description = "The webhook", headers(("ETag" = String)))),
)]
pub async fn show(state: State, caller: Caller, request: HttpRequest) -> Reply {
    let id = id(&request, "webhook")?;
    let view = ask(&state, move |service| service.webhook(&caller.actor, id)).await?;
    Ok(reply(&view))
}

/// Change a webhook
///
/// A merge patch (RFC 7396): what is left out stays, null goes back to the default.
#[utoipa::path(
    patch, path = "/api/v1/webhooks/{id}", tag = "Webhooks", operation_id = "change_webhook",
    params(
        ("id" = String, Path, description = "The webhook's id, whk_…"),
        ("If-Match" = Option<String>, Header, description = "Change it only if its ETag is still this"),
    ),
    request_body = WebhookPatch,
    responses(
        (status = 200, body = WebhookBody, description = "As it is now", headers(("ETag" = String))),
        (status = 412, body = ProblemBody, description = "It has changed meanwhile"),
    ),
)]
pub async fn change(state: State, caller: Caller, request: HttpRequest, payload: web::Payload) -> Reply {
    let id = id(&request, "webhook")?;
    let body = body::receive(&request, payload, body::SMALL).await?;
    let change = read_body(&body, |input| read_change(input, &**state.service()))?;
    let (service, version) = (state.service().clone(), if_match(request.headers()));
    let view = carry_out(async move { service.change_webhook(&caller.actor, id, change, version).await }).await?;
    Ok(reply(&view))
}

/// Delete a webhook
///
/// What waits for it is dropped; its log entries stay until they expire.
#[utoipa::path(
    delete, path = "/api/v1/webhooks/{id}", tag = "Webhooks", operation_id = "delete_webhook",
    params(
        ("id" = String, Path, description = "The webhook's id, whk_…"),
        ("If-Match" = Option<String>, Header, description = "Delete it only if its ETag is still this"),
    ),
    responses(
        (status = 204, description = "Deleted"),
        (status = 412, body = ProblemBody, description = "It has changed meanwhile"),
    ),
)]
pub async fn remove(state: State, caller: Caller, request: HttpRequest) -> Reply {
    let id = id(&request, "webhook")?;
    let (service, version) = (state.service().clone(), if_match(request.headers()));
    carry_out(async move { service.delete_webhook(&caller.actor, id, version).await }).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// The version that `If-Match` demands; none if it is not there or is `*`. A tag that we never gave
/// out, a weak one too, demands a version that never is. Of several tags the newest one counts.
fn if_match(headers: &HeaderMap) -> Option<u64> {
    let mut demanded = None;
    for value in headers.get_all("if-match") {
        let tags = value.to_str().unwrap_or_default().split(',').map(str::trim);
        for tag in tags {
            if tag == "*" {
                return None;
            }
            let version = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')).and_then(|tag| tag.parse().ok());
            demanded = demanded.max(Some(version.unwrap_or(u64::MAX)));
        }
    }
    demanded
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn if_match_is_the_version_of_an_etag() {
        for (value, version) in [
            ("\"7\"", Some(7)),
            ("*", None),
            ("W/\"7\"", Some(u64::MAX)),
            ("7", Some(u64::MAX)),
            ("", Some(u64::MAX)),
            ("\"3\", \"7\"", Some(7)),
        ] {
            let request = TestRequest::default().append_header(("if-match", value)).to_http_request();
            assert_eq!(if_match(request.headers()), version, "{value}");
        }
        assert_eq!(if_match(TestRequest::default().to_http_request().headers()), None);
    }
}
