//! `/integration/webhook/{id}/delete`: says what would be lost, then deletes.

use actix_web::{HttpRequest, http::StatusCode};
use askama::Template;

use super::{
    ask, carry_out,
    form::Posted,
    notes::Note,
    page::{Frame, WEBHOOKS, see_other_with, show as show_page},
    parts::Name,
    text::{count, display_line, middle_cut},
    visitor::Visitor,
    webhook_edit::find,
    webhooks::selected,
};
use crate::web::{State, problem::Reply};

#[derive(Template)]
#[template(path = "webhook_delete.html")]
struct WebhookDeletePage {
    frame: Frame,
    id: String,
    url: String,
    description: Option<Name>,
    events: String,
    waiting: Option<String>,
}

/// Says what would be lost.
pub async fn show(state: State, request: HttpRequest, visitor: Visitor) -> Reply {
    let view = find(&state, &request, &visitor).await?;
    let actor = visitor.actor.clone();
    let types = ask(&state, move |service| service.event_types(&actor)).await?;
    let webhook = &view.webhook;
    let waiting = view.state.waiting;
    let page = WebhookDeletePage {
        frame: Frame::new(&visitor, WEBHOOKS, "Delete webhook")
            .under(&middle_cut(webhook.request_url.as_str(), 48), format!("{WEBHOOKS}/{}", webhook.id))
            .under("Delete", ""),
        id: webhook.id.to_string(),
        url: display_line(webhook.request_url.as_str()).into_owned(),
        description: (!webhook.description.is_empty()).then(|| Name::new(&webhook.description)),
        events: selected(&webhook.selection, &types),
        waiting: (waiting > 0).then(|| count(waiting, "waiting delivery is", "waiting deliveries are")),
    };
    show_page(&visitor, StatusCode::OK, &page)
}

/// Deletes.
pub async fn submit(state: State, request: HttpRequest, visitor: Visitor, posted: Posted) -> Reply {
    posted.of(&visitor.key).fresh()?;
    let id = find(&state, &request, &visitor).await?.webhook.id;
    let (service, actor) = (state.service().clone(), visitor.actor);
    carry_out(async move { service.delete_webhook(&actor, id, None).await }).await?;
    Ok(see_other_with(WEBHOOKS, Note::WebhookDeleted, visitor.secure))
}
