//! A configured receiver: where events go, which ones, and how they are signed.

use std::{ops::RangeInclusive, time::Duration};

use serde::{Deserialize, Serialize};

use super::{
    AccountId, CustomHeaders, Delivery, EventType, Fault, OtherSignatures, RetrySchedule, Secret, Selection, TargetUrl,
    Timestamp, TlsOptions, WebhookId,
};

/// A configured receiver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhook {
    /// Its id.
    pub id: WebhookId,
    /// Whose events it gets.
    pub account: AccountId,
    /// Where requests go.
    pub request_url: TargetUrl,
    /// Shown in lists; at most 200 characters.
    #[serde(default)]
    pub description: String,
    /// Which events it gets.
    pub selection: Selection,
    /// Its own headers, added to every request.
    #[serde(default)]
    pub headers: CustomHeaders,
    /// What requests are signed with, newest first: one, or two while a secret is being rotated.
    pub secrets: Vec<SigningSecret>,
    /// `None` while it is on.
    #[serde(default)]
    pub disabled: Option<Disabled>,
    /// The most time one request may take; the configured default if `None`.
    #[serde(default)]
    pub timeout_ms: Option<u32>,
    /// Most requests at once; the configured default if `None`.
    #[serde(default)]
    pub max_in_flight: Option<u16>,
    /// Most requests started in a second; no limit if `None`.
    #[serde(default)]
    pub rate_per_second: Option<u32>,
    /// Delays between attempts; the configured default if `None`.
    #[serde(default)]
    pub retry_schedule: Option<RetrySchedule>,
    /// Whether events of one ordering key are sent one after another.
    #[serde(default)]
    pub ordered: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it, as shown on its page.
    #[serde(default)]
    pub created_by: String,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Who changed it last, as shown on its page; empty if it was no person and no program.
    #[serde(default)]
    pub updated_by: String,
    /// Grows with every change of any webhook, so it orders all changes and all events.
    pub version: u64,
    /// Set once it is deleted; kept so that its log entries can still name it.
    #[serde(default)]
    pub deleted_at: Option<Timestamp>,
    /// Signatures of other forms that are sent too.
    #[serde(default)]
    pub other_signatures: OtherSignatures,
    /// What it adds to the encryption of its connections.
    #[serde(default)]
    pub tls: TlsOptions,
    /// It is deleted once what waits for it was tried once more.
    #[serde(default)]
    pub leaving: Option<Leaving>,
    /// Where deliveries go whose event came before the Request URL changed, if whoever changed it
    /// wanted that; the oldest URL first.
    #[serde(default)]
    pub earlier_urls: Vec<EarlierUrl>,
    /// Since when retries wait for somebody to resume them. First attempts, and what somebody asks
    /// for, go on.
    #[serde(default)]
    pub retries_paused: Option<Timestamp>,
    /// Where alarms about it are sent, signed with its own secrets.
    #[serde(default)]
    pub alarm_url: Option<TargetUrl>,
}

/// Somebody asked that a webhook be deleted once what waits for it was tried once more. It gets no
/// new events from then on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leaving {
    /// Since when.
    pub since: Timestamp,
    /// Who asked for it.
    pub by: String,
}

impl Leaving {
    /// How long the last attempts may take at most; what still waits then is dropped.
    pub const LIMIT: Duration = Duration::from_secs(24 * 3_600);
}

/// A Request URL that a webhook had, and the events that still go there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EarlierUrl {
    /// The URL.
    pub url: TargetUrl,
    /// Events that met versions before this one, see [`super::Event::met_version`]. 0 until the
    /// change is stored, which gives it its version.
    pub before: u64,
}

/// What becomes of deliveries that wait while a Request URL changes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Waiting {
    /// They are sent to the new one.
    #[default]
    GoesToNewUrl,
    /// They are sent to the old one.
    StaysWithOldUrl,
}

/// One key that requests are signed with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SigningSecret {
    /// The key.
    pub secret: Secret,
    /// When it came into use.
    pub since: Timestamp,
    /// When it stops being used; never if `None`.
    #[serde(default)]
    pub until: Option<Timestamp>,
}

/// Since when and why a webhook is off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disabled {
    /// Why.
    pub reason: DisabledReason,
    /// Since when.
    pub at: Timestamp,
}

/// Why a webhook is off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DisabledReason {
    /// A person or program switched it off.
    ByRequest,
    /// The receiver answered 410 Gone.
    Gone,
    /// It failed for longer than the operator allows.
    FailedTooLong,
}

impl DisabledReason {
    /// The code in the API.
    pub fn code(self) -> &'static str {
        match self {
            DisabledReason::ByRequest => "by_request",
            DisabledReason::Gone => "gone",
            DisabledReason::FailedTooLong => "failed_too_long",
        }
    }

    /// The reason in words, for a page.
    pub fn words(self) -> &'static str {
        match self {
            DisabledReason::ByRequest => "switched off",
            DisabledReason::Gone => "the receiver answered 410 Gone",
            DisabledReason::FailedTooLong => "nothing but failures for too long",
        }
    }
}

impl Webhook {
    /// Most [`Webhook::earlier_urls`]. Each stands for deliveries that still wait.
    pub const MAX_EARLIER_URLS: usize = 8;
    /// Most characters of a description.
    pub const MAX_DESCRIPTION_CHARS: usize = 200;
    /// What [`Webhook::timeout_ms`] may be.
    pub const TIMEOUT_MS: RangeInclusive<u32> = 1_000..=60_000;
    /// What [`Webhook::max_in_flight`] may be.
    pub const MAX_IN_FLIGHT: RangeInclusive<u16> = 1..=64;
    /// What [`Webhook::rate_per_second`] may be.
    pub const RATE_PER_SECOND: RangeInclusive<u32> = 1..=10_000;

