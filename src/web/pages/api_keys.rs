//! `/developers/api-keys`: the list of API keys.

use actix_web::http::StatusCode;
use askama::Template;

use super::{
    ask,
    page::{API_KEYS, Frame, show as show_page},
    parts::{Moment, Name},
    text::{display_line, length},
    visitor::Visitor,
};
use crate::{
    domain::{KeyUse, Scope},
    service::KeyView,
    web::{State, problem::Reply},
};

#[derive(Template)]
#[template(path = "api_keys.html")]
struct ApiKeysPage {
    frame: Frame,
    head: String,
    rows: Vec<Row>,
}

struct Row {
    id: String,
    name: Name,
    key: String,
    scopes: String,
    account: Option<String>,
    created_by: Name,
    created_at: Moment,
    last_used: String,
    expires: Option<Moment>,
    is_expired: bool,
    /// Where the configuration sets it up, so that it is revoked there and not here.
    place: Option<String>,
}

/// Shows the list.
pub async fn show(state: State, visitor: Visitor) -> Reply {
    let actor = visitor.actor.clone();
    let keys = ask(&state, move |service| service.keys(&actor)).await?;
    let page = ApiKeysPage {
        frame: Frame::new(&visitor, API_KEYS, "API keys"),
        head: visitor.zone.head(visitor.now),
        rows: keys.iter().map(|view| row(view, &visitor)).collect(),
    };
    show_page(&visitor, StatusCode::OK, &page)
}

fn row(view: &KeyView, visitor: &Visitor) -> Row {
    let key = &view.key;
    let scopes: Vec<_> = key.scopes.iter().map(|scope| scope.code()).collect();
    Row {
        id: key.id.to_string(),
        name: Name::new(&key.name),
        key: format!("hsk_…{}", key.last_four),
        scopes: if scopes.len() == Scope::ALL.len() { "all".to_owned() } else { scopes.join(", ") },
        account: key.account.as_ref().map(ToString::to_string),
        created_by: Name::new(&key.created_by),
        created_at: visitor.zone.seconds(key.created_at),
        last_used: last_used(view, visitor),
        expires: key.expires_at.map(|at| visitor.zone.seconds(at)),
        place: view.place.as_deref().map(|place| display_line(place).into_owned()),
        is_expired: key.expires_at.is_some_and(|at| at <= visitor.now),
    }
}

/// `4 min 2 s ago from 10.0.0.9`.
pub fn last_used(view: &KeyView, visitor: &Visitor) -> String {
    match view.last_used {
        None => "never".to_owned(),
        Some(KeyUse { at, address }) => {
            let from = address.map(|address| format!(" from {address}")).unwrap_or_default();
            format!("{} ago{from}", length(visitor.now - at))
        }
    }
}
