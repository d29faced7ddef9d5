//! Reading webhooks from requests.

use std::ops::RangeInclusive;

use utoipa::ToSchema;

use crate::{
    domain::{
        AccountId, CustomHeader, CustomHeaders, OtherSignatures, PrivateKey, RetrySchedule, Secret, Selection,
        TargetUrl, TlsChange, TlsOptions, Waiting, Webhook,
    },
    service::{WebhookChange, WebhookInput},
    web::api::Rules,
    web::json::{Object, Raw, Read, checked, list, object, parsed, text, whole_number, yes_or_no},
};

/// Members that answers show and a change cannot set.
const READ_ONLY: [&str; 20] = [
    "id",
    "account",
    "created_at",
    "created_by",
    "updated_at",
    "disabled_reason",
    "disabled_at",
    "health",
    "failing_since",
    "disable_warning",
    "probe",
    "throttled_until",
    "waiting",
    "missed",
    "old_secret_until",
    "tls_ca_ends_at",
    "tls_client_certificate_ends_at",
    "set_by_configuration",
    "retries_paused_at",
    "deleting_since",
];

/// A new webhook.
#[derive(ToSchema)]
#[allow(dead_code, reason = "describes what `read_webhook` reads; a test compares the names")]
pub struct NewWebhook {
    /// Where to send, with https://.
    #[schema(example = "https://hooks.example.com/crm", max_length = 2048)]
    request_url: String,
    /// Which events: names, groups such as `ticket.*`, or `*` for all, also ones added later.
    #[schema(example = json!(["contact.created", "ticket.*"]), min_items = 1, max_items = 200)]
    events: Vec<String>,
    /// What to sign with, 16 to 256 characters; one is made if it is left out. After `whsec_` it is
    /// base64.
    secret: Option<String>,
    /// Headers added to every request, at most 20 and 4 KiB together.
    headers: Option<Vec<NewHeader>>,
    /// Shown in lists.
    #[schema(max_length = 200)]
    description: Option<String>,
    /// Whose events it gets; `default` if left out.
    account: Option<String>,
    /// Whether it is on from the start.
    #[schema(default = true)]
    enabled: Option<bool>,
    /// Most time for one request.
    #[schema(minimum = 1000, maximum = 60000)]
    timeout_ms: Option<u32>,
    /// Most requests at once.
    #[schema(minimum = 1, maximum = 64)]
    max_in_flight: Option<u16>,
    /// Most requests started in a second.
    #[schema(minimum = 1, maximum = 10000)]
    rate_per_second: Option<u32>,
    /// Seconds between attempts, at most 30 of them.
    #[schema(max_items = 30)]
    retry_schedule_s: Option<Vec<u64>>,
    /// Whether it keeps order: events of one `ordering_key` are sent one after another, through
    /// retries. Events with other keys or without one flow past.
    #[schema(default = false)]
    ordered: Option<bool>,
    /// Also send `sha256=` and the hex HMAC-SHA256 of the body in this header. Its key is the text of the
    /// Secret, `whsec_` included; while that is being rotated, the newest.
    #[schema(example = "X-Hub-Signature-256")]
    hub_signature_header: Option<String>,
    /// Also send `t=<seconds>,v1=<hex>` in this header: the hex HMAC-SHA256 of the seconds, a full stop and
    /// the body, with the same key. While the Secret is being rotated there is a `v1` for each.
    #[schema(example = "X-Acme-Signature")]
    timestamped_signature_header: Option<String>,
    /// Certificate authorities in PEM that are trusted besides the public ones.
    tls_ca: Option<String>,
    /// The certificate in PEM that is shown to a receiver that asks for one, and those above it.
    tls_client_certificate: Option<String>,
    /// Its private key in PEM, without a passphrase. It is never shown.
    tls_client_key: Option<String>,
    /// Where alarms about this webhook are sent, besides the operator's own alarm URL: that it
    /// fails, is disabled, or arrives again. Signed with its own secret.
    #[schema(max_length = 2048)]
    alarm_url: Option<String>,
}

