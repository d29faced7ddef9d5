//! How the form of a webhook is shown: every word of it, prepared for the template.

use std::sync::Arc;

use super::{
    field::TextField,
    page::Errors,
    retry_text,
    text::display_line,
    webhook_form::{MAX_ROWS, Typed, patterns_of},
};
use crate::{
    domain::{EventTypeInfo, Webhook},
    service::Settings,
};

/// The form.
pub struct Sheet {
    /// What is wrong with it.
    pub errors: Errors,
    /// Where it is sent to.
    pub action: String,
    /// Where Cancel leads.
    pub cancel: String,
    /// What its large button says.
    pub submit: &'static str,
    /// Whether it makes a webhook.
    pub is_new: bool,
    /// The version that is being changed.
    pub version: String,
    /// The webhook it is a copy of.
    pub copy_of: String,
    /// Request URL.
    pub request_url: TextField,
    /// Offer to put https:// in front.
    pub offer_https: bool,
    /// Offer to send over http anyway; whether it is taken.
    pub offer_http: Option<bool>,
    /// Offer to use a URL again that another webhook has.
    pub offer_same_url: bool,
    /// Offer to save a URL whose name nobody knows.
    pub offer_unknown_host: bool,
    /// What was confirmed already; goes along with the form.
    pub confirmed: Vec<&'static str>,
    /// What becomes of deliveries that wait while the URL changes; empty for none.
    pub waiting: String,
    /// Somebody else saved meanwhile.
    pub conflict: Option<Conflict>,
    /// Description.
    pub description: TextField,
    /// The Secret of a new webhook.
    pub secret: SecretField,
    /// Where the Secret of an old one is seen and rotated.
    pub secret_links: Option<SecretLinks>,
    /// Every event, also ones added later.
    pub every: bool,
    /// What is wrong with the choice.
    pub events_fault: String,
    /// Event types by category.
    pub groups: Vec<Group>,
    /// Chosen patterns that stand for no type and no category here.
    pub others: Vec<String>,
    /// `2 of 7 selected`.
    pub chosen: String,
    /// Rows of headers.
    pub headers: Vec<HeaderRow>,
    /// Whether there is room for another.
    pub can_add: bool,
    /// Delivery options.
    pub options: Vec<TextField>,
    /// Signatures of other forms.
    pub signatures: Vec<TextField>,
    /// Certificates and the key, several lines each.
    pub certificates: Vec<TextField>,
    /// Keep the order of events of one key.
    pub ordered: bool,
    /// What is set by default.
    pub defaults: String,
    /// Whether the options are open.
    pub options_open: bool,
    /// Send a test event after creating.
    pub send_test: bool,
}

/// Somebody else saved while this form was open.
pub struct Conflict {
    /// Who, when.
    pub words: String,
    /// What differs: the field, mine, theirs.
    pub differences: Vec<(&'static str, String, String)>,
}

/// The field for a new Secret.
pub struct SecretField {
    /// What is in it.
    pub value: String,
    /// What is wrong with it.
    pub fault: String,
    /// Whether it can be read.
    pub is_shown: bool,
    /// Offer to remove spaces at its ends.
    pub offer_trim: bool,
}

/// What is done with the Secret of a webhook that is there.
pub struct SecretLinks {
    /// The day it was set.
    pub since: String,
    /// The page of the webhook.
    pub webhook: String,
}

/// The event types of a category.
pub struct Group {
    /// Its name.
    pub name: String,
    /// How much of it is chosen.
    pub standing: Standing,
    /// Its types.
    pub events: Vec<EventRow>,
}

/// How much of a category is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Nothing.
    None,
    /// Some of its types by name.
    Some,
    /// All, also ones added later.
    Whole,
}

impl Standing {
    /// Whether it is chosen whole.
    pub fn is_whole(self) -> bool {
        self == Standing::Whole
    }

    /// Whether some of it is chosen and not the whole.
    pub fn is_some(self) -> bool {
        self == Standing::Some
    }
}

/// An event type.
pub struct EventRow {
    /// Its name in the API.
    pub name: String,
    /// Its name on pages.
    pub label: String,
    /// When it happens.
    pub description: String,
    /// Whether it is chosen.
    pub is_chosen: bool,
}

/// A row of headers.
pub struct HeaderRow {
    /// From 0.
    pub number: usize,
    /// Its name.
    pub name: String,
    /// Its value, as far as it was typed.
    pub value: String,
    /// Whether the value is not to be shown.
    pub is_hidden: bool,
    /// Under which name a hidden value is kept.
    pub kept: String,
    /// What is wrong with the name.
    pub name_fault: String,
    /// What is wrong with the value.
    pub value_fault: String,
    /// Whether typing goes on here.
    pub has_focus: bool,
}

