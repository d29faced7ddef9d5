//! What stands around every page of somebody who is signed in, and how a page is answered.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{self, HeaderValue},
    },
};
use askama::Template;

use super::{
    cookies::{Cookie, Reached},
    form::FormMark,
    notes::Note,
    text,
    theme::Theme,
    visitor::Visitor,
};
use crate::{
    domain::{Actor, Fault, Need, Pause, Problem},
    service::{Settings, Storing},
    web::{
        assets::{Assets, assets},
        problem::Reply,
    },
};

/// A page's address and what it is called in the navigation.
#[derive(Debug, Clone, Copy)]
pub struct NavItem {
    /// Its address.
    pub href: &'static str,
    /// Its name.
    pub text: &'static str,
    /// What it needs its visitors to be allowed.
    need: Need,
}

impl NavItem {
    const fn new(href: &'static str, text: &'static str, need: Need) -> NavItem {
        NavItem { href, text, need }
    }
}

/// Pages under one heading.
#[derive(Debug, Clone)]
pub struct NavGroup {
    /// The heading.
    pub title: &'static str,
    /// The pages.
    pub items: Vec<NavItem>,
}

/// Address of the list of webhooks.
pub const WEBHOOKS: &str = "/integration/webhook";
/// Address of Webhook Logs.
pub const WEBHOOK_LOGS: &str = "/integration/webhook-logs";
/// Address of the bulk resends.
pub const BULK_RESENDS: &str = "/integration/bulk-resends";
/// Address of the catalogue of event types.
pub const EVENT_TYPES: &str = "/integration/event-types";
/// Address of the test receiver.
pub const TEST_RECEIVER: &str = "/integration/test-receiver";
/// Address of the API keys.
pub const API_KEYS: &str = "/developers/api-keys";
/// Address of the API reference.
pub const API_REFERENCE: &str = "/developers/api";
/// Address of the overview of the system.
pub const SYSTEM: &str = "/system";

/// Address of the settings.
pub const SETTINGS: &str = "/system/settings";
/// Address of the people who may sign in.
pub const USERS: &str = "/system/users";
/// Address of the audit log.
pub const AUDIT: &str = "/system/audit";
/// Address of one's own account.
pub const ACCOUNT: &str = "/account";

/// Every page that the navigation leads to.
const NAV: [(&str, &[NavItem]); 3] = [
    (
        "Integration",
        &[
            NavItem::new(WEBHOOKS, "Webhook", Need::Look),
            NavItem::new(WEBHOOK_LOGS, "Webhook Logs", Need::Look),
            NavItem::new(EVENT_TYPES, "Event types", Need::Look),
            NavItem::new(TEST_RECEIVER, "Test receiver", Need::Look),
        ],
    ),
    (
        "Developers",
        &[NavItem::new(API_KEYS, "API keys", Need::Admin), NavItem::new(API_REFERENCE, "API reference", Need::Look)],
    ),
    (
        "System",
        &[
            NavItem::new(SYSTEM, "Overview", Need::Look),
            NavItem::new(SETTINGS, "Settings", Need::Own),
            NavItem::new(USERS, "Users", Need::Admin),
            NavItem::new(AUDIT, "Audit log", Need::Admin),
        ],
    ),
];

/// The navigation of somebody: what they may not see is not there.
fn nav(actor: &Actor) -> Vec<NavGroup> {
    let may = |item: &&NavItem| actor.may(item.need).is_ok();
    NAV.map(|(title, items)| NavGroup { title, items: items.iter().filter(may).copied().collect() }).into()
}

/// A step of the way to a page.
#[derive(Debug, Clone)]
pub struct Crumb {
    /// Its name.
    pub text: String,
    /// Its address; empty for a heading of the navigation and for the page itself.
    pub href: String,
}

