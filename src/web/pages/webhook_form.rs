//! The form that makes and changes a webhook: what was typed, what it means, and how it is shown
//! again with what is wrong.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    fields::Fields,
    page::{Errors, FieldError},
    retry_text,
};
use crate::domain::{
    CustomHeader, CustomHeaders, EventTypeInfo, Fault, OtherSignatures, PrivateKey, RetrySchedule, Secret, Selection,
    TargetUrl, TlsChange, TlsOptions, Webhook,
};

/// Header rows that are empty and ready to be filled in.
const BLANK_ROWS: usize = 3;
/// Most header rows, which is the most headers of a webhook.
pub const MAX_ROWS: usize = 20;

/// The form as it was typed.
#[derive(Clone, Default)]
pub struct Typed {
    /// Request URL.
    pub request_url: String,
    /// Description.
    pub description: String,
    /// Secret; empty to have one made.
    pub secret: String,
    /// Every event, also ones added later.
    pub every: bool,
    /// Categories that are wanted whole.
    pub categories: Vec<String>,
    /// Names of event types, and other patterns.
    pub events: Vec<String>,
    /// Rows of headers, empty ones included.
    pub headers: Vec<TypedHeader>,
    /// Delivery options; empty for the default.
    pub timeout_s: String,
    /// See [`Webhook::max_in_flight`].
    pub max_in_flight: String,
    /// See [`Webhook::rate_per_second`].
    pub rate_per_second: String,
    /// See [`retry_text`].
    pub retry_schedule: String,
    /// See [`Webhook::ordered`].
    pub ordered: bool,
    /// See [`OtherSignatures::hub`]; empty for none.
    pub hub_signature: String,
    /// See [`OtherSignatures::timestamped`]; empty for none.
    pub timestamped_signature: String,
    /// See [`TlsOptions::ca`]; empty for none.
    pub tls_ca: String,
    /// See [`TlsOptions::certificate`]; empty for none, and for no key.
    pub tls_certificate: String,
    /// See [`TlsOptions::key`]; left empty, the kept one stays.
    pub tls_key: String,
    /// Send over plain http anyway.
    pub allow_http: bool,
    /// Save although another webhook has the same URL.
    pub allow_same_url: bool,
    /// Save although nobody knows the name in the URL.
    pub allow_unknown_host: bool,
    /// Keep spaces at the ends of the Secret.
    pub keep_spaces: bool,
    /// Send a test event after creating.
    pub send_test: bool,
    /// The version of the webhook that is being changed.
    pub version: String,
    /// Id of the webhook that a new one is a copy of; empty for none.
    pub copy_of: String,
}

/// A row of headers as it was typed.
#[derive(Clone, Default)]
pub struct TypedHeader {
    /// Its name.
    pub name: String,
    /// Its value; left empty, the kept one stays.
    pub value: String,
    /// Whether the value is not to be shown.
    pub hidden: bool,
    /// Under which name a hidden value is kept; empty for none.
    pub kept: String,
}

/// The form as it is meant.
#[derive(Debug, Clone)]
pub struct Meant {
    /// Request URL.
    pub request_url: TargetUrl,
    /// Description.
    pub description: String,
    /// Secret, if one was typed.
    pub secret: Option<Secret>,
    /// Events.
    pub selection: Selection,
    /// Headers.
    pub headers: CustomHeaders,
    /// See [`Webhook::timeout_ms`].
    pub timeout_ms: Option<u32>,
    /// See [`Webhook::max_in_flight`].
    pub max_in_flight: Option<u16>,
    /// See [`Webhook::rate_per_second`].
    pub rate_per_second: Option<u32>,
    /// See [`Webhook::retry_schedule`].
    pub retry_schedule: Option<RetrySchedule>,
    /// See [`Webhook::ordered`].
    pub ordered: bool,
    /// See [`Webhook::other_signatures`].
    pub other_signatures: OtherSignatures,
    /// See [`Webhook::tls`].
    pub tls: TlsChange,
}

