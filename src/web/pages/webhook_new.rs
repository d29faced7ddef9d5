//! `/integration/webhook/new`: the form that makes a webhook.

use std::sync::Arc;

use actix_web::{HttpRequest, http::StatusCode};
use askama::Template;

use super::{
    ask, carry_out,
    form::Posted,
    notes::Note,
    page::{Errors, FieldError, Frame, WEBHOOKS, see_other_with, show as show_page},
    text::display_line,
    visitor::Visitor,
    webhook_form::{Meant, Typed, field_of},
    webhook_sheet::Sheet,
};
use crate::{
    domain::{Actor, AddressRule, CustomHeaders, EventTypeInfo, Problem, ProblemKind, WebhookId},
    service::{Service, TestEvent, WebhookInput, WebhookView},
    web::{
        State,
        problem::{Refusal, Reply, status},
        query::Query,
    },
};

#[derive(Template)]
#[template(path = "webhook_new.html")]
struct WebhookNewPage {
    frame: Frame,
    sheet: Sheet,
}

/// Shows the empty form; with `from`, one filled in like another webhook; with `url`, one that has
/// its Request URL.
pub async fn show(state: State, request: HttpRequest, visitor: Visitor) -> Reply {
    let mut query = Query::parse(request.query_string());
    let typed = match query.take("from").and_then(|id| id.parse::<WebhookId>().ok()) {
        Some(id) => {
            let actor = visitor.actor.clone();
            let original = ask(&state, move |service| service.webhook(&actor, id)).await?;
            Typed::copy_of(&original.webhook)
        }
        None => Typed { request_url: query.take("url").unwrap_or_default(), ..Typed::empty() },
    };
    page(&state, &visitor, StatusCode::OK, &typed, Errors::default(), "").await
}

/// Makes the webhook, or shows the form again.
pub async fn submit(state: State, visitor: Visitor, posted: Posted) -> Reply {
    let form = posted.of(&visitor.key);
    let mut typed = Typed::read(&form.fields);
    if !form.fresh {
        return page(&state, &visitor, StatusCode::FORBIDDEN, &typed, Errors::expired(), "").await;
    }
    let button = form.fields.get("do");
    if typed.press(button, || state.service().generate_secret()) {
        return page(&state, &visitor, StatusCode::OK, &typed, Errors::default(), button).await;
    }
    let (desk, actor, token) = (state.clone(), visitor.actor.clone(), visitor.token.clone());
    let (mark, sent) = (form.mark().to_owned(), typed.clone());
    let made = carry_out(async move {
        // Reading the form is part of what happens once: the second of two clicks would otherwise
        // find that another webhook has this URL already.
        match desk.desk().used_forms.once(&mark, create(&desk, &actor, &token, &sent)).await {
            Ok(address) => Ok(Ok(address)),
            Err(Rejected::Form(errors)) => Ok(Err(errors)),
            Err(Rejected::Refused(problem)) => Err(problem),
        }
    });
    match made.await {
        Ok(Ok(address)) => Ok(see_other_with(&address, Note::WebhookCreated, visitor.secure)),
        Ok(Err(errors)) => page(&state, &visitor, StatusCode::UNPROCESSABLE_ENTITY, &typed, errors, "").await,
        Err(refusal) if refusal.problem.kind == ProblemKind::Invalid || refusal.problem.code == "limit_reached" => {
            let errors = Errors::of(&refusal.problem, field_of);
            page(&state, &visitor, status(refusal.problem.kind), &typed, errors, "").await
        }
        Err(refusal) => Err(refusal),
    }
}

/// Why no webhook was made.
enum Rejected {
    /// The form must be corrected.
    Form(Errors),
    /// The service refused.
    Refused(Problem),
}

impl From<Errors> for Rejected {
    fn from(errors: Errors) -> Self {
        Rejected::Form(errors)
    }
}

impl From<Problem> for Rejected {
    fn from(problem: Problem) -> Self {
        Rejected::Refused(problem)
    }
}

