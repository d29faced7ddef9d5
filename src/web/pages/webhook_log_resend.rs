//! `/integration/webhook-logs/{id}/resend`: sends again; asks first when it had arrived.

use actix_web::{HttpRequest, http::StatusCode};
use askama::Template;

use super::{
    ask, carry_out,
    form::Posted,
    id,
    log_status::LogStatus,
    notes::Note,
    page::{Frame, WEBHOOK_LOGS, see_other_with, show as show_page},
    text::display_line,
    visitor::Visitor,
};
use crate::{
    domain::DeliveryId,
    web::{State, problem::Reply},
};

#[derive(Template)]
#[template(path = "webhook_log_resend.html")]
struct WebhookLogResendPage {
    frame: Frame,
    id: String,
    url: String,
    status: LogStatus,
}

/// Asks.
pub async fn show(state: State, request: HttpRequest, visitor: Visitor) -> Reply {
    let id = id::<DeliveryId>(&request, "log entry")?;
    let actor = visitor.actor.clone();
    let entry = ask(&state, move |service| service.log(&actor, id)).await?.entry;
    let schedule = &state.service().settings().retry_schedule;
    let url = entry.webhook.as_ref().map(|webhook| webhook.request_url.to_string()).unwrap_or_default();
    let page = WebhookLogResendPage {
        frame: Frame::new(&visitor, WEBHOOK_LOGS, "Resend now?")
            .under(&id.to_string(), format!("{WEBHOOK_LOGS}/{id}"))
            .under("Resend", ""),
        id: id.to_string(),
        url: display_line(&url).into_owned(),
        status: LogStatus::of(&entry, &visitor.zone, visitor.now, schedule),
    };
    show_page(&visitor, StatusCode::OK, &page)
}

/// Sends again, once for each form.
pub async fn submit(state: State, request: HttpRequest, visitor: Visitor, posted: Posted) -> Reply {
    let form = posted.of(&visitor.key);
    let mark = form.mark().to_owned();
    form.fresh()?;
    let id = id::<DeliveryId>(&request, "log entry")?;
    let (state, actor) = (state.clone(), visitor.actor);
    let address = carry_out(async move {
        let resend = async {
            state.service().resend(&actor, id).await?;
            Ok(format!("{WEBHOOK_LOGS}/{id}"))
        };
        state.desk().used_forms.once(&format!("{mark} {id}"), resend).await
    })
    .await?;
    Ok(see_other_with(&address, Note::Resent, visitor.secure))
}