impl Typed {
    /// A new form.
    pub fn empty() -> Typed {
        let headers = vec![TypedHeader::default(); BLANK_ROWS];
        Typed { headers, send_test: true, ..Typed::default() }
    }

    /// The form of a webhook that is there.
    pub fn of(webhook: &Webhook) -> Typed {
        let number = |number: Option<u32>| number.map(|number| number.to_string()).unwrap_or_default();
        let mut headers: Vec<_> = webhook.headers.iter().map(TypedHeader::of).collect();
        headers.resize_with((headers.len() + 1).clamp(BLANK_ROWS, MAX_ROWS), TypedHeader::default);
        Typed {
            request_url: webhook.request_url.to_string(),
            description: webhook.description.clone(),
            every: webhook.selection.is_every(),
            events: webhook.selection.patterns().iter().filter(|pattern| *pattern != "*").cloned().collect(),
            headers,
            timeout_s: webhook.timeout_ms.map(seconds).unwrap_or_default(),
            max_in_flight: number(webhook.max_in_flight.map(u32::from)),
            rate_per_second: number(webhook.rate_per_second),
            retry_schedule: webhook.retry_schedule.as_ref().map(retry_text::show).unwrap_or_default(),
            ordered: webhook.ordered,
            hub_signature: webhook.other_signatures.hub.clone().unwrap_or_default(),
            timestamped_signature: webhook.other_signatures.timestamped.clone().unwrap_or_default(),
            tls_ca: webhook.tls.ca.clone().unwrap_or_default().trim().to_owned(),
            tls_certificate: webhook.tls.certificate.clone().unwrap_or_default().trim().to_owned(),
            allow_http: !webhook.request_url.is_https(),
            version: webhook.version.to_string(),
            ..Typed::default()
        }
    }

    /// A new form, filled in like a webhook that is there. The Secret is not taken along: each
    /// webhook has its own.
    pub fn copy_of(webhook: &Webhook) -> Typed {
        Typed { copy_of: webhook.id.to_string(), version: String::new(), send_test: true, ..Typed::of(webhook) }
    }

    /// Reads the fields.
    pub fn read(fields: &Fields) -> Typed {
        let text = |name: &str| fields.get(name).to_owned();
        // A browser sends other line ends than files have.
        let lines = |name: &str| fields.get(name).trim().replace("\r\n", "\n");
        let list = |name: &str| fields.all(name).map(str::to_owned).collect();
        let rows = (0..MAX_ROWS).filter(|row| fields.has(&format!("header_name_{row}")));
        let headers = rows.map(|row| TypedHeader {
            name: text(&format!("header_name_{row}")).trim().to_owned(),
            value: text(&format!("header_value_{row}")),
            hidden: fields.ticked(&format!("header_hide_{row}")),
            kept: text(&format!("header_kept_{row}")),
        });
        Typed {
            request_url: text("request_url"),
            description: text("description").trim().to_owned(),
            secret: text("secret"),
            every: fields.get("choice") == "every",
            categories: list("category"),
            events: list("event"),
            headers: headers.collect(),
            timeout_s: text("timeout_s"),
            max_in_flight: text("max_in_flight"),
            rate_per_second: text("rate_per_second"),
            retry_schedule: text("retry_schedule"),
            allow_http: fields.ticked("allow_http"),
            allow_same_url: fields.ticked("allow_same_url"),
            allow_unknown_host: fields.ticked("allow_unknown_host"),
            keep_spaces: fields.ticked("keep_spaces"),
            send_test: fields.ticked("send_test"),
            ordered: fields.ticked("ordered"),
            hub_signature: text("hub_signature_header").trim().to_owned(),
            timestamped_signature: text("timestamped_signature_header").trim().to_owned(),
            tls_ca: lines("tls_ca"),
            tls_certificate: lines("tls_client_certificate"),
            tls_key: lines("tls_client_key"),
            version: text("version"),
            copy_of: text("copy_of"),
        }
    }

