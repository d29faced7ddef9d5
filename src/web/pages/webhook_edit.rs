//! `/integration/webhook/{id}/edit`: the same form for a webhook that is there.

use actix_web::{HttpRequest, http::StatusCode};
use askama::Template;

use super::{
    ask, carry_out,
    form::Posted,
    id,
    notes::Note,
    page::{Errors, Frame, WEBHOOKS, see_other_with, show as show_page},
    text::middle_cut,
    visitor::Visitor,
    webhook_form::{Meant, Typed, field_of},
    webhook_new::{confirm, known},
    webhook_sheet::Sheet,
};
use crate::{
    domain::{ProblemKind, Webhook, WebhookId},
    service::{WebhookChange, WebhookView},
    web::{
        State,
        problem::{Refusal, Reply, status},
        query::Query,
    },
};

#[derive(Template)]
#[template(path = "webhook_edit.html")]
struct WebhookEditPage {
    frame: Frame,
    sheet: Sheet,
}

/// Shows the form as the webhook is.
pub async fn show(state: State, request: HttpRequest, visitor: Visitor) -> Reply {
    let view = find(&state, &request, &visitor).await?;
    let mut typed = Typed::of(&view.webhook);
    // A link may propose another Request URL; it is looked at and saved like a typed one.
    if let Some(proposed) = Query::parse(request.query_string()).take("request_url") {
        typed.request_url = proposed;
    }
    page(&state, &visitor, StatusCode::OK, &view.webhook, &typed, Errors::default(), "").await
}

/// Saves, or shows the form again.
pub async fn submit(state: State, request: HttpRequest, visitor: Visitor, posted: Posted) -> Reply {
    let view = find(&state, &request, &visitor).await?;
    let webhook = &*view.webhook;
    let form = posted.of(&visitor.key);
    let mut typed = Typed::read(&form.fields);
    if !form.fresh {
        return page(&state, &visitor, StatusCode::FORBIDDEN, webhook, &typed, Errors::expired(), "").await;
    }
    let button = form.fields.get("do");
    if typed.press(button, || state.service().generate_secret()) {
        return page(&state, &visitor, StatusCode::OK, webhook, &typed, Errors::default(), button).await;
    }
    let (types, views) = known(&state, &visitor.actor).await?;
    let meant = match typed
        .mean(&types, &webhook.headers)
        .and_then(|meant| confirm(&typed, meant, &views, Some(webhook.id), state.service().settings()))
    {
        Ok(meant) => meant,
        Err(errors) => {
            return page(&state, &visitor, StatusCode::UNPROCESSABLE_ENTITY, webhook, &typed, errors, "").await;
        }
    };
    let (service, actor, id, version) =
        (state.service().clone(), visitor.actor.clone(), webhook.id, typed.version.parse().unwrap_or(0));
    match carry_out(async move { service.change_webhook(&actor, id, change(meant), Some(version)).await }).await {
        Ok(_) => Ok(see_other_with(&format!("{WEBHOOKS}/{id}"), Note::WebhookSaved, visitor.secure)),
        Err(refusal) if refusal.problem.kind == ProblemKind::Invalid => {
            let errors = Errors::of(&refusal.problem, field_of);
            page(&state, &visitor, status(refusal.problem.kind), webhook, &typed, errors, "").await
        }
        Err(refusal) if refusal.problem.kind == ProblemKind::PreconditionFailed => {
            let view = find(&state, &request, &visitor).await?;
            typed.version = view.webhook.version.to_string();
            let at = visitor.zone.clock(view.webhook.updated_at, visitor.now);
            let message = format!(
                "This webhook was changed at {at} while you were editing. Save again to put your version in its \
                 place, or reload this page to see the other one."
            );
            let errors = Errors { general: vec![message], ..Errors::default() };
            page(&state, &visitor, StatusCode::CONFLICT, &view.webhook, &typed, errors, "").await
        }
        Err(refusal) => Err(refusal),
    }
}

/// The webhook of the address.
pub async fn find(state: &State, request: &HttpRequest, visitor: &Visitor) -> Result<WebhookView, Refusal> {
    let (actor, id) = (visitor.actor.clone(), id::<WebhookId>(request, "webhook")?);
    ask(state, move |service| service.webhook(&actor, id)).await
}

fn change(meant: Meant) -> WebhookChange {
    WebhookChange {
        request_url: Some(meant.request_url),
        selection: Some(meant.selection),
        headers: Some(meant.headers),
        description: Some(meant.description),
        enabled: None,
        timeout_ms: Some(meant.timeout_ms),
        max_in_flight: Some(meant.max_in_flight),
        rate_per_second: Some(meant.rate_per_second),
        retry_schedule: Some(meant.retry_schedule),
        ordered: Some(meant.ordered),
    }
}

async fn page(
    state: &State,
    visitor: &Visitor,
    status: StatusCode,
    webhook: &Webhook,
    typed: &Typed,
    errors: Errors,
    button: &str,
) -> Reply {
    let (types, _) = known(state, &visitor.actor).await?;
    let since = webhook.secrets.first().map(|secret| visitor.zone.day(secret.since)).unwrap_or_default();
    let frame = Frame::new(visitor, WEBHOOKS, "Edit webhook")
        .under(&middle_cut(webhook.request_url.as_str(), 48), format!("{WEBHOOKS}/{}", webhook.id))
        .under("Edit", "")
        .with_errors(&errors);
    let sheet = Sheet::edit(typed, errors, button, &types, state.service().settings(), webhook, since);
    show_page(visitor, status, &WebhookEditPage { frame, sheet })
}
