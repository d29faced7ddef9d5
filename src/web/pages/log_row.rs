//! A row of Webhook Logs, on its list and on the page of a webhook.

use std::sync::Arc;

use super::{
    log_status::LogStatus,
    parts::{Moment, Name},
    text::{middle_cut, size},
    visitor::Visitor,
};
use crate::{
    domain::{EventType, EventTypeInfo, Webhook},
    service::{LogEntry, Settings},
};

/// A row of Webhook Logs.
pub struct LogRow {
    /// Log ID.
    pub id: String,
    /// The event type's name on pages.
    pub label: Name,
    /// The event type's name in the API.
    pub event_type: String,
    /// When it happened.
    pub at: Moment,
    /// Where it stands.
    pub status: LogStatus,
    /// What the webhook is called.
    pub webhook: Name,
    /// The webhook's id.
    pub webhook_id: String,
    /// Whether the webhook has a page.
    pub has_webhook: bool,
    /// Size of the body.
    pub size: String,
    /// Whether it is a test.
    pub is_test: bool,
}

impl LogRow {
    /// The row of `entry`.
    pub fn of(entry: &LogEntry, visitor: &Visitor, settings: &Settings, types: &[Arc<EventTypeInfo>]) -> LogRow {
        // The payload, what stands before it, and the closing bracket.
        let (start, bytes) = entry.event.payload_at;
        LogRow {
            id: entry.delivery.id.to_string(),
            label: Name::new(&label(&entry.event.event_type, types)),
            event_type: entry.event.event_type.to_string(),
            at: visitor.zone.seconds(entry.event.timestamp),
            status: LogStatus::of(entry, &visitor.zone, visitor.now, &settings.retry_schedule),
            webhook: Name::new(&entry.webhook.as_deref().map_or_else(|| "deleted".to_owned(), webhook_name)),
            webhook_id: entry.delivery.webhook.to_string(),
            has_webhook: entry.webhook.as_ref().is_some_and(|webhook| webhook.deleted_at.is_none()),
            size: match entry.event.payload_deleted {
                Some(_) => "deleted".to_owned(),
                None => size(start as usize + bytes as usize + 1),
            },
            is_test: entry.event.test,
        }
    }
}

/// What a list calls a webhook: its description, or its URL without the scheme.
pub fn webhook_name(webhook: &Webhook) -> String {
    let name = match webhook.description.as_str() {
        "" => webhook.request_url.as_str().split_once("://").map_or("", |(_, rest)| rest),
        description => description,
    };
    let name = middle_cut(name.trim_end_matches('/'), 32);
    if webhook.deleted_at.is_some() { format!("{name} (deleted)") } else { name }
}

/// What pages call an event type.
pub fn label(event_type: &EventType, types: &[Arc<EventTypeInfo>]) -> String {
    if *event_type == EventType::test() {
        return "Test event".to_owned();
    }
    let known = types.iter().find(|info| info.name == *event_type);
    known.map_or_else(|| event_type.to_string(), |info| info.label.clone())
}
