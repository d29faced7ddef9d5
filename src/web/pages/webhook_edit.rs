//! `/integration/webhook/{id}/edit`: the same form for a webhook that is there.

use actix_web::{HttpRequest, http::StatusCode};
use askama::Template;

use super::{
    ask, carry_out,
    form::Posted,
    id,
    notes::Note,
    page::{Errors, Frame, WEBHOOKS, see_other_with, show as show_page},
    text::{count, display_line, middle_cut},
    visitor::Visitor,
    webhook_form::{Meant, Typed, covers, differences, field_of, patterns_of},
    webhook_new::{confirm, known},
    webhook_sheet::{Conflict, Sheet},
};
use crate::{
    domain::{ProblemKind, WebhookId},
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
    page(&state, &visitor, StatusCode::OK, &view, &typed, Errors::default(), "").await
}

/// Saves, or shows the form again.
pub async fn submit(state: State, request: HttpRequest, visitor: Visitor, posted: Posted) -> Reply {
    let view = find(&state, &request, &visitor).await?;
    let webhook = &*view.webhook;
    let form = posted.of(&visitor.key);
    let mut typed = Typed::read(&form.fields);
    if !form.fresh {
        return page(&state, &visitor, StatusCode::FORBIDDEN, &view, &typed, Errors::expired(), "").await;
    }
    let button = form.fields.get("do");
    if typed.press(button, || state.service().generate_secret()) {
        return page(&state, &visitor, StatusCode::OK, &view, &typed, Errors::default(), button).await;
    }
    let (types, views) = known(&state, &visitor.actor).await?;
    let confirmed = match typed.mean(&types, &webhook.headers) {
        Ok(meant) => confirm(&state, &typed, meant, &views, Some(webhook.id)).await?,
        Err(errors) => Err(errors),
    };
    let meant = match confirmed {
        Ok(meant) => meant,
        Err(errors) => {
            return page(&state, &visitor, StatusCode::UNPROCESSABLE_ENTITY, &view, &typed, errors, "").await;
        }
    };
    let (service, actor, id, version) =
        (state.service().clone(), visitor.actor.clone(), webhook.id, typed.version.parse().unwrap_or(0));
    match carry_out(async move { service.change_webhook(&actor, id, change(meant), Some(version)).await }).await {
        Ok(_) => Ok(see_other_with(&format!("{WEBHOOKS}/{id}"), Note::WebhookSaved, visitor.secure)),
        Err(refusal) if refusal.problem.kind == ProblemKind::Invalid => {
            let errors = Errors::of(&refusal.problem, field_of);
            page(&state, &visitor, status(refusal.problem.kind), &view, &typed, errors, "").await
        }
        Err(refusal) if refusal.problem.kind == ProblemKind::PreconditionFailed => {
            let view = find(&state, &request, &visitor).await?;
            conflict(&state, &visitor, &view, &mut typed).await
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
        hub_signature: Some(meant.other_signatures.hub),
        timestamped_signature: Some(meant.other_signatures.timestamped),
        tls: meant.tls,
    }
}

/// Somebody else saved meanwhile: shows both versions beside each other.
async fn conflict(state: &State, visitor: &Visitor, view: &WebhookView, typed: &mut Typed) -> Reply {
    let webhook = &*view.webhook;
    typed.version = webhook.version.to_string();
    let who = if webhook.updated_by.is_empty() { "Hookstead" } else { webhook.updated_by.as_str() };
    let at = visitor.zone.clock(webhook.updated_at, visitor.now);
    let words = format!("{} changed this webhook at {at} while you were editing.", display_line(who));
    let (types, _) = known(state, &visitor.actor).await?;
    // Whole categories are patterns in the other version, so they are here too.
    let mut mine = typed.clone();
    mine.events.extend(mine.categories.iter().flat_map(|category| patterns_of(category, &types)));
    let whole: Vec<_> = mine.events.iter().filter(|event| event.ends_with('*')).cloned().collect();
    mine.events.retain(|event| event.ends_with('*') || !whole.iter().any(|pattern| covers(pattern, event)));
    let shown = |text: String| display_line(&text).into_owned();
    let differences = differences(&mine, &Typed::of(webhook));
    let differences =
        differences.into_iter().map(|(label, mine, theirs)| (label, shown(mine), shown(theirs))).collect();
    let errors = Errors { general: vec![words.clone()], ..Errors::default() };
    let (frame, mut sheet) = sheet(state, visitor, view, typed, errors, "").await?;
    sheet.conflict = Some(Conflict { words, differences });
    show_page(visitor, StatusCode::CONFLICT, &WebhookEditPage { frame, sheet })
}

async fn page(
    state: &State,
    visitor: &Visitor,
    status: StatusCode,
    view: &WebhookView,
    typed: &Typed,
    errors: Errors,
    button: &str,
) -> Reply {
    let (frame, sheet) = sheet(state, visitor, view, typed, errors, button).await?;
    show_page(visitor, status, &WebhookEditPage { frame, sheet })
}

async fn sheet(
    state: &State,
    visitor: &Visitor,
    view: &WebhookView,
    typed: &Typed,
    errors: Errors,
    button: &str,
) -> Result<(Frame, Sheet), Refusal> {
    let webhook = &*view.webhook;
    let (types, _) = known(state, &visitor.actor).await?;
    let since = webhook.secrets.first().map(|secret| visitor.zone.day(secret.since)).unwrap_or_default();
    let frame = Frame::new(visitor, WEBHOOKS, "Edit webhook")
        .under(&middle_cut(webhook.request_url.as_str(), 48), format!("{WEBHOOKS}/{}", webhook.id))
        .under("Edit", "")
        .with_errors(&errors);
    let mut sheet = Sheet::edit(typed, errors, button, &types, state.service().settings(), webhook, since);
    if view.state.waiting > 0 {
        let waiting = count(view.state.waiting, "delivery is", "deliveries are");
        sheet.waiting = format!("{waiting} waiting. If you change the Request URL, they are sent to the new one.");
    }
    Ok((frame, sheet))
}
