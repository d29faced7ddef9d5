//! `/integration/webhook-logs`: the list. Its query string has the names of the API's.

use actix_web::{HttpRequest, http::StatusCode};
use askama::Template;

use super::{
    ask,
    log_filters::FilterForm,
    log_list_row::{LogListRow, RowMaker},
    log_query::{Asked, address, joined, limited, list_address},
    page::{BULK_RESENDS, Errors, Frame, WEBHOOK_LOGS, see_other, show as show_page},
    text::count,
    visitor::Visitor,
};
use crate::{
    domain::{LogCount, LogFilter, with_thousands},
    service::{BulkJob, Settings},
    web::{
        State, cursor,
        problem::{Reply, status},
        query::{LogQuery, query_of},
    },
};

/// Rows of a page to choose from.
const ROWS: [usize; 3] = [25, 50, 100];

#[derive(Template)]
#[template(path = "webhook_logs.html")]
struct WebhookLogsPage {
    frame: Frame,
    errors: Errors,
    head: String,
    form: FilterForm,
    rows: Vec<LogListRow>,
    rows_address: String,
    at: String,
    may_change: bool,
    counted: String,
    looked_through: Option<String>,
    without_times: Option<Wider>,
    expired: bool,
    test: Option<String>,
    curl: String,
    is_first: bool,
    newer: Option<String>,
    older: Option<String>,
    refresh: String,
    live: String,
    is_live: bool,
    export: String,
    bulk: String,
    running: Vec<Running>,
    back: String,
    sizes: Vec<PageSize>,
    retention_days: u64,
}

/// What would be found without the time limit.
struct Wider {
    words: String,
    href: String,
}

/// A bulk resend that is going on.
struct Running {
    words: String,
    href: String,
}

/// A number of rows to choose.
struct PageSize {
    rows: usize,
    href: String,
    is_chosen: bool,
}

/// Shows the part of the list that is asked for.
pub async fn show(state: State, request: HttpRequest, visitor: Visitor) -> Reply {
    let (asked, problem) = match Asked::read(request.query_string(), &visitor) {
        Ok(asked) if asked.from_form => return Ok(see_other(&list_address(&asked.query_string()))),
        Ok(asked) => (asked, None),
        // What was not understood gives a message and no list, rather than one that looks like an answer.
        Err(problem) => {
            (Asked { query: LogQuery { limit: 50, ..LogQuery::default() }, ..Asked::default() }, Some(problem))
        }
    };
    let LogQuery { filter, cursor, limit } = asked.query.clone();
    let (actor, wanted, is_wrong) = (visitor.actor.clone(), filter.clone(), problem.is_some());
    let (page, counted, wider, running, views, types) = ask(&state, move |service| {
        let page = if is_wrong { None } else { Some(service.logs(&actor, wanted.clone(), cursor, limit)?) };
        let is_empty = page.as_ref().is_some_and(|page| page.items.is_empty());
        // Text is searched for in one part of the log at a time, so its whole number is not known.
        let counted = match is_wrong || wanted.text.is_some() || is_empty {
            true => None,
            false => Some(service.count_logs(&actor, wanted.clone())?),
        };
        let timeless = LogFilter { since: None, until: None, ..wanted.clone() };
        let wider = match is_empty && timeless != wanted && wanted.text.is_none() {
            true => Some((service.count_logs(&actor, timeless.clone())?, timeless)),
            false => None,
        };
        let running = service.running_bulk_resends(&actor).unwrap_or_default();
        Ok((page, counted, wider, running, service.webhooks(&actor, None)?, service.event_types(&actor)?))
    })
    .await?;
    let errors = problem.as_ref().map(|problem| Errors::of(problem, field_of)).unwrap_or_default();
    let settings = state.service().settings();
    let query = asked.query_string();
    let at = |cursor| list_address(&joined(&query, &format!("cursor={}", cursor::encode(cursor))));
    let maker = RowMaker { visitor: &visitor, settings, types: &types, filter: &filter, limit };
    let is_filtered = filter != LogFilter::default();
    let oldest_kept = visitor.now.minus(settings.retention);
    let mut frame = Frame::new(&visitor, WEBHOOK_LOGS, "Webhook Logs").with_errors(&errors);
    frame.refresh_s = asked.refresh.then_some(10);
    let shown = WebhookLogsPage {
        frame,
        head: visitor.zone.head(visitor.now),
        form: FilterForm::new(&filter, limit, &views, &types, &visitor),
        rows: page.iter().flat_map(|page| &page.items).map(|entry| maker.row(entry)).collect(),
        rows_address: address(&format!("{WEBHOOK_LOGS}/rows"), &query),
        at: visitor.zone.clock(visitor.now, visitor.now),
        may_change: visitor.may_change(),
        counted: counted.map(|counted| count_words(counted, is_filtered)).unwrap_or_default(),
        looked_through: page.as_ref().and_then(|page| page.looked_at).map(|looked_at| {
            let place = if cursor.is_none() { "newest" } else { "next" };
            format!("Looked through the {place} {} entries of this filter.", with_thousands(looked_at as u64))
        }),
        without_times: wider.filter(|(counted, _)| counted.number > 0).map(|(counted, timeless)| Wider {
            words: format!("{} without the time limit.", count_words(counted, true)),
            href: list_address(&limited(&timeless, limit)),
        }),
        expired: filter.until.or(filter.since).is_some_and(|at| at < oldest_kept),
        test: match &views[..] {
            [only] => Some(only.webhook.id.to_string()),
            _ => None,
        },
        curl: curl(&request, settings),
        is_first: cursor.is_none(),
        newer: page.as_ref().and_then(|page| page.newer).filter(|_| cursor.is_some()).map(at),
        older: page.as_ref().and_then(|page| page.older).map(at),
        refresh: list_address(&query),
        live: list_address(&joined(&query, "refresh=10")),
        is_live: asked.refresh,
        export: address(&format!("{WEBHOOK_LOGS}/export.csv"), &query_of(&filter)),
        bulk: address(&format!("{BULK_RESENDS}/new"), &query_of(&filter)),
        running: running.iter().map(running_job).collect(),
        back: query,
        sizes: ROWS
            .map(|rows| PageSize { rows, href: list_address(&limited(&filter, rows)), is_chosen: rows == limit })
            .into(),
        retention_days: settings.retention.as_secs() / 86_400,
        errors,
    };
    let code = problem.as_ref().map_or(StatusCode::OK, |problem| status(problem.kind));
    show_page(&visitor, code, &shown)
}

