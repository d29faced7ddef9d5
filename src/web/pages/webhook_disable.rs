//! `POST /integration/webhook/{id}/disable`: switches a webhook off, without a question.

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
    web::{State, problem::Reply},
};

/// Switches it off; from the list back to the list.
pub async fn submit(state: State, request: HttpRequest, visitor: Visitor, posted: Posted) -> Reply {
    let fields = posted.of(&visitor.key).fresh()?;
    let id = id::<WebhookId>(&request, "webhook")?;
    let (service, actor) = (state.service().clone(), visitor.actor);
    carry_out(async move { service.disable_webhook(&actor, id).await }).await?;
    let back = if fields.get("back") == "list" { WEBHOOKS.to_owned() } else { format!("{WEBHOOKS}/{id}") };
    Ok(see_other_with(&back, Note::WebhookDisabled, visitor.secure))
}
