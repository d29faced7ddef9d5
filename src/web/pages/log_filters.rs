//! The filter form of Webhook Logs: its menus, and the address without each filter that is set.

use std::sync::Arc;

use super::{
    log_query::{BETWEEN, PERIODS, limited, list_address, without, words_of},
    log_row::webhook_name,
    text::display_line,
    visitor::Visitor,
};
use crate::{
    domain::{Cause, EventType, EventTypeInfo, LogFilter, Status},
    service::WebhookView,
    web::query::{AFTER_RETRY, pairs_of},
};

/// A menu of the filter.
pub struct Select {
    /// Name of the parameter.
    pub name: &'static str,
    /// What it is called.
    pub label: &'static str,
    /// What there is to choose.
    pub choices: Vec<Choice>,
}

/// An entry of a menu.
pub struct Choice {
    /// The parameter's value.
    pub value: String,
    /// What it is called.
    pub text: String,
    /// Whether it is chosen.
    pub is_chosen: bool,
}

/// A filter that is set, and the address without it.
pub struct Chip {
    /// Its name and value.
    pub text: String,
    /// The address of the list without it.
    pub without: String,
}

/// The form.
pub struct FilterForm {
    /// The menus.
    pub selects: Vec<Select>,
    /// The response as it was typed.
    pub response: String,
    /// The periods.
    pub periods: Vec<Choice>,
    /// The first moment, in the visitor's zone.
    pub since: String,
    /// The moment after the last.
    pub until: String,
    /// Whether one of them is set.
    pub has_times: bool,
    /// The text searched for.
    pub search: String,
    /// What is set and has no field goes along unseen.
    pub kept: Vec<(&'static str, String)>,
    /// The summary on a narrow screen.
    pub summary: String,
    /// What is set.
    pub chips: Vec<Chip>,
}

impl FilterForm {
    /// The form with `filter` set.
    pub fn new(
        filter: &LogFilter,
        limit: usize,
        views: &[WebhookView],
        types: &[Arc<EventTypeInfo>],
        visitor: &Visitor,
    ) -> FilterForm {
        let pairs = pairs_of(filter);
        let value = |name: &str| pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
        let has_times = filter.since.is_some() || filter.until.is_some();
        let local = |at| visitor.zone.to_local(at);
        let mut kept: Vec<_> =
            pairs.iter().filter(|(name, _)| matches!(*name, "account" | "event_id")).cloned().collect();
        if limit != 50 {
            kept.push(("limit", limit.to_string()));
        }
        let chips = chips(filter, limit, views, visitor);
        FilterForm {
            selects: vec![
                status(value("status")),
                event(value("event_type"), types),
                webhook(value("webhook_id"), views),
                cause(value("cause")),
            ],
            response: value("http_status").unwrap_or_default(),
            periods: periods(has_times),
            since: filter.since.map(local).unwrap_or_default(),
            until: filter.until.map(local).unwrap_or_default(),
            has_times,
            search: filter.text.clone().unwrap_or_default(),
            kept,
            summary: if chips.is_empty() { "Filters".to_owned() } else { format!("Filters ({})", chips.len()) },
            chips,
        }
    }
}

fn select(
    name: &'static str,
    label: &'static str,
    any: &str,
    chosen: Option<String>,
    entries: impl Iterator<Item = (String, String)>,
) -> Select {
    let chosen = chosen.unwrap_or_default();
    let mut choices = vec![(String::new(), any.to_owned())];
    choices.extend(entries);
    // What is set and not among the choices, such as a deleted webhook, is offered too.
    if !choices.iter().any(|(value, _)| *value == chosen) {
        choices.push((chosen.clone(), chosen.clone()));
    }
    let choice = |(value, text): (String, String)| Choice {
        is_chosen: value == chosen,
        text: display_line(&text).into_owned(),
        value,
    };
    Select { name, label, choices: choices.into_iter().map(choice).collect() }
}

fn status(chosen: Option<String>) -> Select {
    let words = [Status::Success, Status::Failed, Status::Pending].map(|one| (one.code(), one.word()));
    let entries = words.into_iter().chain([(AFTER_RETRY, "Success after retry")]);
    select("status", "Status", "All", chosen, entries.map(|(value, text)| (value.to_owned(), text.to_owned())))
}

fn event(chosen: Option<String>, types: &[Arc<EventTypeInfo>]) -> Select {
    let known = types.iter().map(|info| (info.name.to_string(), info.label.clone()));
    let test = (EventType::TEST.to_owned(), "Test event".to_owned());
    select("event_type", "Event", "All", chosen, known.chain([test]))
}

fn webhook(chosen: Option<String>, views: &[WebhookView]) -> Select {
    let known = views.iter().map(|view| (view.webhook.id.to_string(), webhook_name(&view.webhook)));
    select("webhook_id", "Webhook", "All", chosen, known)
}

fn cause(chosen: Option<String>) -> Select {
    let known = Cause::ALL.iter().map(|one| (one.code().to_owned(), one.words().to_owned()));
    select("cause", "Cause", "Any", chosen, known)
}

fn periods(has_times: bool) -> Vec<Choice> {
    let choice =
        |value: &str, text: &str, is_chosen| Choice { value: value.to_owned(), text: text.to_owned(), is_chosen };
    let mut periods = vec![choice("", "Any time", !has_times)];
    periods.extend(PERIODS.iter().map(|(code, words, _)| choice(code, words, false)));
    periods.push(choice(BETWEEN, "Between two times", has_times));
    periods
}

fn chips(filter: &LogFilter, limit: usize, views: &[WebhookView], visitor: &Visitor) -> Vec<Chip> {
    let rows = if limit == 50 { String::new() } else { limited(&LogFilter::default(), limit) };
    let words = words_of(filter, views, visitor).into_iter();
    let chip = words.map(|word| Chip {
        text: format!("{}: {}", word.label, word.value),
        without: list_address(&super::log_query::joined(&without(filter, word.name), &rows)),
    });
    chip.collect()
}
