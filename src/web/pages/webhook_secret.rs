//! `POST /integration/webhook/{id}/secret`: the Secret, for the owner's eyes. A form and no link,
//! so that it is neither loaded ahead nor found in the history; that it was shown is audited.

use actix_web::{HttpRequest, http::StatusCode};
use askama::Template;

use super::{
    carry_out,
    form::Posted,
    page::{Frame, WEBHOOKS, show as show_page},
    parts::{CopyValue, Moment},
    text::middle_cut,
    visitor::Visitor,
    webhook_edit::find,
};
use crate::web::{State, problem::Reply};

#[derive(Template)]
#[template(path = "webhook_secret.html")]
struct WebhookSecretPage {
    frame: Frame,
    id: String,
    secret: CopyValue,
    since: Moment,
}

/// Shows it.
pub async fn show(state: State, request: HttpRequest, visitor: Visitor, posted: Posted) -> Reply {
    posted.of(&visitor.key).fresh()?;
    let view = find(&state, &request, &visitor).await?;
    let webhook = view.webhook;
    let (service, actor, id) = (state.service().clone(), visitor.actor.clone(), webhook.id);
    let secret = carry_out(async move { service.webhook_secret(&actor, id).await }).await?;
    let page = WebhookSecretPage {
        frame: Frame::new(&visitor, WEBHOOKS, "Secret")
            .under(&middle_cut(webhook.request_url.as_str(), 48), format!("{WEBHOOKS}/{id}"))
            .under("Secret", ""),
        id: id.to_string(),
        secret: CopyValue { id: "secret", label: "Secret", value: secret.as_str().to_owned() },
        since: visitor.zone.seconds(webhook.secrets.first().map_or(webhook.created_at, |secret| secret.since)),
    };
    show_page(&visitor, StatusCode::OK, &page)
}
