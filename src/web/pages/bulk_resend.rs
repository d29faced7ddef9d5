//! `/integration/bulk-resends/{id}`: how far a bulk resend is, and the button that ends it.

use actix_web::{HttpRequest, http::StatusCode};
use askama::Template;

use super::{
    ask, carry_out,
    form::Posted,
    id,
    log_query::{FilterWord, list_address, words_of},
    page::{BULK_RESENDS, Frame, WEBHOOK_LOGS, see_other, show as show_page},
    parts::{Moment, Name},
    text::{count, display_line, length},
    visitor::Visitor,
};
use crate::{
    domain::{JobId, Timestamp, with_thousands},
    service::BulkJob,
    web::{
        State,
        problem::Reply,
        query::{Query, query_of},
    },
};

/// Seconds between two looks at it, without a script.
const REFRESH_S: u32 = 5;

#[derive(Template)]
#[template(path = "bulk_resend.html")]
struct BulkResendPage {
    frame: Frame,
    id: String,
    address: String,
    filter: Vec<FilterWord>,
    list: String,
    started_at: Moment,
    started_by: Name,
    is_running: bool,
    is_refreshing: bool,
    progress: Progress,
}

/// How far it is, in numbers and words.
struct Progress {
    done: u64,
    planned: u64,
    share: String,
    success: String,
    failed: String,
    under_way: String,
    passed_over: String,
    speed: String,
    left: String,
    end: String,
}

/// Shows how far it is.
pub async fn show(state: State, request: HttpRequest, visitor: Visitor) -> Reply {
    let id = id::<JobId>(&request, "bulk resend")?;
    let is_refreshing = Query::parse(request.query_string()).take("refresh").is_some();
    let actor = visitor.actor.clone();
    let (job, views) =
        ask(&state, move |service| Ok((service.bulk_resend(&actor, id)?, service.webhooks(&actor, None)?))).await?;
    let title = match (&job.cancelled_by, job.finished_at) {
        (Some(_), _) => "Bulk resend cancelled",
        (None, Some(_)) => "Bulk resend finished",
        (None, None) => "Resending…",
    };
    let is_running = job.finished_at.is_none();
    let mut frame = Frame::new(&visitor, WEBHOOK_LOGS, title).under("Bulk resend", "");
    frame.refresh_s = (is_refreshing && is_running).then_some(REFRESH_S);
    let page = BulkResendPage {
        frame,
        id: job.id.to_string(),
        address: format!("{BULK_RESENDS}/{}", job.id),
        filter: words_of(&job.filter, &views, &visitor),
        list: list_address(&query_of(&job.filter)),
        started_at: visitor.zone.seconds(job.started_at),
        started_by: Name::new(&job.started_by),
        is_running,
        is_refreshing,
        progress: Progress::of(&job, visitor.now),
    };
    show_page(&visitor, StatusCode::OK, &page)
}

/// Cancels the rest.
pub async fn cancel(state: State, request: HttpRequest, visitor: Visitor, posted: Posted) -> Reply {
    posted.of(&visitor.key).fresh()?;
    let id = id::<JobId>(&request, "bulk resend")?;
    let (service, actor) = (state.service().clone(), visitor.actor);
    carry_out(async move { service.cancel_bulk_resend(&actor, id).await }).await?;
    Ok(see_other(&format!("{BULK_RESENDS}/{id}")))
}

impl Progress {
    fn of(job: &BulkJob, now: Timestamp) -> Progress {
        let done = job.queued + job.passed_over;
        // A plan is counted before the job begins and only up to a bound, so it may be off.
        let planned = job.planned.max(done);
        let left = planned - done;
        let answered = job.success + job.failed;
        let under_way = job.queued.saturating_sub(answered);
        let until = job.finished_at.unwrap_or(now);
        let a_second = (done * 1000).checked_div(until.since(job.started_at).as_millis() as u64).unwrap_or(0);
        let seconds = std::time::Duration::from_secs(left.div_ceil(u64::from(job.rate_per_second)));
        let number = with_thousands;
        let end = match (&job.cancelled_by, job.finished_at) {
            (Some(by), _) => {
                let by = display_line(by);
                let were = if left == 1 { "was" } else { "were" };
                format!("Cancelled by {by} after {}. {} {were} not sent.", number(done), number(left))
            }
            (None, Some(_)) => format!("Finished: {} sent again.", count(job.queued, "entry was", "entries were")),
            (None, None) => String::new(),
        };
        Progress {
            done,
            planned,
            share: format!(
                "{} of {} ({} %)",
                number(done),
                number(planned),
                (done * 100).checked_div(planned).unwrap_or(100)
            ),
            success: format!("{} success", number(job.success)),
            failed: format!("{} failed", number(job.failed)),
            under_way: if under_way > 0 { format!("{} under way", number(under_way)) } else { String::new() },
            passed_over: match job.passed_over {
                0 => String::new(),
                some => format!(
                    "{} passed over: a test, or the webhook is off or deleted",
                    count(some, "entry was", "entries were")
                ),
            },
            speed: if job.finished_at.is_none() && done > 0 {
                format!("{} a second", number(a_second.max(1)))
            } else {
                String::new()
            },
            left: match (job.finished_at, left) {
                (None, 1..) => format!("about {} left", length(seconds)),
                _ => String::new(),
            },
            end,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{DeliveryId, LogFilter};

    #[test]
    fn progress_reads_as_it_is() {
        let start = Timestamp::from_millis(1_767_605_400_000);
        let now = start.plus(std::time::Duration::from_secs(78));
        let job = BulkJob {
            id: JobId(1),
            filter: LogFilter::default(),
            rate_per_second: 9,
            started_at: start,
            started_by: "admin@acme.example".to_owned(),
            planned: 1_204,
            position: None,
            end: DeliveryId(9),
            queued: 700,
            passed_over: 2,
            success: 690,
            failed: 8,
            next_due: now,
            finished_at: None,
            cancelled_by: None,
        };
        let shown = Progress::of(&job, now);
        assert_eq!(
            [&shown.share, &shown.success, &shown.failed, &shown.under_way, &shown.speed, &shown.left, &shown.end],
            ["702 of 1,204 (58 %)", "690 success", "8 failed", "2 under way", "9 a second", "about 56 s left", ""]
        );
        assert_eq!(shown.passed_over, "2 entries were passed over: a test, or the webhook is off or deleted");
        let cancelled = BulkJob { finished_at: Some(now), cancelled_by: Some("admin@…".to_owned()), ..job.clone() };
        assert_eq!(Progress::of(&cancelled, now).end, "Cancelled by admin@… after 702. 502 were not sent.");
        let finished = BulkJob { finished_at: Some(now), queued: 1_202, ..job };
        let shown = Progress::of(&finished, now);
        assert_eq!((&*shown.end, &*shown.left), ("Finished: 1,202 entries were sent again.", ""));
        assert_eq!(shown.share, "1,204 of 1,204 (100 %)");
    }
}