/// A header to add to every request.
#[derive(ToSchema)]
#[allow(dead_code, reason = "describes what `read_header` reads; a test compares the names")]
pub struct NewHeader {
    /// Its name.
    #[schema(example = "X-Api-Key")]
    name: String,
    /// Its value.
    value: String,
    /// Whether its value is never shown again.
    #[schema(default = false)]
    hidden: Option<bool>,
}

/// A change of a webhook (RFC 7396): what is left out stays, null goes back to the default.
#[derive(ToSchema)]
#[allow(dead_code, reason = "describes what `read_change` reads; a test compares the names")]
pub struct WebhookPatch {
    /// Where to send.
    #[schema(value_type = String, required = false)]
    request_url: Option<String>,
    /// Which events.
    #[schema(value_type = Vec<String>, required = false, min_items = 1, max_items = 200)]
    events: Option<Vec<String>>,
    /// All its headers.
    #[schema(max_items = 100)]
    headers: Option<Vec<NewHeader>>,
    /// Shown in lists.
    description: Option<String>,
    /// Switches it on, sending what was missed, or off.
    #[schema(value_type = bool, required = false)]
    enabled: Option<bool>,
    /// Most time for one request.
    #[schema(minimum = 1000, maximum = 60000)]
    timeout_ms: Option<u32>,
    /// Most requests at once.
    #[schema(minimum = 1, maximum = 64)]
    max_in_flight: Option<u16>,
    /// Most requests started in a second.
    #[schema(minimum = 1, maximum = 10000)]
    rate_per_second: Option<u32>,
    /// Seconds between attempts.
    #[schema(max_items = 30)]
    retry_schedule_s: Option<Vec<u64>>,
    /// Whether it keeps order from now on; what waits already goes on as it was.
    ordered: Option<bool>,
    /// The header of `sha256=` and the hex HMAC-SHA256 of the body.
    hub_signature_header: Option<String>,
    /// The header of `t=<seconds>,v1=<hex>`.
    timestamped_signature_header: Option<String>,
    /// Certificate authorities in PEM.
    tls_ca: Option<String>,
    /// The client certificate in PEM; null takes its key away too.
    tls_client_certificate: Option<String>,
    /// The private key of the client certificate.
    tls_client_key: Option<String>,
    /// Where alarms about it are sent.
    alarm_url: Option<String>,
    /// Pauses retries, or goes on with them. First attempts are made all the same.
    retries_paused: Option<bool>,
}

/// Reads a new webhook.
pub fn read_webhook(input: &mut Object, rules: &impl Rules) -> Option<WebhookInput> {
    let request_url = input.required("request_url", target(rules));
    let selection = input.required("events", known_selection(rules));
    let secret = input.optional("secret", parsed(Secret::parse));
    let headers = input.optional("headers", known_headers(rules));
    let description = input.optional("description", description);
    let account = input.optional("account", parsed(AccountId::parse));
    let enabled = input.optional("enabled", yes_or_no);
    let timeout_ms = input.optional("timeout_ms", timeout);
    let max_in_flight = input.optional("max_in_flight", in_flight);
    let rate_per_second = input.optional("rate_per_second", rate);
    let retry_schedule = input.optional("retry_schedule_s", known_schedule(rules));
    let ordered = input.optional("ordered", yes_or_no);
    let other_signatures = OtherSignatures {
        hub: input.optional("hub_signature_header", header_name),
        timestamped: input.optional("timestamped_signature_header", header_name),
    };
    let tls = TlsOptions {
        ca: input.optional("tls_ca", pem),
        certificate: input.optional("tls_client_certificate", pem),
        key: input.optional("tls_client_key", private_key),
        ..TlsOptions::default()
    };
    let alarm_url = input.optional("alarm_url", target(rules));
    Some(WebhookInput {
        account,
        request_url: request_url?,
        selection: selection?,
        secret,
        headers: headers.unwrap_or_default(),
        description: description.unwrap_or_default(),
        enabled: enabled.unwrap_or(true),
        timeout_ms,
        max_in_flight,
        rate_per_second,
        retry_schedule,
        ordered: ordered.unwrap_or(false),
        other_signatures,
        tls,
        alarm_url,
    })
}

