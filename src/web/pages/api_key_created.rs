//! `/developers/api-keys/{id}/created`: a new key, shown once, with a request that works.

use actix_web::{HttpRequest, http::StatusCode};
use askama::Template;

use super::{
    api_key_revoke::find,
    page::{API_KEYS, Frame, base_address, see_other, show as show_page},
    parts::{CopyValue, Name},
    visitor::Visitor,
};
use crate::{
    domain::Scope,
    web::{State, problem::Reply},
};

#[derive(Template)]
#[template(path = "api_key_created.html")]
struct ApiKeyCreatedPage {
    frame: Frame,
    name: Name,
    key: CopyValue,
    curl: String,
    posts_events: bool,
}

/// Shows it; whoever comes again is led to the list.
pub async fn show(state: State, request: HttpRequest, visitor: Visitor) -> Reply {
    let view = find(&state, &request, &visitor).await?;
    let Some(secret) = state.desk().shown_once.take(&visitor.token, &view.key.id.to_string()) else {
        return Ok(see_other(API_KEYS));
    };
    let base = base_address(&request, state.service().settings());
    let posts_events = view.key.scopes.contains(&Scope::EventsWrite);
    let curl = match posts_events {
        true => format!(
            "curl -i {base}/api/v1/events \\\n  -H 'Authorization: Bearer {secret}' \\\n  \
             -H 'Content-Type: application/json' \\\n  \
             -d '{{\"type\":\"contact.created\",\"data\":{{\"contact\":{{\"id\":\"1\",\"name\":\"Ada\"}}}}}}'"
        ),
        false => format!("curl -i {base}/api/v1/me -H 'Authorization: Bearer {secret}'"),
    };
    let page = ApiKeyCreatedPage {
        frame: Frame::new(&visitor, API_KEYS, "API key created").under(&view.key.name, ""),
        name: Name::new(&view.key.name),
        key: CopyValue { id: "key", label: "API key", value: secret },
        curl,
        posts_events,
    };
    show_page(&visitor, StatusCode::OK, &page)
}