/// What stands around a page.
pub struct Frame {
    /// What the browser's tab says.
    pub title: String,
    /// The page's heading.
    pub heading: String,
    /// The address of the entry of the navigation that is marked.
    pub here: &'static str,
    /// The way to this page.
    pub crumbs: Vec<Crumb>,
    /// The navigation.
    pub nav: Vec<NavGroup>,
    /// Whether the visitor may change anything; otherwise buttons are left out.
    pub may_change: bool,
    /// Who is signed in.
    pub who: String,
    /// What needs to be seen to on every page.
    pub alarm: Option<String>,
    /// All sending is paused, in words.
    pub paused: Option<String>,
    /// What comes cannot be kept, in words.
    pub cannot_store: Option<&'static str>,
    /// Webhooks point at the test receiver, in words; on the pages where that matters.
    pub at_receiver: Option<String>,
    /// Which colours the page has.
    pub theme: Theme,
    /// The message of the page before.
    pub note: Option<&'static str>,
    /// The mark of the page's forms.
    pub form: FormMark,
    /// Seconds after which the page is loaded again.
    pub refresh_s: Option<u32>,
    /// The program's version.
    pub version: &'static str,
    /// The zone times are shown in.
    pub zone: String,
    /// Where the page finds its files.
    pub assets: &'static Assets,
}

impl Frame {
    /// The frame of the page `title`, which belongs to the entry `here` of the navigation.
    pub fn new(visitor: &Visitor, here: &'static str, title: impl Into<String>) -> Frame {
        let nav = nav(&visitor.actor);
        let group = nav.iter().find(|group| group.items.iter().any(|item| item.href == here));
        let item = group.and_then(|group| group.items.iter().find(|item| item.href == here));
        let title = title.into();
        let mut crumbs = Vec::new();
        if let (Some(group), Some(item)) = (group, item) {
            crumbs.push(Crumb { text: group.title.to_owned(), href: String::new() });
            let is_itself = item.text == title;
            let href = if is_itself { String::new() } else { item.href.to_owned() };
            crumbs.push(Crumb { text: item.text.to_owned(), href });
        }
        let failing = visitor.failing as u64;
        Frame {
            title: text::display_line(&title).into_owned(),
            heading: text::display_line(&title).into_owned(),
            here,
            crumbs,
            nav,
            may_change: visitor.may_change(),
            who: text::display_line(&visitor.actor.name).into_owned(),
            alarm: (failing > 0).then(|| format!("{} failing", text::count(failing, "webhook", "webhooks"))),
            paused: visitor.pause.as_deref().map(|pause| paused(pause, visitor)),
            cannot_store: match visitor.storing {
                Storing::Fine => None,
                Storing::Full => Some(
                    "The limit of disk space is reached: events are refused, and the API answers 503. What is stored \
                     can be read.",
                ),
                Storing::CannotWrite => Some(
                    "Nothing can be stored at present: the disk is full or read-only, and the API answers 503. What is \
                     stored can be read; the server tries again every few seconds.",
                ),
            },
            at_receiver: Some(visitor.at_receiver as u64)
                .filter(|number| *number > 0 && [WEBHOOKS, SYSTEM].contains(&here))
                .map(at_receiver),
            theme: visitor.theme,
            note: visitor.note.map(Note::words),
            form: visitor.mark.clone(),
            refresh_s: None,
            version: env!("CARGO_PKG_VERSION"),
            zone: visitor.zone.long_name(visitor.now),
            assets: assets(),
        }
    }

    /// Adds a step to the way to this page.
    pub fn under(mut self, name: &str, href: impl Into<String>) -> Frame {
        self.crumbs.push(Crumb { text: text::display_line(name).into_owned(), href: href.into() });
        self
    }

    /// Says in the title that something must be corrected.
    pub fn with_errors(mut self, errors: &Errors) -> Frame {
        if !errors.is_empty() {
            self.title = format!("Error: {}", self.title);
        }
        self
    }
}

