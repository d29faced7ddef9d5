//! `/integration/events/{id}`: one event, and what became of it for every webhook.

use actix_web::{HttpRequest, http::StatusCode};
use askama::Template;

use super::{
    ask, id,
    log_row::{LogRow, label},
    page::{Frame, WEBHOOK_LOGS, show as show_page},
    parts::{CopyValue, Moment, Name},
    text::{display_line, size},
    visitor::Visitor,
};
use crate::{
    domain::EventId,
    service::EventDetail,
    web::{State, problem::Reply},
};

#[derive(Template)]
#[template(path = "event.html")]
struct EventPage {
    frame: Frame,
    event_id: CopyValue,
    label: Name,
    event_type: String,
    external_id: Option<Name>,
    ordering_key: Option<Name>,
    timestamp: Moment,
    received_at: Moment,
    payload: String,
    head: String,
    rows: Vec<LogRow>,
    not_sent: Vec<NotSentShown>,
}

struct NotSentShown {
    id: String,
    url: String,
    why: &'static str,
}

/// Shows it.
pub async fn show(state: State, request: HttpRequest, visitor: Visitor) -> Reply {
    let id = id::<EventId>(&request, "event")?;
    let actor = visitor.actor.clone();
    let (detail, types) =
        ask(&state, move |service| Ok((service.event(&actor, id)?, service.event_types(&actor)?))).await?;
    let EventDetail { event, entries, not_sent } = &detail;
    let settings = state.service().settings();
    let payload = match &event.payload_deleted {
        Some(deleted) => {
            format!("deleted on {} by {}", visitor.zone.seconds(deleted.at).text, display_line(&deleted.by))
        }
        None => size(event.payload_at.1 as usize),
    };
    let page = EventPage {
        frame: Frame::new(&visitor, WEBHOOK_LOGS, id.to_string()).under("Event", ""),
        event_id: CopyValue { id: "event-id", label: "Event ID", value: id.to_string() },
        label: Name::new(&label(&event.event_type, &types)),
        event_type: event.event_type.to_string(),
        external_id: event.external_id.as_ref().map(|id| Name::new(id.as_str())),
        ordering_key: event.ordering_key.as_ref().map(|key| Name::new(key.as_str())),
        timestamp: visitor.zone.millis(event.timestamp),
        received_at: visitor.zone.millis(event.received_at),
        payload,
        head: visitor.zone.head(visitor.now),
        rows: entries.iter().map(|entry| LogRow::of(entry, &visitor, settings, &types)).collect(),
        not_sent: not_sent
            .iter()
            .map(|one| NotSentShown {
                id: one.webhook.to_string(),
                url: display_line(one.request_url.as_str()).into_owned(),
                why: one.reason.words(),
            })
            .collect(),
    };
    show_page(&visitor, StatusCode::OK, &page)
}