    /// Does what one of the small buttons asks for; `false` if it saves: the large one, and those
    /// that save anyway.
    pub fn press(&mut self, button: &str, new_secret: impl FnOnce() -> Secret) -> bool {
        match button {
            "generate" => self.secret = new_secret().as_str().to_owned(),
            "trim_secret" => self.secret = self.secret.trim().to_owned(),
            "use_https" => self.request_url = format!("https://{}", self.request_url.trim().trim_start_matches('/')),
            "save_same_url" => {
                self.allow_same_url = true;
                return false;
            }
            "save_unknown_host" => {
                self.allow_unknown_host = true;
                return false;
            }
            "keep_spaces" => {
                self.keep_spaces = true;
                return false;
            }
            // The sheet ticks them all: it knows what is offered.
            "select_all" => self.every = false,
            "clear_events" => (self.every, self.events, self.categories) = (false, Vec::new(), Vec::new()),
            "add_header" if self.headers.len() < MAX_ROWS => self.headers.push(TypedHeader::default()),
            "add_header" => {}
            _ => match button.strip_prefix("remove_").and_then(|row| row.parse::<usize>().ok()) {
                Some(row) if row < self.headers.len() => drop(self.headers.remove(row)),
                Some(_) => {}
                None => return false,
            },
        }
        true
    }

    /// What the form means, or everything that is wrong with it. Hidden values that were left
    /// alone are taken from `before`.
    ///
    /// # Errors
    /// All faults, in the order of the form.
    pub fn mean(&self, types: &[Arc<EventTypeInfo>], before: &CustomHeaders) -> Result<Meant, Errors> {
        let mut found = Found::default();
        let request_url = found.take("request_url", TargetUrl::parse(&self.request_url));
        let secret = match self.secret.is_empty() {
            true => None,
            false if self.keep_spaces => found.take("secret", Secret::parse_with_spaces(&self.secret)),
            false => found.take("secret", Secret::parse(&self.secret)),
        };
        let selection = self.selection(types).map_err(|faults| found.all(faults, |_| "events".to_owned())).ok();
        let headers = self.headers(before, &mut found);
        let timeout_ms = found.take("timeout_s", milliseconds(&self.timeout_s));
        let max_in_flight = found.take("max_in_flight", number(&self.max_in_flight, 64));
        let rate_per_second = found.take("rate_per_second", number(&self.rate_per_second, 10_000));
        let retry_schedule = match self.retry_schedule.trim() {
            "" => None,
            text => found.take("retry_schedule", retry_text::parse(text)),
        };
        let hub = found.take("hub_signature_header", header_name(&self.hub_signature)).flatten();
        let timestamped =
            found.take("timestamped_signature_header", header_name(&self.timestamped_signature)).flatten();
        let ca = found.take("tls_ca", pem(&self.tls_ca)).flatten();
        let certificate = found.take("tls_client_certificate", pem(&self.tls_certificate)).flatten();
        let key = found.take("tls_client_key", pem(&self.tls_key)).flatten();
        if !found.0.is_empty() {
            return Err(Errors { general: Vec::new(), of_fields: found.0 });
        }
        let whole = "every part is there where nothing is wrong";
        Ok(Meant {
            request_url: request_url.expect(whole),
            description: self.description.clone(),
            secret,
            selection: selection.expect(whole),
            headers: headers.expect(whole),
            timeout_ms: timeout_ms.expect(whole),
            max_in_flight: max_in_flight.expect(whole).map(|number| number as u16),
            rate_per_second: rate_per_second.expect(whole),
            retry_schedule,
            ordered: self.ordered,
            other_signatures: OtherSignatures { hub, timestamped },
            tls: TlsChange {
                ca: Some(ca),
                certificate: Some(certificate),
                key: key.map(|key| Some(PrivateKey::new(key))),
            },
        })
    }