fn paused(pause: &Pause, visitor: &Visitor) -> String {
    let (by, reason) = (text::display_line(&pause.by), text::display_line(&pause.reason));
    format!("Sending is paused since {} by {by}: “{reason}”.", visitor.zone.clock(pause.at, visitor.now))
}

/// So many webhooks point at the test receiver.
pub fn at_receiver(number: u64) -> String {
    match number {
        1 => "1 webhook points at the test receiver".to_owned(),
        _ => format!("{} point at the test receiver", text::count(number, "webhook", "webhooks")),
    }
}

/// What is wrong with a form: all of it at the top, each fault again beside its field.
#[derive(Debug, Clone, Default)]
pub struct Errors {
    /// What concerns no field.
    pub general: Vec<String>,
    /// The fields' faults in the order of the form.
    pub of_fields: Vec<FieldError>,
}

/// One fault of one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// Id of the field.
    pub field: String,
    /// What is wrong and what to do.
    pub message: String,
}

impl Errors {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.general.is_empty() && self.of_fields.is_empty()
    }

    /// The form's mark was old.
    pub fn expired() -> Errors {
        Errors { general: vec!["This form had expired. Check it and submit again.".to_owned()], of_fields: Vec::new() }
    }

    /// The faults of a problem; `field_of` names the field that a pointer is about.
    pub fn of(problem: &Problem, field_of: impl Fn(&str) -> Option<String>) -> Errors {
        if problem.faults.is_empty() {
            return Errors { general: vec![problem.detail.clone()], of_fields: Vec::new() };
        }
        let mut errors = Errors::default();
        for Fault { pointer, message, .. } in &problem.faults {
            match field_of(pointer) {
                Some(field) => errors.of_fields.push(FieldError { field, message: message.clone() }),
                None => errors.general.push(message.clone()),
            }
        }
        errors
    }

    /// What is wrong with a field; empty if nothing is.
    pub fn at(&self, field: &str) -> String {
        let messages: Vec<_> =
            self.of_fields.iter().filter(|error| error.field == field).map(|error| error.message.as_str()).collect();
        messages.join(" ")
    }
}

/// The address this server is reached at, without a slash at the end: the one the operator set, or
/// else the one it listens at. The `Host` header is not asked: whoever can choose it must not choose
/// where a page's addresses lead.
pub fn base_address(request: &HttpRequest, settings: &Settings) -> String {
    let listens_at = request.app_config().local_addr();
    let own = || match listens_at.ip().is_unspecified() {
        true => format!("{}://localhost:{}", settings.scheme(), listens_at.port()),
        false => format!("{}://{listens_at}", settings.scheme()),
    };
    settings.public_url.as_deref().map_or_else(own, |url| url.trim_end_matches('/').to_owned())
}

/// Answers with a page.
///
/// # Errors
/// None that our templates have.
pub fn show(visitor: &Visitor, status: StatusCode, page: &impl Template) -> Reply {
    let mut response = html(status, page)?;
    if visitor.note.is_some() {
        // It was on this page, so it is not on the next one.
        response.headers_mut().append(header::SET_COOKIE, Cookie::Note.drop(visitor.secure));
    }
    Ok(response)
}

/// Answers with a page and no frame.
///
/// # Errors
/// None that our templates have.
pub fn html(status: StatusCode, page: &impl Template) -> Reply {
    let body = page.render().map_err(|_| Problem::internal())?;
    Ok(HttpResponse::build(status).content_type("text/html; charset=utf-8").body(body))
}

/// Leads on to the page that shows what was done.
pub fn see_other(address: &str) -> HttpResponse {
    let address = HeaderValue::from_str(address).unwrap_or(HeaderValue::from_static("/"));
    HttpResponse::SeeOther().insert_header((header::LOCATION, address)).finish()
}

/// Leads on, with a message for the page there.
pub fn see_other_with(address: &str, note: Note, secure: Reached) -> HttpResponse {
    note.with(see_other(address), secure)
}
