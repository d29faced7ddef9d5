//! `/integration/webhook-logs/{id}/command`: the last request as a command to copy.

use actix_web::{HttpRequest, http::StatusCode};
use askama::Template;

use super::{
    as_command::{CommandBody, CommandParts, Tool},
    ask, id,
    page::{Frame, WEBHOOK_LOGS, show as show_page},
    text::length,
    visitor::Visitor,
};
use crate::{
    domain::{DeliveryId, Problem, TOLERANCE_S},
    service::{LogDetail, ShownHeader},
    web::{State, problem::Reply, query::Query},
};

/// Lines of the field that holds the command.
const MOST_ROWS: usize = 24;

#[derive(Template)]
#[template(path = "webhook_log_command.html")]
struct WebhookLogCommandPage {
    frame: Frame,
    id: String,
    tabs: Vec<Tab>,
    command: String,
    rows: usize,
    age: String,
    fresh: Option<String>,
    is_fresh: bool,
    variables: Vec<String>,
    is_file: bool,
    is_masked: bool,
}

struct Tab {
    word: &'static str,
    href: String,
    is_here: bool,
}

/// Shows it.
pub async fn show(state: State, request: HttpRequest, visitor: Visitor) -> Reply {
    let id = id::<DeliveryId>(&request, "log entry")?;
    let mut query = Query::parse(request.query_string());
    let tool = query.take("as").and_then(|code| Tool::from_code(&code)).unwrap_or(Tool::Curl);
    let is_fresh = query.take("fresh").is_some();
    let actor = visitor.actor.clone();
    let (detail, signed) = ask(&state, move |service| {
        let signed = if is_fresh { Some(service.fresh_signature(&actor, id)?) } else { None };
        Ok((service.log(&actor, id)?, signed))
    })
    .await?;
    let LogDetail { attempts, body, .. } = &detail;
    let last = attempts.last().ok_or_else(|| Problem::not_found("request yet: no attempt was made"))?;
    let url = last.url.as_ref().ok_or_else(|| Problem::not_found("request any more"))?;
    if body.is_empty() {
        return Err(Problem::not_found("payload").into());
    }
    let mut headers = last.headers.clone();
    for (name, value) in signed.into_iter().flatten() {
        set(&mut headers, &name, value);
    }
    let file = format!("{id}.json");
    let parts = CommandParts {
        method: "POST",
        url: url.as_str(),
        headers: headers.iter().map(|header| (&*header.name, header.value.as_deref())).collect(),
        body: CommandBody::new(body, &file),
    };
    let command = tool.command(&parts);
    let address = |tool: Tool, fresh: bool| {
        format!("{WEBHOOK_LOGS}/{id}/command?as={}{}", tool.code(), if fresh { "&fresh=1" } else { "" })
    };
    let age = visitor.now.since(last.attempt.started_at);
    let is_old = age.as_secs() > TOLERANCE_S && !is_fresh;
    let mut variables: Vec<_> =
        headers.iter().filter(|header| header.value.is_none()).map(|header| tool.variable(&header.name)).collect();
    variables.dedup();
    let page = WebhookLogCommandPage {
        frame: Frame::new(&visitor, WEBHOOK_LOGS, format!("Copy as {}", tool.word()))
            .under(&id.to_string(), format!("{WEBHOOK_LOGS}/{id}"))
            .under("Copy", ""),
        id: id.to_string(),
        tabs: Tool::ALL.map(|one| Tab { word: one.word(), href: address(one, is_fresh), is_here: one == tool }).into(),
        rows: command.lines().count().min(MOST_ROWS),
        command,
        age: if is_old { length(age) } else { String::new() },
        fresh: (!is_fresh).then(|| address(tool, true)),
        is_fresh,
        variables,
        is_file: matches!(parts.body, CommandBody::File(_)),
        is_masked: detail.masked,
    };
    show_page(&visitor, StatusCode::OK, &page)
}

fn set(headers: &mut [ShownHeader], name: &str, value: String) {
    if let Some(header) = headers.iter_mut().find(|header| header.name == name) {
        header.value = Some(value);
    }
}