    /// A webhook that gets every event, with everything else as it is by default.
    pub fn new(id: WebhookId, account: AccountId, request_url: TargetUrl, secret: Secret, now: Timestamp) -> Webhook {
        Webhook {
            id,
            account,
            request_url,
            description: String::new(),
            selection: Selection::every(),
            headers: CustomHeaders::default(),
            secrets: vec![SigningSecret { secret, since: now, until: None }],
            disabled: None,
            timeout_ms: None,
            max_in_flight: None,
            rate_per_second: None,
            retry_schedule: None,
            ordered: false,
            created_at: now,
            created_by: String::new(),
            updated_at: now,
            updated_by: String::new(),
            version: 0,
            deleted_at: None,
            other_signatures: OtherSignatures::default(),
            tls: TlsOptions::default(),
            leaving: None,
            earlier_urls: Vec::new(),
            retries_paused: None,
            alarm_url: None,
        }
    }

    /// Fails if a description is too long or more than one line.
    ///
    /// # Errors
    /// `description_too_long`, `invalid_text`.
    pub fn check_description(text: &str) -> Result<(), Fault> {
        let (length, most) = (text.chars().count(), Self::MAX_DESCRIPTION_CHARS);
        if length > most {
            let message = format!("The description is {length} characters long. The limit is {most}.");
            return Err(Fault::new("description_too_long", message));
        }
        match text.chars().any(char::is_control) {
            true => Err(Fault::new("invalid_text", "The description must be one line.")),
            false => Ok(()),
        }
    }

    /// Whether it is there and switched on.
    pub fn is_on(&self) -> bool {
        self.disabled.is_none() && self.deleted_at.is_none()
    }

    /// Whether new events are for it. One that is switched off keeps them.
    pub fn takes_events(&self) -> bool {
        self.deleted_at.is_none() && self.leaving.is_none()
    }

    /// Whether it gets events of that type, now or once it is switched on.
    pub fn listens_to(&self, event_type: &EventType) -> bool {
        self.takes_events() && self.selection.matches(event_type)
    }

    /// Where a delivery goes whose event met the version `met` of all webhooks.
    pub fn url_for(&self, delivery: &Delivery, met: u64) -> &TargetUrl {
        self.earlier_url_for(delivery, met).map_or(&self.request_url, |earlier| &earlier.url)
    }

    /// The version whose Request URL that is, if it is not the present URL.
    pub fn url_version_for(&self, delivery: &Delivery, met: u64) -> Option<u64> {
        let earlier = self.earlier_url_for(delivery, met).filter(|earlier| earlier.url != self.request_url)?;
        earlier.before.checked_sub(1)
    }

    fn earlier_url_for(&self, delivery: &Delivery, met: u64) -> Option<&EarlierUrl> {
        self.earlier_urls.iter().find(|earlier| !delivery.to_present_url && met < earlier.before)
    }

    /// Changes the Request URL. What waits goes there too, or stays with the URL it was meant for.
    pub fn move_to(&mut self, url: TargetUrl, waiting: Waiting) {
        if url == self.request_url {
            return;
        }
        let old = std::mem::replace(&mut self.request_url, url);
        match waiting {
            Waiting::GoesToNewUrl => self.earlier_urls.clear(),
            Waiting::StaysWithOldUrl => self.earlier_urls.push(EarlierUrl { url: old, before: 0 }),
        }
    }

    /// Deletes it. What is left behind keeps what the log shows, and no secret.
    pub fn delete(&mut self, now: Timestamp) {
        self.deleted_at = Some(now);
        (self.leaving, self.alarm_url) = (None, None);
        self.secrets.clear();
        self.headers = self.headers.without_hidden_values();
        self.tls = TlsOptions::default();
    }

    /// The secrets to sign with at `now`, newest first.
    pub fn secrets_at(&self, now: Timestamp) -> Vec<&Secret> {
        self.secrets.iter().filter(|one| one.until.is_none_or(|until| now < until)).map(|one| &one.secret).collect()
    }

    /// The newest secret, which new receivers should verify with.
    pub fn secret(&self) -> &Secret {
        &self.secrets.first().expect("a webhook is made with a secret and rotation adds before it removes").secret
    }

    /// Puts `secret` in front; the ones before it sign along until `overlap` is over.
    pub fn rotate(&mut self, secret: Secret, now: Timestamp, overlap: Duration) {
        let end = now.plus(overlap);
        for old in &mut self.secrets {
            old.until = Some(old.until.map_or(end, |until| until.min(end)));
        }
        self.secrets.retain(|old| old.until.is_none_or(|until| now < until));
        self.secrets.insert(0, SigningSecret { secret, since: now, until: None });
    }

    /// The entity tag in the API.
    pub fn etag(&self) -> String {
        format!("\"{}\"", self.version)
    }
}

/// What a webhook was like from one change on, without its secrets. Kept so that a log entry can
/// show the request of its time, and an event can say why a webhook did not get it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookVersion {
    /// Where requests went.
    pub request_url: TargetUrl,
    /// Which events it got.
    pub selection: Selection,
    /// Its own headers; hidden values are left out.
    pub headers: CustomHeaders,
    /// Whether it was on.
    pub on: bool,
    /// Whether it was deleted, or about to be: it took no events any more.
    pub deleted: bool,
    /// From when on.
    pub since: Timestamp,
}

impl From<&Webhook> for WebhookVersion {
    fn from(webhook: &Webhook) -> Self {
        WebhookVersion {
            request_url: webhook.request_url.clone(),
            selection: webhook.selection.clone(),
            headers: webhook.headers.without_hidden_values(),
            on: webhook.disabled.is_none(),
            deleted: !webhook.takes_events(),
            since: webhook.updated_at,
        }
    }
}
