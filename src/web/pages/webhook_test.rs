//! `POST /integration/webhook/{id}/test`: sends a test event and leads to its result.

use actix_web::HttpRequest;

use super::{
    carry_out,
    form::Posted,
    id,
    page::{WEBHOOKS, see_other},
    visitor::Visitor,
};
use crate::{
    domain::WebhookId,
    service::TestEvent,
    web::{State, problem::Reply},
};

/// Sends the test and waits for the answer, at most the webhook's timeout.
pub async fn submit(state: State, request: HttpRequest, visitor: Visitor, posted: Posted) -> Reply {
    posted.of(&visitor.key).fresh()?;
    let id = id::<WebhookId>(&request, "webhook")?;
    let (service, actor) = (state.service().clone(), visitor.actor);
    let test = carry_out(async move { service.test_webhook(&actor, id, TestEvent::default()).await }).await?;
    Ok(see_other(&format!("{WEBHOOKS}/{id}?test={}#test", test.delivery)))
}
