//! `/integration/webhook/{id}/test`: chooses a test event, sends it, and shows what came of it.

use std::sync::Arc;

use actix_web::{HttpRequest, http::StatusCode};
use askama::Template;
use serde_json::value::RawValue;

use super::{
    ask, carry_out,
    form::Posted,
    id,
    page::{Errors, FieldError, Frame, WEBHOOKS, see_other, show as show_page},
    test_result::{self, TestResult},
    text::{display_line, middle_cut},
    visitor::Visitor,
    webhook_edit::find,
};
use crate::{
    domain::{DeliveryId, EventType, EventTypeInfo, Selection, WebhookId},
    service::TestEvent,
    web::{
        State,
        problem::{Reply, status},
        query::Query,
    },
};

#[derive(Template)]
#[template(path = "webhook_test.html")]
struct WebhookTestPage {
    frame: Frame,
    id: String,
    url: String,
    errors: Errors,
    result: Option<TestResult>,
    choices: Vec<Choice>,
    chosen: String,
    body: String,
    body_fault: String,
    is_off: bool,
}

struct Choice {
    name: String,
    label: String,
    is_chosen: bool,
}

/// What the form shows besides the webhook.
#[derive(Default)]
struct Shown {
    event_type: String,
    /// `None` for the example of the type.
    body: Option<String>,
    errors: Errors,
    test: Option<DeliveryId>,
}

/// Shows the form; with `type`, filled in with the example of that type.
pub async fn show(state: State, request: HttpRequest, visitor: Visitor) -> Reply {
    let mut query = Query::parse(request.query_string());
    let event_type = query.take("type").unwrap_or_default();
    let test = query.take("test").and_then(|id| id.parse().ok());
    page(&state, &request, &visitor, StatusCode::OK, Shown { event_type, test, ..Shown::default() }).await
}

/// Sends the test and waits for the answer, at most the webhook's timeout. Asked for without a
/// type, it sends the plain test event and leads to the webhook.
pub async fn submit(state: State, request: HttpRequest, visitor: Visitor, posted: Posted) -> Reply {
    let form = posted.of(&visitor.key);
    let typed = form.fields.get("type").to_owned();
    let body = form.fields.get("body").replace("\r\n", "\n");
    if !form.fresh {
        let shown = Shown { event_type: typed, body: Some(body), errors: Errors::expired(), test: None };
        return page(&state, &request, &visitor, StatusCode::FORBIDDEN, shown).await;
    }
    let id = id::<WebhookId>(&request, "webhook")?;
    let test = match read(&typed, &body) {
        Ok(test) => test,
        Err(errors) => {
            let shown = Shown { event_type: typed, body: Some(body), errors, test: None };
            return page(&state, &request, &visitor, StatusCode::UNPROCESSABLE_ENTITY, shown).await;
        }
    };
    let (service, actor) = (state.service().clone(), visitor.actor.clone());
    match carry_out(async move { service.test_webhook(&actor, id, test).await }).await {
        Ok(test) if typed.is_empty() => Ok(see_other(&format!("{WEBHOOKS}/{id}?test={}#test", test.delivery))),
        Ok(test) => Ok(see_other(&format!("{WEBHOOKS}/{id}/test?type={typed}&test={}#test", test.delivery))),
        Err(refusal) if typed.is_empty() || refusal.problem.code == "not_found" => Err(refusal),
        Err(refusal) => {
            let field = |pointer: &str| (pointer == "/type").then(|| "type".to_owned());
            let errors = Errors::of(&refusal.problem, field);
            let shown = Shown { event_type: typed, body: Some(body), errors, test: None };
            page(&state, &request, &visitor, status(refusal.problem.kind), shown).await
        }
    }
}

fn read(event_type: &str, body: &str) -> Result<TestEvent, Errors> {
    if event_type.is_empty() {
        return Ok(TestEvent::default());
    }
    let fault = |field: &str, message: String| {
        let of_fields = vec![FieldError { field: field.to_owned(), message }];
        Errors { general: Vec::new(), of_fields }
    };
    let event_type = EventType::parse(event_type).map_err(|error| fault("type", error.message))?;
    let payload = RawValue::from_string(body.trim().to_owned()).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        fault("body", format!("The body is not JSON: look at line {line}, character {column}."))
    })?;
    Ok(TestEvent { event_type: Some(event_type), payload: Some(payload) })
}

async fn page(state: &State, request: &HttpRequest, visitor: &Visitor, code: StatusCode, shown: Shown) -> Reply {
    let view = find(state, request, visitor).await?;
    let (actor, id, test) = (visitor.actor.clone(), view.webhook.id, shown.test);
    let (types, result) =
        ask(state, move |service| Ok((service.event_types(&actor)?, test_result::find(service, &actor, id, test))))
            .await?;
    let webhook = &view.webhook;
    let chosen = if shown.event_type.is_empty() { EventType::TEST.to_owned() } else { shown.event_type };
    let example = types.iter().find(|info| info.name.as_str() == chosen).and_then(|info| info.example.clone());
    let page = WebhookTestPage {
        frame: Frame::new(visitor, WEBHOOKS, "Send test event")
            .under(&middle_cut(webhook.request_url.as_str(), 48), format!("{WEBHOOKS}/{id}"))
            .under("Send test event", "")
            .with_errors(&shown.errors),
        id: id.to_string(),
        url: display_line(webhook.request_url.as_str()).into_owned(),
        result,
        choices: choices(&webhook.selection, &types, &chosen),
        chosen: display_line(&chosen).into_owned(),
        body: shown.body.or(example).unwrap_or_else(|| TestEvent::MESSAGE.to_owned()),
        body_fault: shown.errors.at("body"),
        is_off: !webhook.is_on(),
        errors: shown.errors,
    };
    show_page(visitor, code, &page)
}

/// The plain test event, and every type that the webhook selected.
fn choices(selection: &Selection, types: &[Arc<EventTypeInfo>], chosen: &str) -> Vec<Choice> {
    let choice = |name: &str, label: &str| Choice {
        name: name.to_owned(),
        label: format!("{} ({name})", display_line(label)),
        is_chosen: name == chosen,
    };
    let selected = types.iter().filter(|info| !info.retired && selection.matches(&info.name));
    let selected = selected.map(|info| choice(info.name.as_str(), &info.label));
    std::iter::once(choice(EventType::TEST, "Test event")).chain(selected).collect()
}
