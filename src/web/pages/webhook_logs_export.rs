//! `/integration/webhook-logs/export.csv`: the rows of a filter as a file for a spreadsheet, without
//! payloads. It is read and sent part by part, so its length costs no memory.

use std::{
    collections::VecDeque,
    future::Future,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use actix_web::{
    HttpRequest, HttpResponse,
    body::{BodySize, MessageBody},
    http::header,
    web::Bytes,
};

use super::{ask, log_query::Asked, log_row::webhook_name, visitor::Visitor, zone::Zone};
use crate::{
    domain::{Actor, DeliveryId, LogCursor, LogFilter, Page},
    service::LogEntry,
    web::{
        State,
        problem::{Refusal, Reply},
    },
};

/// Rows read at once.
const ROWS: usize = 200;

type Part = Page<LogEntry, DeliveryId>;
type Reading = Pin<Box<dyn Future<Output = Result<Part, Refusal>>>>;

/// The file as it is being made.
struct Csv {
    state: State,
    actor: Actor,
    filter: LogFilter,
    zone: Zone,
    ready: VecDeque<Bytes>,
    reading: Option<Reading>,
}

/// Sends the file. If the log cannot be read on, the answer breaks off, so that nobody takes a part
/// for the whole.
pub async fn download(state: State, request: HttpRequest, visitor: Visitor) -> Reply {
    let filter = Asked::read(request.query_string(), &visitor)?.query.filter;
    let head = visitor.zone.head(visitor.now);
    let name = format!("webhook-logs-{}.csv", visitor.zone.day(visitor.now));
    // The first part is read before anything is sent: a refusal can still be said.
    let first = part(&state, &visitor.actor, &filter, None).await?;
    let mut csv =
        Csv { state, actor: visitor.actor, filter, zone: visitor.zone, ready: VecDeque::new(), reading: None };
    csv.ready.push_back(header_line(&head).into());
    csv.take(first);
    Ok(HttpResponse::Ok()
        .content_type("text/csv; charset=utf-8")
        .insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")))
        .body(csv))
}

fn part(
    state: &State,
    actor: &Actor,
    filter: &LogFilter,
    cursor: Option<LogCursor>,
) -> impl Future<Output = Result<Part, Refusal>> + 'static {
    let (state, actor, filter) = (state.clone(), actor.clone(), filter.clone());
    async move { ask(&state, move |service| service.logs(&actor, filter, cursor, ROWS)).await }
}

impl Csv {
    /// Takes what was read, and begins to read on.
    fn take(&mut self, page: Part) {
        let lines: String = page.items.iter().map(|entry| line(entry, &self.zone)).collect();
        if !lines.is_empty() {
            self.ready.push_back(lines.into());
        }
        self.reading =
            page.older.map(|older| -> Reading { Box::pin(part(&self.state, &self.actor, &self.filter, Some(older))) });
    }
}

impl MessageBody for Csv {
    type Error = io::Error;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        loop {
            if let Some(bytes) = self.ready.pop_front() {
                return Poll::Ready(Some(Ok(bytes)));
            }
            let Some(reading) = &mut self.reading else { return Poll::Ready(None) };
            let read = ready!(reading.as_mut().poll(context));
            self.reading = None;
            match read {
                Ok(page) => self.take(page),
                Err(refusal) => return Poll::Ready(Some(Err(io::Error::other(refusal.problem.code)))),
            }
        }
    }
}

fn header_line(zone: &str) -> String {
    let heads = [
        "Log ID",
        "Event",
        &format!("Timestamp ({zone})"),
        "Status",
        "Reason",
        "Webhook",
        "Webhook ID",
        "Request URL",
        "Event ID",
        "External ID",
        "Attempts",
        "Last response",
        "Last cause",
        "Last duration (ms)",
        "Test",
    ]
    .map(cell);
    // Spreadsheets take a file without this mark for another alphabet's.
    format!("\u{FEFF}{}\r\n", heads.join(","))
}

fn line(entry: &LogEntry, zone: &Zone) -> String {
    let (delivery, event, last) = (&entry.delivery, &entry.event, entry.delivery.last.as_ref());
    let webhook = entry.webhook.as_deref();
    let text = |value: Option<String>| value.unwrap_or_default();
    let cells = [
        delivery.id.to_string(),
        event.event_type.to_string(),
        zone.millis(event.timestamp).text,
        delivery.status.word().to_owned(),
        entry.reason().to_owned(),
        text(webhook.map(webhook_name)),
        delivery.webhook.to_string(),
        text(webhook.map(|webhook| webhook.request_url.to_string())),
        event.id.to_string(),
        text(event.external_id.as_ref().map(ToString::to_string)),
        delivery.attempts.to_string(),
        text(last.and_then(|last| last.http_status).map(|status| status.to_string())),
        text(last.and_then(|last| last.cause).map(|cause| cause.code().to_owned())),
        text(last.map(|last| last.duration_ms.to_string())),
        if event.test { "yes" } else { "no" }.to_owned(),
    ];
    cells.map(|value| cell(&value)).join(",") + "\r\n"
}

/// A cell as RFC 4180 has it. What a spreadsheet would take for a formula gets an apostrophe in
/// front, which makes it text.
fn cell(value: &str) -> String {
    let is_formula = value.trim_start().starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠'])
        || value.starts_with(['\t', '\r', '\n']);
    let guard = if is_formula { "'" } else { "" };
    match is_formula || value.contains([',', '"', '\r', '\n', ';']) {
        true => format!("\"{guard}{}\"", value.replace('"', "\"\"")),
        false => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula_or_two_cells() {
        for (value, shown) in [
            ("plain", "plain"),
            ("", ""),
            ("=1+1", "\"'=1+1\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("-2", "\"'-2\""),
            (" +49", "\"' +49\""),
            ("\t=1", "\"'\t=1\""),
            ("a,b", "\"a,b\""),
            ("say \"hi\"\r\n", "\"say \"\"hi\"\"\r\n\""),
            ("2026-01-05 15:00:00", "2026-01-05 15:00:00"),
        ] {
            assert_eq!(cell(value), shown, "{value:?}");
        }
        assert!(header_line("IST, UTC+05:30").contains("\"Timestamp (IST, UTC+05:30)\""));
    }
}
