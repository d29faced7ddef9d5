//! Scopes, API keys, people and their sessions, as they are remembered.

use std::{net::IpAddr, time::Duration};

use serde::{Deserialize, Serialize};

use super::{AccountId, ApiKeyId, Role, SecondFactor, Timestamp, UserId};

/// One thing an API key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Scope {
    /// Post events.
    #[serde(rename = "events:write")]
    EventsWrite,
    /// Read events, their types and payloads.
    #[serde(rename = "events:read")]
    EventsRead,
    /// Read the log.
    #[serde(rename = "logs:read")]
    LogsRead,
    /// Send again.
    #[serde(rename = "logs:resend")]
    LogsResend,
    /// Read webhooks.
    #[serde(rename = "webhooks:read")]
    WebhooksRead,
    /// Make, change, test and delete webhooks.
    #[serde(rename = "webhooks:write")]
    WebhooksWrite,
    /// Read signing secrets.
    #[serde(rename = "secrets:read")]
    SecretsRead,
    /// Make, change and retire event types.
    #[serde(rename = "event-types:write")]
    EventTypesWrite,
}

impl Scope {
    /// Every scope, in the order they are listed.
    pub const ALL: [Scope; 8] = [
        Scope::EventsWrite,
        Scope::EventsRead,
        Scope::LogsRead,
        Scope::LogsResend,
        Scope::WebhooksRead,
        Scope::WebhooksWrite,
        Scope::SecretsRead,
        Scope::EventTypesWrite,
    ];

    /// The name in the API.
    pub fn code(self) -> &'static str {
        match self {
            Scope::EventsWrite => "events:write",
            Scope::EventsRead => "events:read",
            Scope::LogsRead => "logs:read",
            Scope::LogsResend => "logs:resend",
            Scope::WebhooksRead => "webhooks:read",
            Scope::WebhooksWrite => "webhooks:write",
            Scope::SecretsRead => "secrets:read",
            Scope::EventTypesWrite => "event-types:write",
        }
    }

    /// What it allows, in one line for a page.
    pub fn meaning(self) -> &'static str {
        match self {
            Scope::EventsWrite => "Post events",
            Scope::EventsRead => "Read events, event types and payloads",
            Scope::LogsRead => "Read Webhook Logs",
            Scope::LogsResend => "Send again",
            Scope::WebhooksRead => "Read webhooks",
            Scope::WebhooksWrite => "Make, change, test and delete webhooks",
            Scope::SecretsRead => "Read signing secrets",
            Scope::EventTypesWrite => "Make, change and retire event types",
        }
    }

    /// The scope of that name.
    pub fn from_code(code: &str) -> Option<Scope> {
        Scope::ALL.into_iter().find(|scope| scope.code() == code)
    }
}

/// Who calls the API. The key itself is kept only as a hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// Its id, which is not the key.
    pub id: ApiKeyId,
    /// What people call it.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// The only account it may see; all of them if `None`.
    #[serde(default)]
    pub account: Option<AccountId>,
    /// The last four characters of the key, to tell keys apart.
    pub last_four: String,
    /// SHA-256 of the key.
    #[serde(with = "serde_bytes")]
    pub hash: [u8; 32],
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: String,
    /// When it stops working; never if `None`.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    #[serde(default)]
    pub revoked_at: Option<Timestamp>,
}

/// The last use of an API key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyUse {
    /// When.
    pub at: Timestamp,
    /// From where.
    pub address: Option<IpAddr>,
}

impl ApiKey {
    /// Whether it works at `now`.
    pub fn works_at(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }
}

/// A person who signs in.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Their id.
    pub id: UserId,
    /// What they sign in with, in lower case.
    pub email: String,
    /// Their password as an Argon2id string (PHC format).
    pub password_hash: String,
    /// When they were added.
    pub created_at: Timestamp,
    /// When the password last changed; sessions from before it have ended.
    pub password_changed_at: Timestamp,
    /// What they may do. Whoever was added before there were roles is an admin.
    #[serde(default)]
    pub role: Role,
    /// What they sign in with besides the password.
    #[serde(default)]
    pub second_factor: Option<SecondFactor>,
}