    fn selection(&self, types: &[Arc<EventTypeInfo>]) -> Result<Selection, Vec<Fault>> {
        if self.every {
            return Ok(Selection::every());
        }
        let whole = self.categories.iter().flat_map(|category| patterns_of(category, types));
        let whole: Vec<String> = whole.collect();
        let single = self.events.iter().filter(|event| !whole.iter().any(|pattern| covers(pattern, event))).cloned();
        let patterns: Vec<String> = whole.iter().cloned().chain(single).collect();
        Selection::parse(&patterns)
    }

    fn headers(&self, before: &CustomHeaders, found: &mut Found) -> Option<CustomHeaders> {
        let filled = self.headers.iter().enumerate().filter(|(_, header)| !header.is_empty());
        let (rows, headers): (Vec<usize>, Vec<CustomHeader>) =
            filled.map(|(row, header)| (row, header.meant(before))).unzip();
        let field = |pointer: &str| {
            let mut parts = pointer.split('/').skip(1);
            let row = parts.next().and_then(|index| index.parse::<usize>().ok()).and_then(|index| rows.get(index));
            let part = parts.next().unwrap_or("name");
            format!("header_{part}_{}", row.unwrap_or(&0))
        };
        CustomHeaders::parse(headers).map_err(|faults| found.all(faults, field)).ok()
    }
}

impl TypedHeader {
    fn of(header: &CustomHeader) -> TypedHeader {
        let kept = if header.hidden { header.name.clone() } else { String::new() };
        let value = if header.hidden { String::new() } else { header.value.clone() };
        TypedHeader { name: header.name.clone(), value, hidden: header.hidden, kept }
    }

    /// Whether the row says nothing.
    pub fn is_empty(&self) -> bool {
        self.name.is_empty() && self.value.is_empty()
    }

    fn meant(&self, before: &CustomHeaders) -> CustomHeader {
        let kept = before.iter().find(|header| header.hidden && header.name == self.kept);
        let value = match kept {
            Some(kept) if self.value.is_empty() => kept.value.clone(),
            _ => self.value.clone(),
        };
        CustomHeader { name: self.name.clone(), value, hidden: self.hidden }
    }
}

/// What differs between two versions of a form, field by field: its label, then the one and the
/// other. Hidden values are not shown; whether they differ is.
pub fn differences(mine: &Typed, theirs: &Typed) -> Vec<(&'static str, String, String)> {
    let events = |typed: &Typed| match typed.every {
        true => "every event".to_owned(),
        false => {
            let mut events = typed.events.clone();
            events.sort();
            events.dedup();
            events.join(", ")
        }
    };
    let headers = |typed: &Typed| {
        let filled = typed.headers.iter().filter(|header| !header.is_empty());
        let shown = filled.map(|header| match (header.hidden, header.value.is_empty()) {
            (true, true) => format!("{}: ••••••••", header.name),
            (true, false) => format!("{}: •••••••• (new)", header.name),
            (false, _) => format!("{}: {}", header.name, header.value),
        });
        shown.collect::<Vec<_>>().join("; ")
    };
    let yes_or_no = |is: bool| if is { "yes" } else { "no" }.to_owned();
    let fields = [
        ("Request URL", mine.request_url.trim().to_owned(), theirs.request_url.clone()),
        ("Description", mine.description.clone(), theirs.description.clone()),
        ("Events", events(mine), events(theirs)),
        ("Headers", headers(mine), headers(theirs)),
        ("Timeout in seconds", mine.timeout_s.trim().to_owned(), theirs.timeout_s.clone()),
        ("Requests at once", mine.max_in_flight.trim().to_owned(), theirs.max_in_flight.clone()),
        ("Requests per second", mine.rate_per_second.trim().to_owned(), theirs.rate_per_second.clone()),
        ("Retry schedule", mine.retry_schedule.trim().to_owned(), theirs.retry_schedule.clone()),
        ("Keep order", yes_or_no(mine.ordered), yes_or_no(theirs.ordered)),
        ("Signature sha256=", mine.hub_signature.clone(), theirs.hub_signature.clone()),
        ("Signature t=,v1=", mine.timestamped_signature.clone(), theirs.timestamped_signature.clone()),
        ("Certificate authorities", mine.tls_ca.clone(), theirs.tls_ca.clone()),
        ("Client certificate", mine.tls_certificate.clone(), theirs.tls_certificate.clone()),
        ("Private key", if mine.tls_key.is_empty() { "" } else { "•••••••• (new)" }.to_owned(), String::new()),
    ];
    fields.into_iter().filter(|(_, mine, theirs)| mine != theirs).collect()
}

