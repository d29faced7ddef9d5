//! One request that the test receiver got: as the page shows it, its body as a file, and the
//! command that sends it again.

use actix_web::{HttpRequest, HttpResponse, http::header};

use super::{
    as_command::{CommandBody, CommandParts, Tool},
    parts::{Icon, Moment, Name},
    text::{display_bytes, display_line, display_text, size},
    visitor::Visitor,
    zone::Zone,
};
use crate::{
    domain::{Problem, TestReceiver},
    service::{Received, SignatureCheck},
    web::{State, problem::Reply, receiver::KeptRequest},
};

/// Bytes of a body that the page shows, and that a command carries in itself.
const SHOWN_BYTES: usize = 8 * 1024;
/// Headers that belong to one connection, or that the command works out itself.
const NOT_REPEATED: [&str; 4] = ["host", "content-length", "connection", "transfer-encoding"];

/// A request as the page shows it.
pub struct Shown {
    /// Its number.
    pub number: u64,
    /// When it came.
    pub at: Moment,
    /// Its method.
    pub method: String,
    /// Its event type, or why there is none.
    pub event: Name,
    /// How large its body is.
    pub size: String,
    /// Whether its signature is right.
    pub signature: Signature,
    /// What it was answered.
    pub answered: String,
    /// Its first line and headers.
    pub head: String,
    /// Its body, or the beginning of it.
    pub body: String,
    /// Only the beginning is shown.
    pub is_cut: bool,
    /// A command that sends it again.
    pub curl: String,
}

/// Icon, colour and words.
pub struct Signature {
    /// The icon.
    pub icon: Icon,
    /// The class of the colour.
    pub class: &'static str,
    /// The words.
    pub words: String,
}

impl KeptRequest {
    /// What of it its signature is about.
    pub fn received(&self) -> Received<'_> {
        Received {
            at: self.at,
            id: self.header("webhook-id"),
            timestamp: self.header("webhook-timestamp"),
            signature: self.header("webhook-signature"),
            log_id: self.header("webhook-log-id"),
            body: &self.body,
        }
    }
}

impl Shown {
    /// The request with what its signature came to.
    pub fn new(request: &KeptRequest, checked: SignatureCheck, receiver: &TestReceiver, zone: &Zone) -> Shown {
        let event = match (request.header("webhook-event-type"), request.header("webhook-id")) {
            ("", "") => "(no id header)",
            ("", _) => "(no event type)",
            (event, _) => event,
        };
        let shown = &request.body[..request.body.len().min(SHOWN_BYTES)];
        let is_cut = shown.len() < request.body.len();
        let lines = request.headers.iter().map(|(name, value)| format!("{name}: {}", display_bytes(value)));
        let first = format!("{} {}", request.method, display_line(&request.path));
        Shown {
            number: request.number,
            at: zone.millis(request.at),
            method: display_line(&request.method).into_owned(),
            event: Name::new(event),
            size: size(request.body.len()),
            signature: checked.into(),
            answered: request.answered.clone(),
            head: [first].into_iter().chain(lines).collect::<Vec<_>>().join("\n"),
            body: display_bytes(shown),
            is_cut,
            curl: curl(request, receiver),
        }
    }
}

impl From<SignatureCheck> for Signature {
    fn from(checked: SignatureCheck) -> Self {
        let (icon, class, words) = match checked {
            SignatureCheck::Right => (Icon::Tick, "good-ink", "signature right".to_owned()),
            SignatureCheck::Wrong(why) => (Icon::Cross, "bad-ink", format!("signature wrong: {}", display_line(&why))),
            SignatureCheck::NotSigned => (Icon::Dash, "quiet", "not signed".to_owned()),
            SignatureCheck::NotChecked => (Icon::Dash, "quiet", "signature not checked".to_owned()),
        };
        Signature { icon, class, words }
    }
}

/// The body of a request as a file, exactly as it came.
pub async fn body(state: State, request: HttpRequest, _visitor: Visitor) -> Reply {
    let number = request.match_info().query("number").parse::<u64>().ok();
    let found = number.and_then(|number| state.receiver().memory().kept.get(number).cloned());
    let found = found.ok_or_else(|| Problem::not_found("request"))?;
    let disposition = format!("attachment; filename=\"request-{}.bin\"", found.number);
    Ok(HttpResponse::Ok()
        .content_type("application/octet-stream")
        .insert_header((header::CONTENT_DISPOSITION, disposition))
        .body(found.body))
}

/// The command that sends it again. A body that is long, or has characters that do not show, is left
/// to the file, so that what is copied is what was meant.
fn curl(request: &KeptRequest, receiver: &TestReceiver) -> String {
    let query = request.path.split_once('?').map(|(_, query)| format!("?{query}")).unwrap_or_default();
    let url = format!("{}{query}", receiver.url);
    let headers = request.headers.iter().filter(|(name, _)| !NOT_REPEATED.contains(&name.as_str()));
    let headers: Vec<_> = headers
        .map(|(name, value)| (name.as_str(), display_line(&String::from_utf8_lossy(value)).into_owned()))
        .collect();
    let file = format!("request-{}.bin", request.number);
    let text = std::str::from_utf8(&request.body).ok();
    let text = text.filter(|text| text.len() <= SHOWN_BYTES && display_text(text) == *text);
    Tool::Curl.command(&CommandParts {
        method: &request.method,
        url: &url,
        headers: headers.iter().map(|(name, value)| (*name, Some(value.as_str()))).collect(),
        body: text.map_or(CommandBody::File(&file), CommandBody::Inline),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{TargetUrl, Timestamp};

    fn receiver() -> TestReceiver {
        TestReceiver {
            url: TargetUrl::parse("https://hooks.acme.test/in/rcv_1").unwrap(),
            local: TargetUrl::parse("http://127.0.0.1:8080/in/rcv_1").unwrap(),
            listener: "127.0.0.1:8080".parse().unwrap(),
        }
    }

    fn request(body: &[u8]) -> KeptRequest {
        KeptRequest {
            number: 7,
            at: Timestamp::default(),
            method: "POST".into(),
            path: "/in/rcv_1?a=1".into(),
            headers: vec![("host".into(), b"x".to_vec()), ("x-env".into(), b"it's".to_vec())],
            body: body.to_vec().into(),
            answered: "200".into(),
        }
    }

    #[test]
    fn the_command_says_what_came_and_a_shell_reads_it_so() {
        let shown = curl(&request(br#"{"name":"O'Neil $(id) `id`"}"#), &receiver());
        assert_eq!(
            shown,
            "curl --globoff --request 'POST' 'https://hooks.acme.test/in/rcv_1?a=1' \\\n  --header 'x-env: it'\\''s' \\\n  \
             --data-raw '{\"name\":\"O'\\''Neil $(id) `id`\"}'"
        );
        for body in [b"\x00" as &[u8], "a\u{202E}b".as_bytes(), &[b'x'; 9_000]] {
            assert!(curl(&request(body), &receiver()).ends_with("--data-binary @request-7.bin"));
        }
        assert!(!curl(&request(b""), &receiver()).contains("--data"));
    }
}
