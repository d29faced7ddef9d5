//! `/integration/webhook/{id}/rotate`: a new Secret, with the old one along for a while.

use std::time::Duration;

use actix_web::{HttpRequest, http::StatusCode};
use askama::Template;

use super::{
    carry_out,
    field::TextField,
    form::Posted,
    id,
    notes::Note,
    page::{Errors, FieldError, Frame, WEBHOOKS, see_other_with, show as show_page},
    text::middle_cut,
    visitor::Visitor,
    webhook_edit::find,
};
use crate::{
    domain::{Secret, WebhookId},
    service::WebhookView,
    web::{State, problem::Reply},
};

/// How long the old Secret may sign along: hours, words.
const OVERLAPS: [(u64, &str); 4] = [(0, "Not at all"), (1, "For 1 hour"), (24, "For 24 hours"), (168, "For 7 days")];

#[derive(Template)]
#[template(path = "webhook_rotate.html")]
struct WebhookRotatePage {
    frame: Frame,
    id: String,
    errors: Errors,
    secret: TextField,
    overlaps: Vec<Overlap>,
}

struct Overlap {
    hours: u64,
    words: &'static str,
    is_chosen: bool,
}

/// Asks.
pub async fn show(state: State, request: HttpRequest, visitor: Visitor) -> Reply {
    let view = find(&state, &request, &visitor).await?;
    page(&visitor, StatusCode::OK, &view, "", 24, Errors::default())
}

/// Rotates.
pub async fn submit(state: State, request: HttpRequest, visitor: Visitor, posted: Posted) -> Reply {
    let view = find(&state, &request, &visitor).await?;
    let form = posted.of(&visitor.key);
    let typed = form.fields.get("secret").to_owned();
    let hours = form.fields.get("overlap_hours").parse().ok();
    let hours = hours.filter(|hours| OVERLAPS.iter().any(|(known, _)| known == hours)).unwrap_or(24);
    if !form.fresh {
        return page(&visitor, StatusCode::FORBIDDEN, &view, &typed, hours, Errors::expired());
    }
    let secret = match typed.is_empty() {
        true => None,
        false => match Secret::parse(&typed) {
            Ok(secret) => Some(secret),
            Err(fault) => {
                let of_fields = vec![FieldError { field: "secret".to_owned(), message: fault.message }];
                let errors = Errors { general: Vec::new(), of_fields };
                return page(&visitor, StatusCode::UNPROCESSABLE_ENTITY, &view, &typed, hours, errors);
            }
        },
    };
    let (id, mark) = (view.webhook.id, form.mark().to_owned());
    let (state, actor, token) = (state.clone(), visitor.actor, visitor.token);
    let address = carry_out(async move {
        let rotate = async {
            let overlap = Duration::from_secs(hours * 3_600);
            let view = state.service().rotate_secret(&actor, id, secret, overlap).await?;
            state.desk().shown_once.keep(&token, &id.to_string(), view.webhook.secret().as_str());
            Ok(format!("{WEBHOOKS}/{id}"))
        };
        // A second click would push the first new Secret into the place of the old one.
        state.desk().used_forms.once(&mark, rotate).await
    })
    .await?;
    Ok(see_other_with(&address, Note::SecretRotated, visitor.secure))
}

/// `POST /integration/webhook/{id}/end-old-secrets`: ends the overlap.
pub async fn end_old(state: State, request: HttpRequest, visitor: Visitor, posted: Posted) -> Reply {
    posted.of(&visitor.key).fresh()?;
    let id = id::<WebhookId>(&request, "webhook")?;
    let (service, actor) = (state.service().clone(), visitor.actor);
    carry_out(async move { service.end_old_secrets(&actor, id).await }).await?;
    Ok(see_other_with(&format!("{WEBHOOKS}/{id}"), Note::OldSecretsEnded, visitor.secure))
}

fn page(visitor: &Visitor, status: StatusCode, view: &WebhookView, typed: &str, hours: u64, errors: Errors) -> Reply {
    let webhook = &view.webhook;
    let page = WebhookRotatePage {
        frame: Frame::new(visitor, WEBHOOKS, "Rotate secret")
            .under(&middle_cut(webhook.request_url.as_str(), 48), format!("{WEBHOOKS}/{}", webhook.id))
            .under("Rotate secret", "")
            .with_errors(&errors),
        id: webhook.id.to_string(),
        secret: TextField {
            kind: "password",
            autocomplete: "new-password",
            hint: "Leave empty to have one made.",
            fault: errors.at("secret"),
            optional: true,
            mono: true,
            ..TextField::new("secret", "New Secret", typed)
        },
        overlaps: OVERLAPS
            .iter()
            .map(|&(known, words)| Overlap { hours: known, words, is_chosen: known == hours })
            .collect(),
        errors,
    };
    show_page(visitor, status, &page)
}
