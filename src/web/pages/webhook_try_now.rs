//! `POST /integration/webhook/{id}/try-now`: tries everything that waits for a webhook now.

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

/// Begins, and leads back to the webhook.
pub async fn submit(state: State, request: HttpRequest, visitor: Visitor, posted: Posted) -> Reply {
    let form = posted.of(&visitor.key);
    let mark = form.mark().to_owned();
    form.fresh()?;
    let id = id::<WebhookId>(&request, "webhook")?;
    let (state, actor) = (state.clone(), visitor.actor);
    let address = carry_out(async move {
        let begin = async {
            state.service().try_waiting_now(&actor, id).await?;
            Ok(format!("{WEBHOOKS}/{id}"))
        };
        state.desk().used_forms.once(&mark, begin).await
    })
    .await?;
    Ok(see_other_with(&address, Note::TryingNow, visitor.secure))
}
