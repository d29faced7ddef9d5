//! The audit log: who did what, when, from where, and what it changed. Secrets are never in it; that
//! one was changed is said by when.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Actor, ApiKey, EventTypeInfo, Timestamp, User, Webhook};

/// Most characters kept of an old or new value.
const MOST_CHARS: usize = 300;

/// Who did what, when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: String,
    /// What, such as `webhook.created`.
    pub action: String,
    /// To what.
    pub object: String,
    /// From where.
    #[serde(default)]
    pub address: Option<IpAddr>,
    /// What it changed.
    #[serde(default)]
    pub changed: Vec<Changed>,
}

/// A value that was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    /// Which.
    pub what: String,
    /// What it was; empty if there was none.
    pub old: String,
    /// What it is; empty if there is none.
    pub new: String,
}

/// Something with values that people change: the name and the text of each.
pub type Facts = Vec<(&'static str, String)>;

impl AuditEntry {
    /// What `actor` does at `at`.
    pub fn new(at: Timestamp, actor: &Actor, action: &str, object: impl std::fmt::Display) -> AuditEntry {
        AuditEntry {
            at,
            actor: actor.name.clone(),
            action: action.to_owned(),
            object: object.to_string(),
            address: actor.address(),
            changed: Vec::new(),
        }
    }

    /// The same entry, which also says that `what` was `old` and is `new`.
    pub fn changing(mut self, what: &str, old: impl std::fmt::Display, new: impl std::fmt::Display) -> AuditEntry {
        let changed = Changed { what: what.to_owned(), old: cut(&old.to_string()), new: cut(&new.to_string()) };
        self.changed.extend((changed.old != changed.new).then_some(changed));
        self
    }

    /// The same entry, which also says what is different between two states of its object.
    pub fn between(self, before: &Facts, after: &Facts) -> AuditEntry {
        after.iter().fold(self, |entry, (what, new)| {
            let old = before.iter().find(|(known, _)| known == what).map_or("", |(_, old)| old.as_str());
            entry.changing(what, old, new)
        })
    }
}

/// Which entries of the audit log are asked for; every member that is set must fit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// With this in the name of who did it.
    pub who: Option<String>,
    /// With this in what was done, or to what.
    pub what: Option<String>,
    /// Done at or after this.
    pub since: Option<Timestamp>,
    /// Done before this.
    pub until: Option<Timestamp>,
}

impl AuditFilter {
    /// Whether an entry fits.
    pub fn matches(&self, entry: &AuditEntry) -> bool {
        let has = |text: &str, part: &Option<String>| {
            part.as_ref().is_none_or(|part| text.to_lowercase().contains(&part.to_lowercase()))
        };
        has(&entry.actor, &self.who)
            && (has(&entry.action, &self.what) || has(&entry.object, &self.what))
            && self.since.is_none_or(|since| entry.at >= since)
            && self.until.is_none_or(|until| entry.at < until)
    }
}

impl Webhook {
    /// What the audit log says of it. Of a secret it says since when it is used.
    pub fn facts(&self) -> Facts {
        let number = |number: Option<u64>| number.map_or("default".to_owned(), |number| number.to_string());
        let headers = self.headers.iter().map(|header| match header.hidden {
            true => format!("{}: (hidden)", header.name),
            false => format!("{}: {}", header.name, header.value),
        });
        let secrets = self.secrets.iter().map(|secret| match secret.until {
            None => format!("since {}", secret.since),
            Some(until) => format!("since {} until {until}", secret.since),
        });
        let schedule = self.retry_schedule.as_ref();
        let signature = |header: &Option<String>| header.clone().unwrap_or_else(|| "none".to_owned());
        // Which one it is, without a page of PEM: the beginning of its SHA-256.
        let certificate = |pem: &Option<String>, ends: Option<Timestamp>| match (pem, ends) {
            (None, _) => "none".to_owned(),
            (Some(pem), None) => fingerprint(pem),
            (Some(pem), Some(ends)) => format!("{}, ends {ends}", fingerprint(pem)),
        };
        vec![
            ("request_url", self.request_url.to_string()),
            ("description", self.description.clone()),
            ("events", self.selection.patterns().join(", ")),
            ("headers", headers.collect::<Vec<_>>().join("; ")),
            ("secret", secrets.collect::<Vec<_>>().join(", ")),
            ("enabled", if self.disabled.is_none() { "yes" } else { "no" }.to_owned()),
            ("timeout_ms", number(self.timeout_ms.map(u64::from))),
            ("max_in_flight", number(self.max_in_flight.map(u64::from))),
            ("rate_per_second", self.rate_per_second.map_or("no limit".to_owned(), |rate| rate.to_string())),
            ("retry_schedule_s", schedule.map_or("default".to_owned(), |known| format!("{:?}", known.to_seconds()))),
            ("ordered", if self.ordered { "yes" } else { "no" }.to_owned()),
            ("hub_signature_header", signature(&self.other_signatures.hub)),
            ("timestamped_signature_header", signature(&self.other_signatures.timestamped)),
            ("tls_ca", certificate(&self.tls.ca, self.tls.ca_ends_at)),
            ("tls_client_certificate", certificate(&self.tls.certificate, self.tls.certificate_ends_at)),
        ]
    }