/// Reads a change of a webhook.
pub fn read_change(input: &mut Object, rules: &impl Rules) -> Option<WebhookChange> {
    let change = WebhookChange {
        request_url: input.changed("request_url", target(rules)),
        selection: input.changed("events", known_selection(rules)),
        headers: input.nullable("headers", known_headers(rules)).map(Option::unwrap_or_default),
        description: input.nullable("description", description).map(Option::unwrap_or_default),
        enabled: input.changed("enabled", yes_or_no),
        timeout_ms: input.nullable("timeout_ms", timeout),
        max_in_flight: input.nullable("max_in_flight", in_flight),
        rate_per_second: input.nullable("rate_per_second", rate),
        retry_schedule: input.nullable("retry_schedule_s", known_schedule(rules)),
        ordered: input.nullable("ordered", yes_or_no).map(Option::unwrap_or_default),
        hub_signature: input.nullable("hub_signature_header", header_name),
        timestamped_signature: input.nullable("timestamped_signature_header", header_name),
        tls: TlsChange {
            ca: input.nullable("tls_ca", pem),
            certificate: input.nullable("tls_client_certificate", pem),
            key: input.nullable("tls_client_key", private_key),
        },
        alarm_url: input.nullable("alarm_url", target(rules)),
        retries_paused: input.nullable("retries_paused", yes_or_no).map(Option::unwrap_or_default),
        waiting: Waiting::GoesToNewUrl,
    };
    input.read_only(&READ_ONLY, "Leave it out.");
    input.read_only(&["secret"], "Use POST /webhooks/{id}/rotate-secret.");
    Some(change)
}

fn target(rules: &impl Rules) -> impl FnOnce(&Raw) -> Read<TargetUrl> {
    checked(parsed(TargetUrl::parse), |url| rules.target(url))
}

fn known_selection(rules: &impl Rules) -> impl FnOnce(&Raw) -> Read<Selection> {
    checked(selection, |selection| rules.selection(selection))
}

fn known_headers(rules: &impl Rules) -> impl FnOnce(&Raw) -> Read<CustomHeaders> {
    checked(headers, |headers| rules.headers(headers))
}

fn known_schedule(rules: &impl Rules) -> impl FnOnce(&Raw) -> Read<RetrySchedule> {
    checked(schedule, |schedule| rules.schedule(schedule))
}

fn selection(raw: &Raw) -> Read<Selection> {
    Selection::parse(&list(text)(raw)?)
}

fn headers(raw: &Raw) -> Read<CustomHeaders> {
    CustomHeaders::parse(list(object(read_header))(raw)?)
}

/// Reads one header.
pub fn read_header(input: &mut Object) -> Option<CustomHeader> {
    let name = input.required("name", text);
    let value = input.required("value", text);
    let hidden = input.optional("hidden", yes_or_no).unwrap_or(false);
    Some(CustomHeader { name: name?, value: value?, hidden })
}

fn header_name(raw: &Raw) -> Read<String> {
    checked(text, |name| OtherSignatures::check_name(name).err().into_iter().collect())(raw)
}

fn pem(raw: &Raw) -> Read<String> {
    checked(text, |text| TlsOptions::check_length(text).err().into_iter().collect())(raw)
}

fn private_key(raw: &Raw) -> Read<PrivateKey> {
    pem(raw).map(PrivateKey::new)
}

fn schedule(raw: &Raw) -> Read<RetrySchedule> {
    let delays = list(whole_number(0..=u64::MAX))(raw)?;
    RetrySchedule::from_seconds(&delays).map_err(|fault| vec![fault])
}

fn description(raw: &Raw) -> Read<String> {
    checked(text, |text| Webhook::check_description(text).err().into_iter().collect())(raw)
}

fn timeout(raw: &Raw) -> Read<u32> {
    number(raw, Webhook::TIMEOUT_MS)
}

fn in_flight(raw: &Raw) -> Read<u16> {
    number(raw, Webhook::MAX_IN_FLIGHT)
}

fn rate(raw: &Raw) -> Read<u32> {
    number(raw, Webhook::RATE_PER_SECOND)
}

fn number<N: Copy + Into<u64> + TryFrom<u64>>(raw: &Raw, range: RangeInclusive<N>) -> Read<N> {
    let number = whole_number((*range.start()).into()..=(*range.end()).into())(raw)?;
    Ok(N::try_from(number).unwrap_or(*range.end()))
}
