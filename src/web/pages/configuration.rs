//! `/system/settings/configuration`: what `hookstead check-config` prints, with secrets masked.

use actix_web::http::StatusCode;
use askama::Template;

use super::{
    page::{Frame, SETTINGS, show as show_page},
    text::display_line,
    visitor::Visitor,
};
use crate::web::{State, problem::Reply};

#[derive(Template)]
#[template(path = "configuration.html")]
struct ConfigurationPage {
    frame: Frame,
    rows: Vec<Row>,
    warnings: Vec<String>,
}

struct Row {
    key: &'static str,
    value: String,
    source: String,
    is_set: bool,
}

/// Shows every key.
pub async fn show(state: State, visitor: Visitor) -> Reply {
    let config = state.config();
    let rows = config.describe().into_iter().map(|row| Row {
        key: row.key,
        value: display_line(&row.value).into_owned(),
        source: display_line(&row.source.to_string()).into_owned(),
        is_set: config.is_set(row.key),
    });
    let page = ConfigurationPage {
        frame: Frame::new(&visitor, SETTINGS, "Effective configuration").under("Effective configuration", ""),
        rows: rows.collect(),
        warnings: config.warnings().to_vec(),
    };
    show_page(&visitor, StatusCode::OK, &page)
}