impl Sheet {
    /// The form for a new webhook.
    pub fn new(
        typed: &Typed,
        errors: Errors,
        button: &str,
        types: &[Arc<EventTypeInfo>],
        settings: &Settings,
    ) -> Sheet {
        let texts = (super::page::WEBHOOKS.to_owned() + "/new", super::page::WEBHOOKS.to_owned(), "Create Webhook");
        Sheet::build(typed, errors, button, types, settings, texts, None)
    }

    /// The form for a change of `webhook`; `since` is the day its Secret was set.
    pub fn edit(
        typed: &Typed,
        errors: Errors,
        button: &str,
        types: &[Arc<EventTypeInfo>],
        settings: &Settings,
        webhook: &Webhook,
        since: String,
    ) -> Sheet {
        let page = format!("{}/{}", super::page::WEBHOOKS, webhook.id);
        let texts = (format!("{page}/edit"), page.clone(), "Save changes");
        Sheet::build(typed, errors, button, types, settings, texts, Some(SecretLinks { since, webhook: page }))
    }

    fn build(
        typed: &Typed,
        errors: Errors,
        button: &str,
        types: &[Arc<EventTypeInfo>],
        settings: &Settings,
        (action, cancel, submit): (String, String, &'static str),
        secret_links: Option<SecretLinks>,
    ) -> Sheet {
        let (groups, others) = groups(typed, types, button == "select_all");
        let events = groups.iter().flat_map(|group| &group.events);
        let chosen = events.clone().filter(|event| event.is_chosen || typed.every).count();
        let chosen = format!("{chosen} of {} selected", events.count());
        let options = options(typed, &errors);
        let signatures = signatures(typed, &errors);
        let certificates = certificates(typed, &errors);
        let set = options.iter().chain(&signatures).chain(&certificates);
        let options_open = typed.ordered || set.into_iter().any(|option| !option.value.is_empty());
        let url_fault = errors.at("request_url");
        Sheet {
            action,
            cancel,
            submit,
            is_new: secret_links.is_none(),
            version: typed.version.clone(),
            copy_of: typed.copy_of.clone(),
            offer_https: url_fault.contains("Did you mean"),
            offer_http: (typed.allow_http || url_fault.contains("Send unencrypted anyway")).then_some(typed.allow_http),
            offer_same_url: url_fault.contains("Another webhook"),
            offer_unknown_host: url_fault.contains("was not found"),
            confirmed: confirmed(typed),
            waiting: String::new(),
            conflict: None,
            request_url: TextField {
                hint: "Events are sent here as HTTP POST with a JSON body.",
                fault: url_fault,
                mono: true,
                ..TextField::new("request_url", "Request URL", &typed.request_url)
            },
            description: TextField {
                hint: "Shown in lists.",
                fault: errors.at("description"),
                optional: true,
                ..TextField::new("description", "Description", &typed.description)
            },
            secret: SecretField {
                value: typed.secret.clone(),
                is_shown: matches!(button, "generate" | "trim_secret"),
                offer_trim: typed.secret != typed.secret.trim() && !typed.keep_spaces,
                fault: errors.at("secret"),
            },
            secret_links,
            every: typed.every,
            events_fault: errors.at("events"),
            groups,
            others,
            chosen,
            headers: header_rows(typed, &errors, button),
            can_add: typed.headers.len() < MAX_ROWS,
            options_open,
            options,
            signatures,
            certificates,
            ordered: typed.ordered,
            defaults: format!(
                "Timeout {} s · at most {} at once · {} attempts: at once, then after {}.",
                settings.timeout_ms / 1000,
                settings.max_in_flight,
                settings.retry_schedule.attempts(),
                retry_text::show(&settings.retry_schedule)
            ),
            send_test: typed.send_test,
            errors,
        }
    }
}

/// The names of what was confirmed, as fields of the form.
fn confirmed(typed: &Typed) -> Vec<&'static str> {
    let all = [
        ("allow_same_url", typed.allow_same_url),
        ("allow_unknown_host", typed.allow_unknown_host),
        ("keep_spaces", typed.keep_spaces),
    ];
    all.into_iter().filter(|(_, is_set)| *is_set).map(|(name, _)| name).collect()
}

