//! `POST /integration/webhook-logs/resend-selected`: sends the ticked entries again. It asks first if
//! some of them had arrived.

use actix_web::http::StatusCode;
use askama::Template;
use sha2::{Digest, Sha256};

use super::{
    ask, carry_out,
    form::Posted,
    log_query::list_address,
    log_row::LogRow,
    notes::Note,
    page::{Frame, WEBHOOK_LOGS, see_other_with, show as show_page},
    text::count,
    visitor::Visitor,
};
use crate::{
    domain::{DeliveryId, Status},
    service::LogEntry,
    web::{State, problem::Reply},
};

/// Most entries at once: a page holds at most 100, one that is live at most 200.
const MOST: usize = 200;

#[derive(Template)]
#[template(path = "webhook_logs_resend.html")]
struct WebhookLogsResendPage {
    frame: Frame,
    rows: Vec<LogRow>,
    arrived: String,
    button: String,
    back: String,
    back_address: String,
}

/// Sends them again, once for each form and choice.
pub async fn submit(state: State, visitor: Visitor, posted: Posted) -> Reply {
    let form = posted.of(&visitor.key);
    let mark = form.mark().to_owned();
    let fields = form.fresh()?;
    let ids: Vec<DeliveryId> = fields.all("id").filter_map(|id| id.parse().ok()).take(MOST).collect();
    let back = fields.get("back").to_owned();
    let back_address = list_address(&back);
    if ids.is_empty() {
        return Ok(see_other_with(&back_address, Note::NothingSelected, visitor.secure));
    }
    let (actor, wanted) = (visitor.actor.clone(), ids.clone());
    let (entries, types) =
        ask(&state, move |service| Ok((service.logs_by_id(&actor, &wanted)?, service.event_types(&actor)?))).await?;
    let arrived = entries.iter().filter(|entry| entry.delivery.status == Status::Success).count();
    if arrived > 0 && !fields.ticked("confirmed") {
        let row = |entry: &LogEntry| LogRow::of(entry, &visitor, state.service().settings(), &types);
        let button = format!("Resend {}", count(entries.len() as u64, "entry", "entries"));
        let page = WebhookLogsResendPage {
            frame: Frame::new(&visitor, WEBHOOK_LOGS, format!("{button}?")).under("Resend", ""),
            rows: entries.iter().map(row).collect(),
            arrived: count(arrived as u64, "of them was delivered already", "of them were delivered already"),
            button,
            back,
            back_address,
        };
        return show_page(&visitor, StatusCode::OK, &page);
    }
    let chosen: Vec<String> = ids.iter().map(ToString::to_string).collect();
    let use_of_form = format!("{mark} {:x?}", Sha256::digest(chosen.join(" ")));
    let (state, actor, secure, number) = (state.clone(), visitor.actor, visitor.secure, ids.len());
    let note = carry_out(async move {
        let resend = async {
            let queued = state.service().resend_each(&actor, ids).await?;
            let note = match queued {
                0 => Note::NoneResent,
                all if all == number => Note::SelectedResent,
                _ => Note::SomeResent,
            };
            Ok(note.code().to_owned())
        };
        state.desk().used_forms.once(&use_of_form, resend).await
    })
    .await?;
    let note = Note::from_code(&note).unwrap_or(Note::SelectedResent);
    Ok(see_other_with(&back_address, note, secure))
}
