//! The built-in test receiver, as far as it is more than taking requests in: whether it is on, who
//! points at it, and whether a request is signed as its webhook signs.

use std::sync::Arc;

use super::Service;
use crate::domain::{
    Actor, DeliveryId, EventId, Problem, ReceiverSwitch, Scope, Secret, TestReceiver, Timestamp, VerifyFailure,
    Webhook, WebhookId, verify,
};

/// What of a received request its signature is about; a header that is missing is empty.
#[derive(Debug, Clone, Copy)]
pub struct Received<'a> {
    /// When it came, by the wall clock.
    pub at: Timestamp,
    /// `webhook-id`.
    pub id: &'a str,
    /// `webhook-timestamp`.
    pub timestamp: &'a str,
    /// `webhook-signature`.
    pub signature: &'a str,
    /// `webhook-log-id`.
    pub log_id: &'a str,
    /// The body, byte for byte.
    pub body: &'a [u8],
}

/// Whose Secret the signature of a request is checked with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SignedBy {
    /// The webhook that its log entry names, else the oldest one that points at the test receiver.
    #[default]
    Sender,
    /// This webhook.
    Webhook(WebhookId),
    /// Nobody's: signatures are not checked.
    Nobody,
}

/// What came of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignatureCheck {
    /// It is right.
    Right,
    /// It is wrong, and why.
    Wrong(String),
    /// There is none.
    NotSigned,
    /// There is no Secret to check it with.
    NotChecked,
}

impl Service {
    /// The test receiver's addresses; `None` where no server runs.
    pub fn test_receiver(&self) -> Option<&TestReceiver> {
        self.settings.address_rule.receiver()
    }

    /// Whether the test receiver takes requests now.
    pub fn receiver_switch(&self) -> ReceiverSwitch {
        ReceiverSwitch::at(self.settings.test_receiver, self.store.first_user_at(), self.now())
    }

    /// The time that receivers have, which is what signatures are about.
    pub fn wall(&self) -> Timestamp {
        self.clock.wall()
    }

    /// Whether a request is signed with the Secret that `by` says, as it was at the time it came.
    /// A wrong signature is looked into: another body, another webhook's Secret, an old one.
    ///
    /// # Errors
    /// `missing_scope`, or if the store cannot be read.
    pub fn check_signature(
        &self,
        actor: &Actor,
        by: SignedBy,
        received: &Received<'_>,
    ) -> Result<SignatureCheck, Problem> {
        actor.require(Scope::WebhooksRead)?;
        if by == SignedBy::Nobody {
            return Ok(SignatureCheck::NotChecked);
        }
        if received.signature.is_empty() {
            return Ok(SignatureCheck::NotSigned);
        }
        let Some(webhook) = self.signer(actor, by, received.log_id)? else { return Ok(SignatureCheck::NotChecked) };
        let secrets = webhook.secrets_at(received.at);
        let failure = match secrets.iter().map(|secret| received.fits(secret, received.body)).reduce(Result::or) {
            None => return Ok(SignatureCheck::NotChecked),
            Some(Ok(())) => return Ok(SignatureCheck::Right),
            Some(Err(failure)) => failure,
        };
        if failure != VerifyFailure::Mismatch {
            let words = failure.to_string();
            return Ok(SignatureCheck::Wrong(lower_first(words.trim_end_matches('.'))));
        }
        Ok(SignatureCheck::Wrong(self.why_mismatch(actor, &webhook, received)?))
    }

    fn signer(&self, actor: &Actor, by: SignedBy, log_id: &str) -> Result<Option<Arc<Webhook>>, Problem> {
        let webhooks = self.store.webhooks();
        let named = match by {
            SignedBy::Webhook(id) => Some(id),
            SignedBy::Sender => match log_id.parse::<DeliveryId>() {
                Ok(id) => self.store.delivery(id)?.map(|delivery| delivery.webhook),
                Err(_) => None,
            },
            SignedBy::Nobody => return Ok(None),
        };
        let visible = |webhook: &Arc<Webhook>| actor.sees(&webhook.account) && !webhook.secrets.is_empty();
        if let Some(webhook) = named.and_then(|id| webhooks.get(id)).filter(visible) {
            return Ok(Some(webhook));
        }
        let rule = &self.settings.address_rule;
        Ok(webhooks.all().filter(visible).find(|webhook| rule.receiver_at(&webhook.request_url).is_some()))
    }

    fn why_mismatch(&self, actor: &Actor, webhook: &Webhook, received: &Received<'_>) -> Result<String, Problem> {
        let sent = match received.id.parse::<EventId>() {
            Ok(id) => self.store.body(id)?,
            Err(_) => None,
        };
        let trimmed = received.body.trim_ascii_end();
        let fits = |body: &[u8]| webhook.secrets.iter().any(|signing| received.fits(&signing.secret, body).is_ok());
        if trimmed.len() < received.body.len() && fits(trimmed) {
            return Ok("the body ends with white space that was not signed".to_owned());
        }
        if sent.as_ref().is_some_and(|sent| sent != received.body && fits(sent)) {
            return Ok("body differs from what was signed".to_owned());
        }
        if fits(received.body) {
            return Ok("signed with an old Secret, which is not in use any more".to_owned());
        }
        let all = self.store.webhooks();
        let others = all.all().filter(|other| other.id != webhook.id && actor.sees(&other.account));
        let signer = others
            .into_iter()
            .find(|other| other.secrets.iter().any(|signing| received.fits(&signing.secret, received.body).is_ok()));
        Ok(match signer {
            Some(other) if other.description.is_empty() => format!("signed with the Secret of {}", other.id),
            Some(other) => format!("signed with the Secret of “{}”", other.description),
            None => "the Secret or the body is not the one that was signed".to_owned(),
        })
    }
}

impl Received<'_> {
    fn fits(&self, secret: &Secret, body: &[u8]) -> Result<(), VerifyFailure> {
        verify(secret, self.id, self.timestamp, self.signature, body, self.at.as_seconds())
    }
}

fn lower_first(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_lowercase().chain(characters).collect())
}
