//! A configured receiver: where events go, which ones, and how they are signed.

use std::{ops::RangeInclusive, time::Duration};

use serde::{Deserialize, Serialize};

use super::{
    AccountId, CustomHeaders, Fault, OtherSignatures, RetrySchedule, Secret, Selection, TargetUrl, Timestamp,
    TlsOptions, WebhookId,
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
    /// Most characters of a description.
    pub const MAX_DESCRIPTION_CHARS: usize = 200;
    /// What [`Webhook::timeout_ms`] may be.
    pub const TIMEOUT_MS: RangeInclusive<u32> = 1_000..=60_000;
    /// What [`Webhook::max_in_flight`] may be.
    pub const MAX_IN_FLIGHT: RangeInclusive<u16> = 1..=64;
    /// What [`Webhook::rate_per_second`] may be.
    pub const RATE_PER_SECOND: RangeInclusive<u32> = 1..=10_000;

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
    /// Whether it was deleted.
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
            deleted: webhook.deleted_at.is_some(),
            since: webhook.updated_at,
        }
    }
}
