//! `/integration/webhook/{id}/enable`: switches a webhook on, and asks what becomes of what it missed.

use actix_web::{HttpRequest, http::StatusCode};
use askama::Template;

use super::{
    carry_out,
    form::Posted,
    notes::Note,
    page::{Frame, WEBHOOKS, see_other_with, show as show_page},
    parts::CopyValue,
    text::{count, middle_cut},
    visitor::Visitor,
    webhook_edit::find,
};
use crate::{
    service::Missed,
    web::{State, problem::Reply},
};

#[derive(Template)]
#[template(path = "webhook_enable.html")]
struct WebhookEnablePage {
    frame: Frame,
    id: String,
    url: CopyValue,
    has_missed: bool,
    missed: String,
}

/// Asks.
pub async fn show(state: State, request: HttpRequest, visitor: Visitor) -> Reply {
    let view = find(&state, &request, &visitor).await?;
    let webhook = &view.webhook;
    let since = webhook.disabled.as_ref().map(|disabled| visitor.zone.day(disabled.at)).unwrap_or_default();
    let missed = view.state.missed;
    let page = WebhookEnablePage {
        frame: Frame::new(&visitor, WEBHOOKS, "Enable webhook")
            .under(&middle_cut(webhook.request_url.as_str(), 48), format!("{WEBHOOKS}/{}", webhook.id))
            .under("Enable", ""),
        id: webhook.id.to_string(),
        url: CopyValue { id: "url", label: "Request URL", value: webhook.request_url.to_string() },
        has_missed: missed > 0,
        missed: format!("{} while this was off (since {since}).", count(missed, "event happened", "events happened")),
    };
    show_page(&visitor, StatusCode::OK, &page)
}

/// Switches it on; from the list back to the list.
pub async fn submit(state: State, request: HttpRequest, visitor: Visitor, posted: Posted) -> Reply {
    let fields = posted.of(&visitor.key).fresh()?;
    let view = find(&state, &request, &visitor).await?;
    let (id, missed) = (view.webhook.id, if fields.get("missed") == "send" { Missed::Send } else { Missed::Skip });
    let note = match (view.state.missed, missed) {
        (0, _) => Note::WebhookEnabled,
        (_, Missed::Send) => Note::MissedSent,
        (_, Missed::Skip) => Note::MissedSkipped,
    };
    let (service, actor) = (state.service().clone(), visitor.actor);
    carry_out(async move { service.enable_webhook(&actor, id, missed).await }).await?;
    let back = if fields.get("back") == "list" { WEBHOOKS.to_owned() } else { format!("{WEBHOOKS}/{id}") };
    Ok(see_other_with(&back, note, visitor.secure))
}