/// The field of the form that a pointer of the service is about.
pub fn field_of(pointer: &str) -> Option<String> {
    let member = pointer.split('/').nth(1)?;
    let field = match member {
        "timeout_ms" => "timeout_s",
        "headers" => "header_name_0",
        "request_url"
        | "description"
        | "secret"
        | "events"
        | "max_in_flight"
        | "rate_per_second"
        | "retry_schedule"
        | "hub_signature_header"
        | "timestamped_signature_header"
        | "tls_ca"
        | "tls_client_certificate"
        | "tls_client_key" => member,
        _ => return None,
    };
    Some(field.to_owned())
}

/// The patterns that stand for a whole category. A first word that belongs to this category alone
/// stands for its later types as well; types that share theirs with another are named one by one.
pub fn patterns_of(category: &str, types: &[Arc<EventTypeInfo>]) -> Vec<String> {
    let mut patterns = BTreeSet::new();
    for info in types.iter().filter(|info| info.category == category) {
        let prefix = info.name.category();
        let shared = types.iter().any(|other| other.name.category() == prefix && other.category != category);
        patterns.insert(if shared { info.name.to_string() } else { format!("{prefix}.*") });
    }
    patterns.into_iter().collect()
}

/// Whether `pattern` includes `event`, which may be a pattern itself.
pub fn covers(pattern: &str, event: &str) -> bool {
    pattern == event || pattern.strip_suffix('*').is_some_and(|beginning| event.starts_with(beginning))
}

/// Faults found so far, each with its field.
#[derive(Default)]
struct Found(Vec<FieldError>);

impl Found {
    fn take<T>(&mut self, field: &str, result: Result<T, Fault>) -> Option<T> {
        result.map_err(|fault| self.0.push(FieldError { field: field.to_owned(), message: fault.message })).ok()
    }

    fn all(&mut self, faults: Vec<Fault>, field: impl Fn(&str) -> String) {
        let errors =
            faults.into_iter().map(|fault| FieldError { field: field(&fault.pointer), message: fault.message });
        self.0.extend(errors);
    }
}

fn header_name(text: &str) -> Result<Option<String>, Fault> {
    match text {
        "" => Ok(None),
        name => OtherSignatures::check_name(name).map(|()| Some(name.to_owned())),
    }
}

/// PEM with a line end behind it, as files have it.
fn pem(text: &str) -> Result<Option<String>, Fault> {
    if text.is_empty() {
        return Ok(None);
    }
    let text = format!("{text}\n");
    TlsOptions::check_length(&text).map(|()| Some(text))
}

fn seconds(milliseconds: u32) -> String {
    let text = format!("{}.{:03}", milliseconds / 1000, milliseconds % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn milliseconds(text: &str) -> Result<Option<u32>, Fault> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let seconds = text.replace(',', ".").parse::<f64>().ok().filter(|seconds| (1.0..=60.0).contains(seconds));
    let fault = || Fault::new("out_of_range", "Use a number of seconds from 1 to 60, or leave it empty.");
    seconds.map(|seconds| Some((seconds * 1000.0).round() as u32)).ok_or_else(fault)
}

fn number(text: &str, most: u32) -> Result<Option<u32>, Fault> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let number = text.parse().ok().filter(|number| (1..=most).contains(number));
    let most = crate::domain::with_thousands(most.into());
    let fault = || Fault::new("out_of_range", format!("Use a whole number from 1 to {most}, or leave it empty."));
    number.map(Some).ok_or_else(fault)
}

#[cfg(test)]
#[path = "webhook_form_tests.rs"]
mod tests;
