//! `/integration/event-types`: the catalogue.

use std::sync::Arc;

use actix_web::{HttpRequest, http::StatusCode};
use askama::Template;
use serde_json::Value;

use super::{
    ask,
    page::{EVENT_TYPES, Frame, show as show_page},
    parts::Name,
    payload::Payload,
    text::{count, display_line},
    visitor::Visitor,
};
use crate::{
    domain::{EventTypeInfo, Webhook},
    service::{Service, WebhookView},
    web::{State, problem::Reply, query::Query},
};

/// Webhooks that are named at a type; all are counted.
const MOST_LISTENERS: usize = 10;
/// Members of an example that are listed.
const MOST_MEMBERS: usize = 100;

#[derive(Template)]
#[template(path = "event_types.html")]
struct EventTypesPage {
    frame: Frame,
    summary: String,
    search: String,
    categories: Vec<Category>,
}

struct Category {
    name: Name,
    types: Vec<TypeShown>,
}

struct TypeShown {
    name: String,
    label: Name,
    description: Name,
    listeners: String,
    listening: Vec<Listener>,
    is_retired: bool,
    /// Where the configuration sets it up, so that it is retired there and not here.
    place: Option<String>,
    has_schema: bool,
    privacy: String,
    example: Option<Payload>,
    /// The names and types of the example's members.
    members: Vec<Member>,
}

/// A webhook that gets the type.
struct Listener {
    id: String,
    name: Name,
}

/// A member of the example.
struct Member {
    name: Name,
    kind: &'static str,
}

/// Shows the catalogue, or what of it has the text that is searched for.
pub async fn show(state: State, request: HttpRequest, visitor: Visitor) -> Reply {
    let search = Query::parse(request.query_string()).take("q").unwrap_or_default().trim().to_owned();
    let actor = visitor.actor.clone();
    let (types, views) =
        ask(&state, move |service| Ok((service.event_types(&actor)?, service.webhooks(&actor, None)?))).await?;
    let groups = categories(&types, &views, state.service()).len() as u64;
    let known = types.len() as u64;
    let found: Vec<_> = types.into_iter().filter(|info| fits(info, &search)).collect();
    let page = EventTypesPage {
        frame: Frame::new(&visitor, EVENT_TYPES, "Event types"),
        summary: format!("{} in {}", count(known, "type", "types"), count(groups, "category", "categories")),
        categories: categories(&found, &views, state.service()),
        search,
    };
    show_page(&visitor, StatusCode::OK, &page)
}

fn fits(info: &EventTypeInfo, search: &str) -> bool {
    let search = search.to_lowercase();
    [info.name.as_str(), &info.label, &info.category, &info.description]
        .iter()
        .any(|text| text.to_lowercase().contains(&search))
}

fn categories(types: &[Arc<EventTypeInfo>], views: &[WebhookView], service: &Service) -> Vec<Category> {
    let mut names: Vec<&str> = Vec::new();
    for info in types {
        if !names.contains(&info.category.as_str()) {
            names.push(&info.category);
        }
    }
    let category = |name: &str| Category {
        name: Name::new(name),
        types: types.iter().filter(|info| info.category == name).map(|info| shown(info, views, service)).collect(),
    };
    names.into_iter().map(category).collect()
}

fn shown(info: &EventTypeInfo, views: &[WebhookView], service: &Service) -> TypeShown {
    let of_it: Vec<_> = views.iter().filter(|view| view.webhook.selection.matches(&info.name)).collect();
    TypeShown {
        name: info.name.to_string(),
        label: Name::new(&info.label),
        description: Name::new(&info.description),
        listeners: match of_it.len() as u64 {
            0 => "No webhook listens.".to_owned(),
            number => count(number, "webhook", "webhooks"),
        },
        listening: of_it.iter().take(MOST_LISTENERS).map(|view| listener(&view.webhook)).collect(),
        is_retired: info.retired,
        place: service.event_type_place(info.name.as_str()).map(|place| display_line(&place).into_owned()),
        has_schema: info.schema.is_some(),
        privacy: privacy(info),
        example: info.example.as_ref().map(|example| Payload::new(example.as_bytes(), false, true)),
        members: info.example.as_deref().map(members).unwrap_or_default(),
    }
}

/// What of it is not shown and not kept, in words.
fn privacy(info: &EventTypeInfo) -> String {
    let mut words = Vec::new();
    if !info.masked.as_slice().is_empty() {
        words.push(format!("Masked: {}.", display_line(&info.masked.as_slice().join(", "))));
    }
    if info.forget_after_success {
        words.push("Payloads are deleted once they have arrived.".to_owned());
    }
    words.join(" ")
}

fn listener(webhook: &Webhook) -> Listener {
    let name = if webhook.description.is_empty() { webhook.request_url.as_str() } else { &webhook.description };
    Listener { id: webhook.id.to_string(), name: Name::new(name) }
}

/// The members of the example by name, those of objects in it behind a full stop.
fn members(example: &str) -> Vec<Member> {
    fn add(value: &Value, name: &str, found: &mut Vec<Member>) {
        let kind = match value {
            Value::Null => "null",
            Value::Bool(_) => "true or false",
            Value::Number(_) => "number",
            Value::String(_) => "text",
            Value::Array(_) => "list",
            Value::Object(_) => "object",
        };
        if !name.is_empty() {
            found.push(Member { name: Name::new(name), kind });
        }
        if let Value::Object(members) = value {
            for (member, value) in members.iter().take_while(|_| found.len() < MOST_MEMBERS).collect::<Vec<_>>() {
                let name = if name.is_empty() { member.clone() } else { format!("{name}.{member}") };
                add(value, &name, found);
            }
        }
    }
    let mut found = Vec::new();
    // An example was read as JSON when it was taken; one that cannot be read any more has no members.
    add(&serde_json::from_str(example).unwrap_or_default(), "", &mut found);
    found
}
