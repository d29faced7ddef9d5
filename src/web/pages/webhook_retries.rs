//! `POST /integration/webhook/{id}/retries`: pauses the retries of a webhook, or goes on with them.

use actix_web::HttpRequest;

use super::{
    carry_out,
    form::Posted,
    id,
    notes::Note,
    page::{WEBHOOKS, see_other_with},
    visitor::Visitor,
};
use crate::{
    domain::WebhookId,
    service::WebhookChange,
    web::{State, problem::Reply},
};

/// Pauses or resumes, and leads back to the webhook.
pub async fn submit(state: State, request: HttpRequest, visitor: Visitor, posted: Posted) -> Reply {
    let fields = posted.of(&visitor.key).fresh()?;
    let id = id::<WebhookId>(&request, "webhook")?;
    let pauses = fields.get("do") == "pause";
    let (service, actor) = (state.service().clone(), visitor.actor);
    let change = WebhookChange { retries_paused: Some(pauses), ..WebhookChange::default() };
    carry_out(async move { service.change_webhook(&actor, id, change, None).await }).await?;
    let note = if pauses { Note::RetriesPaused } else { Note::RetriesResumed };
    Ok(see_other_with(&format!("{WEBHOOKS}/{id}"), note, visitor.secure))
}