/// Makes the webhook, lays its secret ready for the next page, and sends the test. Answers with
/// the address of that page.
async fn create(state: &State, actor: &Actor, token: &str, typed: &Typed) -> Result<String, Rejected> {
    let service: &Arc<Service> = state.service();
    let (types, views) = known(state, actor).await.map_err(|refusal| refusal.problem)?;
    // The hidden values of a copy come from its original, which the browser never saw.
    let original = views.iter().find(|view| view.webhook.id.to_string() == typed.copy_of);
    let kept = original.map_or_else(CustomHeaders::default, |view| view.webhook.headers.clone());
    let meant = typed.mean(&types, &kept)?;
    let meant = confirm(state, typed, meant, &views, None).await.map_err(|refusal| refusal.problem)??;
    let input = WebhookInput {
        account: None,
        request_url: meant.request_url,
        selection: meant.selection,
        secret: meant.secret,
        headers: meant.headers,
        description: meant.description,
        enabled: true,
        timeout_ms: meant.timeout_ms,
        max_in_flight: meant.max_in_flight,
        rate_per_second: meant.rate_per_second,
        retry_schedule: meant.retry_schedule,
        ordered: meant.ordered,
        other_signatures: meant.other_signatures,
        tls: meant.tls.apply(&original.map(|view| view.webhook.tls.clone()).unwrap_or_default()),
    };
    let view = service.create_webhook(actor, input).await?;
    let id = view.webhook.id;
    state.desk().shown_once.keep(token, &id.to_string(), view.webhook.secret().as_str());
    let address = format!("{WEBHOOKS}/{id}");
    if !typed.send_test {
        return Ok(address);
    }
    // The webhook is made, whatever becomes of the test; its page has a button for another.
    let test = service.test_webhook(actor, id, TestEvent::default()).await;
    Ok(test.map_or(address.clone(), |test| format!("{address}?test={}", test.delivery)))
}

/// The catalogue and the webhooks, to read a form by.
pub async fn known(state: &State, actor: &Actor) -> Result<(Vec<Arc<EventTypeInfo>>, Vec<WebhookView>), Refusal> {
    let actor = actor.clone();
    ask(state, move |service| Ok((service.event_types(&actor)?, service.webhooks(&actor, None)?))).await
}

/// Asks to confirm what is allowed but seldom meant: plain http to a public address, a URL that
/// another webhook has, and a name that nobody knows. Each is asked about once; what stays as it was
/// is not asked about again.
///
/// # Errors
/// The question, beside the field.
pub async fn confirm(
    state: &State,
    typed: &Typed,
    meant: Meant,
    views: &[WebhookView],
    own: Option<WebhookId>,
) -> Result<Result<Meant, Errors>, Refusal> {
    let ask_about = |message: String| {
        let of_fields = vec![FieldError { field: "request_url".to_owned(), message }];
        Ok(Err(Errors { general: Vec::new(), of_fields }))
    };
    let settings = state.service().settings();
    let is_public = meant.request_url.check(&AddressRule::strict()).is_ok();
    if !meant.request_url.is_https() && is_public && !settings.require_https && !typed.allow_http {
        let message = "http sends customer data unencrypted. Use https, or tick “Send unencrypted anyway”.";
        return ask_about(message.to_owned());
    }
    let present = views.iter().map(|view| &view.webhook).find(|webhook| Some(webhook.id) == own);
    if present.is_some_and(|webhook| webhook.request_url == meant.request_url) {
        return Ok(Ok(meant));
    }
    let same = views.iter().map(|view| &view.webhook).find(|webhook| webhook.request_url == meant.request_url);
    if let Some(other) = same.filter(|_| !typed.allow_same_url) {
        let name = if other.description.is_empty() { other.id.to_string() } else { other.description.clone() };
        let name = display_line(&name).into_owned();
        return ask_about(format!("Another webhook already uses this Request URL (“{name}”)."));
    }
    // What may not be sent to anyway is not looked up: the answer would tell which internal names exist.
    if !typed.allow_unknown_host && state.service().check_target(&meant.request_url).is_empty() {
        let url = meant.request_url.clone();
        if !ask(state, move |service| Ok(service.knows_host(&url))).await? {
            return ask_about(format!("{} was not found. Check the spelling.", meant.request_url.host()));
        }
    }
    Ok(Ok(meant))
}

async fn page(
    state: &State,
    visitor: &Visitor,
    status: StatusCode,
    typed: &Typed,
    errors: Errors,
    button: &str,
) -> Reply {
    let (types, _) = known(state, &visitor.actor).await?;
    let frame = Frame::new(visitor, WEBHOOKS, "Add webhook").under("Add", "").with_errors(&errors);
    let sheet = Sheet::new(typed, errors, button, &types, state.service().settings());
    show_page(visitor, status, &WebhookNewPage { frame, sheet })
}