    /// What is different in `after`, hidden values of headers included though neither is said.
    pub fn audit_change(&self, after: &Webhook, entry: AuditEntry) -> AuditEntry {
        let entry = entry.between(&self.facts(), &after.facts());
        let hidden = |webhook: &Webhook| {
            let hidden = webhook.headers.iter().filter(|header| header.hidden);
            hidden.map(|header| (header.name.clone(), header.value.clone())).collect::<Vec<_>>()
        };
        match hidden(self) == hidden(after) || entry.changed.iter().any(|changed| changed.what == "headers") {
            true => entry,
            false => entry.changing("headers", "a hidden value", "another hidden value"),
        }
    }
}

impl EventTypeInfo {
    /// What the audit log says of it.
    pub fn facts(&self) -> Facts {
        vec![
            ("label", self.label.clone()),
            ("category", self.category.clone()),
            ("description", self.description.clone()),
            ("example", self.example.clone().unwrap_or_default()),
            ("schema", self.schema.clone().unwrap_or_default()),
            ("offered", if self.retired { "no" } else { "yes" }.to_owned()),
            ("masked", self.masked.as_slice().join(", ")),
            ("forget_after_success", if self.forget_after_success { "yes" } else { "no" }.to_owned()),
        ]
    }
}

impl ApiKey {
    /// What the audit log says of it.
    pub fn facts(&self) -> Facts {
        vec![
            ("name", self.name.clone()),
            ("scopes", self.scopes.iter().map(|scope| scope.code()).collect::<Vec<_>>().join(", ")),
            ("account", self.account.as_ref().map_or("all".to_owned(), ToString::to_string)),
            ("expires_at", self.expires_at.map_or("never".to_owned(), |at| at.to_string())),
        ]
    }
}

impl User {
    /// What the audit log says of them.
    pub fn facts(&self) -> Facts {
        vec![
            ("role", self.role.code().to_owned()),
            ("second_factor", if self.second_factor.is_some() { "on" } else { "off" }.to_owned()),
            ("password", format!("since {}", self.password_changed_at)),
        ]
    }
}

fn fingerprint(pem: &str) -> String {
    let digest = Sha256::digest(pem);
    digest.iter().take(8).fold(String::from("SHA-256 "), |text, byte| format!("{text}{byte:02x}"))
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(MOST_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(actor: &str, action: &str, object: &str, at: u64) -> AuditEntry {
        AuditEntry::new(Timestamp::from_millis(at), &Actor::admin(actor), action, object)
    }

    #[test]
    fn an_entry_says_what_is_different_and_nothing_else() {
        let before = vec![("label", "A".to_owned()), ("schema", "x".repeat(1_000))];
        let after = vec![("label", "B".to_owned()), ("schema", "x".repeat(1_000)), ("offered", "no".to_owned())];
        let changed = entry("a@b", "event_type.changed", "deal.won", 1).between(&before, &after).changed;
        let said: Vec<_> = changed.iter().map(|one| (&*one.what, &*one.old, &*one.new)).collect();
        assert_eq!(said, [("label", "A", "B"), ("offered", "", "no")]);
        let long = entry("a@b", "x", "y", 1).changing("note", "", "ä".repeat(1_000));
        assert_eq!(long.changed[0].new.chars().count(), MOST_CHARS + 1);
    }

    #[test]
    fn entries_are_found_by_who_what_and_when() {
        let one = entry("Admin@acme.example", "webhook.created", "whk_1", 1_000);
        let fits = |filter: AuditFilter| filter.matches(&one);
        let text = |text: &str| Some(text.to_owned());
        let at = |at| Some(Timestamp::from_millis(at));
        assert!(fits(AuditFilter::default()));
        assert!(fits(AuditFilter { who: text("admin@"), what: text("WEBHOOK"), since: at(1_000), until: at(1_001) }));
        assert!(fits(AuditFilter { what: text("whk_1"), ..AuditFilter::default() }));
        for other in [
            AuditFilter { who: text("key:"), ..AuditFilter::default() },
            AuditFilter { what: text("deleted"), ..AuditFilter::default() },
            AuditFilter { since: at(1_001), ..AuditFilter::default() },
            AuditFilter { until: at(1_000), ..AuditFilter::default() },
        ] {
            assert!(!fits(other.clone()), "{other:?}");
        }
    }
}
