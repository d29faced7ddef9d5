//! `/integration/webhook-logs/rows`: the newest rows of a filter by themselves, for the page that is
//! live. The page puts them into its table; everything else of it stays as it is.

use actix_web::{HttpRequest, http::StatusCode};
use askama::Template;

use super::{
    ask,
    log_list_row::{LogListRow, RowMaker},
    log_query::Asked,
    page::html,
    visitor::Visitor,
};
use crate::web::{State, problem::Reply, query::LogQuery};

#[derive(Template)]
#[template(path = "webhook_logs_rows.html")]
struct WebhookLogsRows {
    rows: Vec<LogListRow>,
    at: String,
    may_change: bool,
}

/// The newest rows.
pub async fn show(state: State, request: HttpRequest, visitor: Visitor) -> Reply {
    let LogQuery { filter, limit, .. } = Asked::read(request.query_string(), &visitor)?.query;
    let (actor, wanted) = (visitor.actor.clone(), filter.clone());
    let (page, types) =
        ask(&state, move |service| Ok((service.logs(&actor, wanted, None, limit)?, service.event_types(&actor)?)))
            .await?;
    let settings = state.service().settings();
    let maker = RowMaker { visitor: &visitor, settings, types: &types, filter: &filter, limit };
    let rows = page.items.iter().map(|entry| maker.row(entry)).collect();
    let (at, may_change) = (visitor.zone.clock(visitor.now, visitor.now), visitor.may_change());
    html(StatusCode::OK, &WebhookLogsRows { rows, at, may_change })
}
