//! A page of a long list: its entries, and where the neighbouring pages are.

use actix_web::{HttpRequest, HttpResponse, http::header};
use serde::Serialize;
use url::form_urlencoded;
use utoipa::ToSchema;

use crate::{
    service::Page,
    web::cursor::{self, Listed},
};

/// A part of a list, newest first.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Page)]
pub struct PageBody<T> {
    /// The entries.
    pub data: Vec<T>,
    /// The `cursor` of the next page, with older entries; null on the last one.
    pub next_cursor: Option<String>,
    /// The `cursor` of the page before, with newer entries; null if there is none yet.
    pub prev_cursor: Option<String>,
    /// Whether there are older entries.
    pub has_more: bool,
}

/// Answers with a page, and links to its neighbours.
pub fn reply<T, Id, Body>(request: &HttpRequest, page: Page<T, Id>, show: impl Fn(T) -> Body) -> HttpResponse
where
    Id: Listed,
    Body: Serialize,
{
    let body = PageBody {
        has_more: page.older.is_some(),
        next_cursor: page.older.map(cursor::encode),
        prev_cursor: page.newer.map(cursor::encode),
        data: page.items.into_iter().map(show).collect(),
    };
    let mut response = HttpResponse::Ok();
    let links: Vec<String> = [(&body.next_cursor, "next"), (&body.prev_cursor, "prev")]
        .into_iter()
        .filter_map(|(cursor, relation)| Some(link(request, cursor.as_deref()?, relation)))
        .collect();
    if !links.is_empty() {
        response.insert_header((header::LINK, links.join(", ")));
    }
    response.json(body)
}

/// A link to the same list elsewhere. Relative, because the name in `Host` is only the caller's word.
fn link(request: &HttpRequest, cursor: &str, relation: &str) -> String {
    let kept = form_urlencoded::parse(request.query_string().as_bytes()).filter(|(name, _)| name != "cursor");
    let query =
        form_urlencoded::Serializer::new(String::new()).extend_pairs(kept).append_pair("cursor", cursor).finish();
    format!("<{}?{query}>; rel=\"{relation}\"", request.path())
}