/// A browser that is signed in. Kept under the SHA-256 of its cookie.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Whose it is.
    pub user: UserId,
    /// When it began.
    pub created_at: Timestamp,
    /// When it ends, however much it is used.
    pub expires_at: Timestamp,
    /// When it was last used, as far as that was written down; see [`Session::NOTED_EVERY`].
    #[serde(default)]
    pub last_seen_at: Option<Timestamp>,
    /// Where it was last used from.
    #[serde(default)]
    pub address: Option<IpAddr>,
    /// What the browser calls itself.
    #[serde(default)]
    pub browser: String,
}

impl Session {
    /// A use is written down if the last one written down is older, so that looking at pages costs
    /// few writes.
    pub const NOTED_EVERY: Duration = Duration::from_secs(5 * 60);
    /// Most characters kept of what a browser calls itself.
    pub const BROWSER_CHARS: usize = 200;

    /// When it was last used, as far as that is known.
    pub fn seen_at(&self) -> Timestamp {
        self.last_seen_at.unwrap_or(self.created_at)
    }

    /// Whether it is good for anything at `now`: not too old, used lately, and begun after the last
    /// change of the password of `user`.
    pub fn is_valid(&self, user: &User, idle: Duration, now: Timestamp) -> bool {
        let used_lately = now - self.seen_at() < idle.saturating_add(Session::NOTED_EVERY);
        self.user == user.id && now < self.expires_at && used_lately && self.created_at >= user.password_changed_at
    }

    /// Whether a use at `now` from `address` is to be written down.
    pub fn is_to_note(&self, address: Option<IpAddr>, now: Timestamp) -> bool {
        now - self.seen_at() >= Session::NOTED_EVERY || (address.is_some() && self.address != address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minutes(minutes: u64) -> Duration {
        Duration::from_secs(minutes * 60)
    }

    #[test]
    fn a_session_ends_by_age_by_standing_idle_and_by_a_new_password() {
        let began = Timestamp::from_millis(1_000_000_000);
        let user = User {
            id: UserId(1),
            email: "a@b".into(),
            password_hash: String::new(),
            created_at: began,
            password_changed_at: began,
            role: Role::Admin,
            second_factor: None,
        };
        let session = Session {
            user: user.id,
            created_at: began,
            expires_at: began.plus(minutes(1_000)),
            last_seen_at: None,
            address: None,
            browser: String::new(),
        };
        let valid = |session: &Session, user: &User, after: u64| {
            session.is_valid(user, minutes(60), began.plus(minutes(after)))
        };
        assert!(valid(&session, &user, 0) && valid(&session, &user, 59));
        assert!(!valid(&session, &user, 66), "nobody used it for an hour");
        let used = Session { last_seen_at: Some(began.plus(minutes(950))), ..session.clone() };
        assert!(valid(&used, &user, 999));
        assert!(!valid(&used, &user, 1_000), "used or not, it is too old");
        let changed = User { password_changed_at: began.plus(minutes(1)), ..user.clone() };
        assert!(!valid(&session, &changed, 2));
        assert!(!valid(&session, &User { id: UserId(2), ..user }, 0));
    }

    #[test]
    fn a_use_is_written_down_now_and_then_and_from_a_new_address_at_once() {
        let (began, home, away) = (Timestamp::from_millis(0), "203.0.113.7".parse().ok(), "203.0.113.8".parse().ok());
        let session = Session {
            user: UserId(1),
            created_at: began,
            expires_at: began.plus(minutes(60)),
            last_seen_at: Some(began),
            address: home,
            browser: String::new(),
        };
        assert!(!session.is_to_note(home, began.plus(minutes(4))));
        assert!(session.is_to_note(home, began.plus(minutes(5))));
        assert!(session.is_to_note(away, began.plus(minutes(1))));
        assert!(!session.is_to_note(None, began.plus(minutes(1))));
    }

    #[test]
    fn every_scope_is_found_by_its_name() {
        for scope in Scope::ALL {
            assert_eq!(Scope::from_code(scope.code()), Some(scope));
        }
        assert_eq!(Scope::from_code("everything"), None);
    }
}
