//! `/integration/event-types`: the catalogue.

use std::sync::Arc;

use actix_web::http::StatusCode;
use askama::Template;

use super::{
    ask,
    page::{EVENT_TYPES, Frame, show as show_page},
    parts::Name,
    payload::Payload,
    text::count,
    visitor::Visitor,
};
use crate::{
    domain::EventTypeInfo,
    service::WebhookView,
    web::{State, problem::Reply},
};

#[derive(Template)]
#[template(path = "event_types.html")]
struct EventTypesPage {
    frame: Frame,
    summary: String,
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
    is_retired: bool,
    example: Option<Payload>,
}

/// Shows the catalogue.
pub async fn show(state: State, visitor: Visitor) -> Reply {
    let actor = visitor.actor.clone();
    let (types, views) =
        ask(&state, move |service| Ok((service.event_types(&actor)?, service.webhooks(&actor, None)?))).await?;
    let categories = categories(&types, &views);
    let (known, groups) = (types.len() as u64, categories.len() as u64);
    let page = EventTypesPage {
        frame: Frame::new(&visitor, EVENT_TYPES, "Event types"),
        summary: format!("{} in {}", count(known, "type", "types"), count(groups, "category", "categories")),
        categories,
    };
    show_page(&visitor, StatusCode::OK, &page)
}

fn categories(types: &[Arc<EventTypeInfo>], views: &[WebhookView]) -> Vec<Category> {
    let mut names: Vec<&str> = Vec::new();
    for info in types {
        if !names.contains(&info.category.as_str()) {
            names.push(&info.category);
        }
    }
    let category = |name: &str| Category {
        name: Name::new(name),
        types: types.iter().filter(|info| info.category == name).map(|info| shown(info, views)).collect(),
    };
    names.into_iter().map(category).collect()
}

fn shown(info: &EventTypeInfo, views: &[WebhookView]) -> TypeShown {
    let listeners = views.iter().filter(|view| view.webhook.selection.matches(&info.name)).count() as u64;
    TypeShown {
        name: info.name.to_string(),
        label: Name::new(&info.label),
        description: Name::new(&info.description),
        listeners: match listeners {
            0 => "No webhook listens.".to_owned(),
            number => count(number, "webhook", "webhooks"),
        },
        is_retired: info.retired,
        example: info.example.as_ref().map(|example| Payload::new(example.as_bytes(), false, true)),
    }
}