fn groups(typed: &Typed, types: &[Arc<EventTypeInfo>], all: bool) -> (Vec<Group>, Vec<String>) {
    let mut names: Vec<&str> = Vec::new();
    for info in types {
        if !names.contains(&info.category.as_str()) {
            names.push(&info.category);
        }
    }
    let mut shown: Vec<String> = Vec::new();
    let groups = names.into_iter().map(|name| {
        let patterns = patterns_of(name, types);
        let is_whole = typed.categories.iter().any(|category| category == name)
            || patterns.iter().all(|pattern| typed.events.contains(pattern));
        if is_whole {
            shown.extend(patterns);
        }
        let is_chosen =
            |info: &EventTypeInfo| is_whole || typed.events.contains(&info.name.to_string()) || (all && !info.retired);
        // A retired type is offered to those who have it, so that an edit does not lose it.
        let offered = types.iter().filter(|info| info.category == name && (!info.retired || is_chosen(info)));
        let events: Vec<EventRow> = offered
            .map(|info| EventRow {
                name: info.name.to_string(),
                label: display_line(&info.label).into_owned(),
                description: display_line(&info.description).into_owned(),
                is_chosen: is_chosen(info),
            })
            .collect();
        shown.extend(events.iter().map(|event| event.name.clone()));
        let some = events.iter().any(|event| event.is_chosen);
        let standing = match (is_whole, some) {
            (true, _) => Standing::Whole,
            (false, true) => Standing::Some,
            (false, false) => Standing::None,
        };
        Group { name: name.to_owned(), standing, events }
    });
    let groups: Vec<Group> = groups.collect();
    let others = typed.events.iter().filter(|event| !shown.iter().any(|known| known == *event));
    let mut others: Vec<String> = others.map(|event| display_line(event).into_owned()).collect();
    others.dedup();
    (groups.into_iter().filter(|group| !group.events.is_empty()).collect(), others)
}

fn header_rows(typed: &Typed, errors: &Errors, button: &str) -> Vec<HeaderRow> {
    let last = typed.headers.len().saturating_sub(1);
    let rows = typed.headers.iter().enumerate().map(|(number, header)| HeaderRow {
        number,
        name: header.name.clone(),
        value: header.value.clone(),
        is_hidden: header.hidden,
        kept: header.kept.clone(),
        name_fault: errors.at(&format!("header_name_{number}")),
        value_fault: errors.at(&format!("header_value_{number}")),
        has_focus: button == "add_header" && number == last,
    });
    rows.collect()
}

fn signatures(typed: &Typed, errors: &Errors) -> Vec<TextField> {
    let field = |name, label, value: &str, hint| TextField {
        hint,
        fault: errors.at(name),
        optional: true,
        mono: true,
        ..TextField::new(name, label, value)
    };
    vec![
        field(
            "hub_signature_header",
            "Header for sha256=…",
            &typed.hub_signature,
            "Such as X-Hub-Signature-256: the hex HMAC-SHA256 of the body, keyed with the text of the Secret.",
        ),
        field(
            "timestamped_signature_header",
            "Header for t=…,v1=…",
            &typed.timestamped_signature,
            "Such as X-Acme-Signature: the same over the Unix time, a full stop and the body.",
        ),
    ]
}

fn certificates(typed: &Typed, errors: &Errors) -> Vec<TextField> {
    let field = |name, label, value: &str, hint| TextField {
        hint,
        fault: errors.at(name),
        ..TextField::new(name, label, value)
    };
    vec![
        field(
            "tls_ca",
            "Certificate authorities",
            &typed.tls_ca,
            "PEM. Trusted for this webhook besides the public ones.",
        ),
        field(
            "tls_client_certificate",
            "Client certificate",
            &typed.tls_certificate,
            "PEM. Shown to a receiver that asks for one; those above it may follow.",
        ),
        field(
            "tls_client_key",
            "Private key of the client certificate",
            &typed.tls_key,
            "PEM without a passphrase. It is never shown again; left empty, the one that is kept stays.",
        ),
    ]
}

fn options(typed: &Typed, errors: &Errors) -> Vec<TextField> {
    let field = |name, label, value: &str, hint| TextField {
        hint,
        fault: errors.at(name),
        optional: true,
        ..TextField::new(name, label, value)
    };
    vec![
        field(
            "timeout_s",
            "Timeout in seconds",
            &typed.timeout_s,
            "1 to 60. How long the receiver may take to answer.",
        ),
        field("max_in_flight", "Requests at once", &typed.max_in_flight, "1 to 64."),
        field("rate_per_second", "Requests per second", &typed.rate_per_second, "No limit if empty."),
        field(
            "retry_schedule",
            "Retry schedule",
            &typed.retry_schedule,
            "Delays between attempts, such as 5 s, 5 min, 2 h.",
        ),
    ]
}
