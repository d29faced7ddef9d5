//! `/integration/webhook-logs/{id}/delete-payload`: deletes what was sent, for privacy requests. The
//! entry stays.

use actix_web::{HttpRequest, http::StatusCode};
use askama::Template;

use super::{
    ask, carry_out,
    form::Posted,
    id,
    notes::Note,
    page::{Frame, WEBHOOK_LOGS, see_other_with, show as show_page},
    text::count,
    visitor::Visitor,
};
use crate::{
    domain::{DeliveryId, Status},
    web::{State, problem::Reply},
};

#[derive(Template)]
#[template(path = "webhook_log_delete_payload.html")]
struct WebhookLogDeletePayloadPage {
    frame: Frame,
    id: String,
    event_id: String,
    entries: String,
    is_deleted: bool,
    is_waiting: bool,
}

/// Asks.
pub async fn show(state: State, request: HttpRequest, visitor: Visitor) -> Reply {
    let id = id::<DeliveryId>(&request, "log entry")?;
    let actor = visitor.actor.clone();
    let detail = ask(&state, move |service| service.log(&actor, id)).await?;
    let page = WebhookLogDeletePayloadPage {
        frame: Frame::new(&visitor, WEBHOOK_LOGS, "Delete payload?")
            .under(&id.to_string(), format!("{WEBHOOK_LOGS}/{id}"))
            .under("Delete payload", ""),
        id: id.to_string(),
        event_id: detail.entry.event.id.to_string(),
        entries: count(detail.siblings.len() as u64 + 1, "log entry", "log entries"),
        is_deleted: detail.entry.event.payload_deleted.is_some(),
        is_waiting: std::iter::once(&detail.entry)
            .chain(&detail.siblings)
            .any(|entry| entry.delivery.status == Status::Pending),
    };
    show_page(&visitor, StatusCode::OK, &page)
}

/// Deletes it.
pub async fn submit(state: State, request: HttpRequest, visitor: Visitor, posted: Posted) -> Reply {
    posted.of(&visitor.key).fresh()?;
    let id = id::<DeliveryId>(&request, "log entry")?;
    let (service, actor) = (state.service().clone(), visitor.actor);
    carry_out(async move { service.delete_payload(&actor, id).await }).await?;
    Ok(see_other_with(&format!("{WEBHOOK_LOGS}/{id}"), Note::PayloadDeleted, visitor.secure))
}
