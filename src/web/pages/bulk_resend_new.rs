//! `/integration/bulk-resends/new`: what a bulk resend would do, before it is started.

use actix_web::{HttpRequest, http::StatusCode};
use askama::Template;

use super::{
    ask, carry_out,
    form::Posted,
    log_query::{Asked, FilterWord, list_address, words_of},
    page::{BULK_RESENDS, Frame, WEBHOOK_LOGS, see_other, show as show_page},
    text::{count, length},
    visitor::Visitor,
};
use crate::{
    domain::{Problem, with_thousands},
    service::{BulkPlan, BulkRequest},
    web::{
        State,
        problem::Reply,
        query::{log_filter_of, pairs_of, query_of},
    },
};

/// Speeds to choose from, entries per second.
const SPEEDS: [u32; 5] = [1, 10, 50, 200, 1_000];
/// The speed that is chosen at first.
const SPEED: u32 = 10;
/// The form's field that is no filter.
const RATE: &str = "rate_per_second";

#[derive(Template)]
#[template(path = "bulk_resend_new.html")]
struct BulkResendNewPage {
    frame: Frame,
    filter: Vec<FilterWord>,
    pairs: Vec<(&'static str, String)>,
    failed: String,
    pending: String,
    success: String,
    arrives_twice: bool,
    is_empty: bool,
    button: String,
    speeds: Vec<Speed>,
    back: String,
}

struct Speed {
    rate: u32,
    text: String,
    is_chosen: bool,
}

/// Shows the plan.
pub async fn show(state: State, request: HttpRequest, visitor: Visitor) -> Reply {
    let filter = Asked::read(request.query_string(), &visitor)?.query.filter;
    let wanted = BulkRequest { filter: filter.clone(), rate_per_second: Some(SPEED) };
    let actor = visitor.actor.clone();
    let (plan, views) =
        ask(&state, move |service| Ok((service.plan_bulk_resend(&actor, &wanted)?, service.webhooks(&actor, None)?)))
            .await?;
    let what = words(&plan);
    let page = BulkResendNewPage {
        frame: Frame::new(&visitor, WEBHOOK_LOGS, format!("Resend {what}?")).under("Bulk resend", ""),
        filter: words_of(&filter, &views, &visitor),
        pairs: pairs_of(&filter),
        failed: with_thousands(plan.failed),
        pending: with_thousands(plan.pending),
        success: with_thousands(plan.success),
        arrives_twice: plan.success > 0,
        is_empty: plan.total() == 0,
        button: format!("Resend {what}"),
        speeds: SPEEDS.map(|rate| speed(&plan, rate)).into(),
        back: list_address(&query_of(&filter)),
    };
    show_page(&visitor, StatusCode::OK, &page)
}

/// Starts it, once for each form.
pub async fn submit(state: State, visitor: Visitor, posted: Posted) -> Reply {
    let form = posted.of(&visitor.key);
    let mark = form.mark().to_owned();
    let fields = form.fresh()?;
    let names = pairs_names();
    let pairs = names.into_iter().map(|name| (name.to_owned(), fields.get(name).to_owned()));
    let filter = log_filter_of(pairs.filter(|(_, value)| !value.is_empty()).collect()).map_err(Problem::invalid)?;
    let rate_per_second = fields.get(RATE).parse().ok();
    let (state, actor) = (state.clone(), visitor.actor);
    let address = carry_out(async move {
        let start = async {
            let request = BulkRequest { filter, rate_per_second };
            let job = state.service().start_bulk_resend(&actor, &request).await?;
            Ok(format!("{BULK_RESENDS}/{}", job.id))
        };
        state.desk().used_forms.once(&mark, start).await
    })
    .await?;
    Ok(see_other(&address))
}

/// `1,204 entries`, or at least so many.
fn words(plan: &BulkPlan) -> String {
    let entries = count(plan.total(), "entry", "entries");
    if plan.at_least { format!("at least {entries}") } else { entries }
}

fn speed(plan: &BulkPlan, rate: u32) -> Speed {
    let takes = BulkPlan { rate_per_second: rate, ..plan.clone() }.takes();
    let about = if plan.at_least { "at least" } else { "about" };
    let text = format!("{} a second ({about} {})", with_thousands(rate.into()), length(takes));
    Speed { rate, text, is_chosen: rate == SPEED }
}

/// The names of a filter's parameters.
fn pairs_names() -> [&'static str; 10] {
    ["account", "webhook_id", "event_type", "status", "http_status", "cause", "event_id", "since", "until", "q"]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::query::LogQuery;

    #[test]
    fn every_parameter_of_a_filter_is_read_back() {
        let text = "account=acme&webhook_id=whk_00000000000000000000000001&event_type=contact.created&status=failed\
                    &http_status=5xx&cause=connect_refused&event_id=evt_00000000000000000000000002\
                    &since=2026-01-05T09:30:00Z&until=2026-01-06T09:30:00Z&q=a";
        let filter = LogQuery::parse(text, &[]).unwrap().filter;
        assert_eq!(pairs_of(&filter).into_iter().map(|(name, _)| name).collect::<Vec<_>>(), pairs_names());
    }
}
