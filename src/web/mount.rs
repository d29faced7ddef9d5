//! Pages below a path, such as `https://crm.example.com/hooks/`: the proxy in front takes the path
//! away, and here it is put before every address that an answer names. Pages and handlers write
//! addresses from the root and know nothing of it.

use actix_web::{
    HttpResponse,
    body::{BodySize, BoxBody, MessageBody},
    http::header::{self, HeaderMap, HeaderName, HeaderValue},
    web::Bytes,
};

/// Attributes of our pages that hold an address. `value` is none of them: what a form sends back
/// comes here again.
const ADDRESSES: [&str; 8] = [
    "href=\"/",
    "src=\"/",
    "action=\"/",
    "formaction=\"/",
    "data-copy-from=\"/",
    "data-rows=\"/",
    "data-progress=\"/",
    "data-watch=\"/",
];

/// The path that people see before ours, without a slash at its end; empty at the root.
#[derive(Debug, Clone, Default)]
pub struct Mount(String);

impl Mount {
    /// The path of the address that people use.
    pub fn of(public_url: Option<&url::Url>) -> Mount {
        Mount(public_url.map(|url| url.path().trim_end_matches('/').to_owned()).unwrap_or_default())
    }

    /// The path, without a slash at its end.
    pub fn path(&self) -> &str {
        &self.0
    }

    /// Moves what an answer names: its headers, and the addresses on a page.
    pub fn move_answer(&self, mut response: HttpResponse<BoxBody>) -> HttpResponse<BoxBody> {
        if self.0.is_empty() {
            return response;
        }
        self.move_headers(response.headers_mut());
        let kind = response.headers().get(header::CONTENT_TYPE);
        let is_page = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
        if !is_page || !matches!(response.body().size(), BodySize::Sized(_)) {
            return response;
        }
        let (head, body) = response.into_parts();
        match body.try_into_bytes() {
            Ok(bytes) => head.set_body(BoxBody::new(self.move_page(&bytes))),
            Err(body) => head.set_body(body),
        }
    }

    fn move_headers(&self, headers: &mut HeaderMap) {
        let value = |name: &HeaderName| Some(headers.get(name)?.to_str().ok()?.to_owned());
        let location = value(&header::LOCATION).map(|value| self.move_address(&value, "/"));
        let links = value(&header::LINK).map(|value| {
            let links = value.split(", ").map(|link| self.move_address(link, "</"));
            links.collect::<Vec<_>>().join(", ")
        });
        for (name, moved) in [(header::LOCATION, location), (header::LINK, links)] {
            if let Some(moved) = moved.and_then(|value| HeaderValue::from_str(&value).ok()) {
                headers.insert(name, moved);
            }
        }
    }

    fn move_address(&self, address: &str, before: &str) -> String {
        match address.strip_prefix(before) {
            // Two slashes begin another host's name.
            Some(rest) if !rest.starts_with('/') => format!("{}{}/{rest}", before.trim_end_matches('/'), self.0),
            _ => address.to_owned(),
        }
    }

    /// Text on a page cannot look like an attribute: its quotation marks are escaped.
    fn move_page(&self, page: &[u8]) -> Bytes {
        let mut moved = String::from_utf8_lossy(page).into_owned();
        for attribute in ADDRESSES {
            let attribute = format!(" {attribute}");
            moved = moved.replace(&attribute, &format!("{}{}/", attribute.trim_end_matches('/'), self.0));
        }
        Bytes::from(moved)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mount() -> Mount {
        Mount::of(Some(&url::Url::parse("https://crm.example.com/hooks/").unwrap()))
    }

    #[test]
    fn the_path_is_that_of_the_public_address() {
        assert_eq!(mount().path(), "/hooks");
        assert_eq!(Mount::of(Some(&url::Url::parse("https://hooks.example.com").unwrap())).path(), "");
        assert_eq!(Mount::of(None).path(), "");
    }

    #[test]
    fn addresses_on_a_page_are_moved_and_texts_are_not() {
        let page = r#"<a class="x" href="/integration">a</a><form action="/sign-out"><input name="back" value="/system">
<p> href=&quot;/x&quot; /y</p><a href="https://example.com/z"><div data-rows="/rows?x=1">"#;
        let moved = r#"<a class="x" href="/hooks/integration">a</a><form action="/hooks/sign-out"><input name="back" value="/system">
<p> href=&quot;/x&quot; /y</p><a href="https://example.com/z"><div data-rows="/hooks/rows?x=1">"#;
        assert_eq!(mount().move_page(page.as_bytes()), moved.as_bytes());
    }

    #[test]
    fn headers_are_moved_within_this_host_only() {
        for (before, value, moved) in [
            ("/", "/integration/webhook?a=/b", "/hooks/integration/webhook?a=/b"),
            ("/", "//elsewhere.example/x", "//elsewhere.example/x"),
            ("/", "https://elsewhere.example/", "https://elsewhere.example/"),
            ("</", "</l?c=1>; rel=\"next\"", "</hooks/l?c=1>; rel=\"next\""),
        ] {
            assert_eq!(mount().move_address(value, before), moved);
        }
        let mut headers = HeaderMap::new();
        headers.insert(header::LINK, HeaderValue::from_static("</l?c=1>; rel=\"next\", </l?c=0>; rel=\"prev\""));
        mount().move_headers(&mut headers);
        assert_eq!(headers.get(header::LINK).unwrap(), "</hooks/l?c=1>; rel=\"next\", </hooks/l?c=0>; rel=\"prev\"");
    }
}
