//! `/integration/webhook/{id}/delete`: says what would be lost, then deletes: at once, or when what
//! waits was tried once more.

use actix_web::{HttpRequest, http::StatusCode};
use askama::Template;

use super::{
    ask, carry_out,
    form::Posted,
    notes::Note,
    page::{Frame, WEBHOOKS, see_other_with, show as show_page},
    parts::Name,
    text::{display_line, middle_cut},
    visitor::Visitor,
    webhook_edit::find,
    webhooks::selected,
};
use crate::{
    domain::with_thousands,
    web::{State, problem::Reply},
};

#[derive(Template)]
#[template(path = "webhook_delete.html")]
struct WebhookDeletePage {
    frame: Frame,
    id: String,
    url: String,
    description: Option<Name>,
    events: String,
    waiting: Option<String>,
    /// `them`, or `it` of one.
    them: &'static str,
    /// It is being deleted already.
    is_leaving: bool,
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
        waiting: match waiting {
            0 => None,
            1 => Some("waiting delivery".to_owned()),
            number => Some(format!("{} waiting deliveries", with_thousands(number))),
        },
        them: if waiting == 1 { "it" } else { "them" },
        is_leaving: webhook.leaving.is_some(),
    };
    show_page(&visitor, StatusCode::OK, &page)
}

/// Deletes, or begins to.
pub async fn submit(state: State, request: HttpRequest, visitor: Visitor, posted: Posted) -> Reply {
    let fields = posted.of(&visitor.key).fresh()?;
    let view = find(&state, &request, &visitor).await?;
    let (id, once_more) = (view.webhook.id, fields.get("waiting") == "once-more" && view.state.waiting > 0);
    let (service, actor) = (state.service().clone(), visitor.actor);
    let deleting = async move {
        match once_more {
            true => service.delete_webhook_after_last_tries(&actor, id).await,
            false => service.delete_webhook(&actor, id, None).await,
        }
    };
    carry_out(deleting).await?;
    let note = if once_more { Note::WebhookLeaving } else { Note::WebhookDeleted };
    Ok(see_other_with(WEBHOOKS, note, visitor.secure))
}
