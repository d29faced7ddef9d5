//! A row of the list of Webhook Logs: the row that every list has, and the links "filter by this".

use std::sync::Arc;

use super::{
    log_query::{address, limited, with},
    log_row::LogRow,
    page::WEBHOOK_LOGS,
    visitor::Visitor,
};
use crate::{
    domain::{Cursor, EventTypeInfo, LogFilter},
    service::{LogEntry, Settings},
    web::cursor,
};

/// A row of the list.
pub struct LogListRow {
    /// What every list shows.
    pub row: LogRow,
    /// The address of its page, from which the list's filter goes on.
    pub address: String,
    /// The query string with its event type.
    pub by_event: String,
    /// With its status.
    pub by_status: String,
    /// With its last response or its cause; empty if there was no attempt.
    pub by_result: String,
    /// With its webhook.
    pub by_webhook: String,
    /// The cursor to what is older.
    pub older: String,
}

/// What the rows of one list have in common.
pub struct RowMaker<'a> {
    /// Who looks.
    pub visitor: &'a Visitor,
    /// Limits and defaults.
    pub settings: &'a Settings,
    /// The catalogue.
    pub types: &'a [Arc<EventTypeInfo>],
    /// The list's filter.
    pub filter: &'a LogFilter,
    /// Rows of a page.
    pub limit: usize,
}

impl RowMaker<'_> {
    /// The row of `entry`.
    pub fn row(&self, entry: &LogEntry) -> LogListRow {
        let row = LogRow::of(entry, self.visitor, self.settings, self.types);
        let last = entry.delivery.last.as_ref();
        let by_result = match last.map(|last| (last.http_status, last.cause)) {
            Some((Some(status), _)) => with(self.filter, "http_status", &status.to_string()),
            Some((None, Some(cause))) => with(self.filter, "cause", cause.code()),
            _ => String::new(),
        };
        LogListRow {
            address: address(&format!("{WEBHOOK_LOGS}/{}", row.id), &limited(self.filter, self.limit)),
            by_event: with(self.filter, "event_type", &row.event_type),
            by_status: with(self.filter, "status", entry.delivery.status.code()),
            by_result,
            by_webhook: with(self.filter, "webhook_id", &row.webhook_id),
            older: cursor::encode(Cursor::OlderThan(entry.delivery.id)),
            row,
        }
    }
}