fn field_of(pointer: &str) -> Option<String> {
    let name = pointer.strip_prefix('/')?;
    let fields =
        ["q", "status", "event_type", "webhook_id", "http_status", "cause", "period", "since_local", "until_local"];
    let name = match name {
        "since" => "since_local",
        "until" => "until_local",
        other => other,
    };
    fields.contains(&name).then(|| name.to_owned())
}

/// Exact up to 1,000, then to the hundred, then "more than".
fn count_words(counted: LogCount, is_filtered: bool) -> String {
    let entries = count(counted.number, "entry", "entries");
    let verb = match (is_filtered, counted.number) {
        (false, _) => "",
        (true, 1) => " matches",
        (true, _) => " match",
    };
    match counted.number {
        10_001.. => format!("more than 10,000 entries{verb}"),
        _ if counted.at_least => format!("more than {entries}{verb}"),
        1_001.. => format!("about {} entries{verb}", with_thousands((counted.number + 50) / 100 * 100)),
        _ => format!("{entries}{verb}"),
    }
}

fn running_job(job: &BulkJob) -> Running {
    Running {
        words: format!(
            "A bulk resend is going on: {} of {}.",
            with_thousands(job.queued + job.passed_over),
            with_thousands(job.planned)
        ),
        href: format!("{BULK_RESENDS}/{}", job.id),
    }
}

/// A first event by the API, to be pasted into a shell.
fn curl(request: &HttpRequest, settings: &Settings) -> String {
    let base = super::page::base_address(request, settings);
    format!(
        "curl {base}/api/v1/events -H 'authorization: Bearer hsk_…' -H 'content-type: application/json' \
         -d '{{\"type\":\"contact.created\",\"data\":{{\"id\":1}}}}'"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_exact_then_rounded_then_bounded() {
        for (number, at_least, is_filtered, words) in [
            (0, false, true, "0 entries match"),
            (1, false, true, "1 entry matches"),
            (1_000, false, false, "1,000 entries"),
            (1_204, false, true, "about 1,200 entries match"),
            (9_980, false, true, "about 10,000 entries match"),
            (10_001, true, true, "more than 10,000 entries match"),
            (2_000_000, false, false, "more than 10,000 entries"),
            (37, true, true, "more than 37 entries match"),
        ] {
            assert_eq!(count_words(LogCount { number, at_least }, is_filtered), words);
        }
    }
}
