//! Who may do what.

use serde::{Deserialize, Serialize};

use super::{AccountId, ApiKeyId, Problem, ProblemKind, Timestamp, UserId};

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
}

/// A browser that is signed in. Kept under the SHA-256 of its cookie.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Whose it is.
    pub user: UserId,
    /// When it began.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// How the configuration is named as an actor.
const CONFIGURATION: &str = "configuration:";

/// On whose behalf something is done. Every service function takes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// What the audit log and "started by" show: a person's email or `key:NAME`.
    pub name: String,
    scopes: Vec<Scope>,
    account: Option<AccountId>,
}

impl Actor {
    /// A signed-in admin, who may do everything.
    pub fn admin(email: impl Into<String>) -> Self {
        Actor { name: email.into(), scopes: Scope::ALL.to_vec(), account: None }
    }

    /// The operator at the command line.
    pub fn operator() -> Self {
        Actor::admin("command line")
    }

    /// The configuration, for what it sets up under that name. No person and no key is called so.
    pub fn configuration(name: &str) -> Self {
        Actor::admin(format!("{CONFIGURATION}{name}"))
    }

    /// Whether it is the configuration.
    pub fn is_configuration(&self) -> bool {
        self.name.starts_with(CONFIGURATION)
    }

    /// A program with an API key.
    pub fn key(key: &ApiKey) -> Self {
        Actor { name: format!("key:{}", key.name), scopes: key.scopes.clone(), account: key.account.clone() }
    }

    /// What it may do.
    pub fn scopes(&self) -> &[Scope] {
        &self.scopes
    }

    /// The only account it may see; all of them if `None`.
    pub fn account(&self) -> Option<&AccountId> {
        self.account.as_ref()
    }

    /// Fails unless the actor has `scope`.
    ///
    /// # Errors
    /// `missing_scope`, naming it.
    pub fn require(&self, scope: Scope) -> Result<(), Problem> {
        if self.scopes.contains(&scope) {
            return Ok(());
        }
        let detail = format!("This API key lacks the scope {}.", scope.code());
        Err(Problem::new(ProblemKind::Forbidden, "missing_scope", detail))
    }

    /// The account a request is about: the one it names, or the actor's own, or `default`.
    ///
    /// # Errors
    /// `wrong_account` if the actor may see another account only.
    pub fn resolve_account(&self, named: Option<AccountId>) -> Result<AccountId, Problem> {
        match (named, &self.account) {
            (None, own) => Ok(own.clone().unwrap_or_default()),
            (Some(named), None) => Ok(named),
            (Some(named), Some(own)) if named == *own => Ok(named),
            (Some(_), Some(_)) => Err(Problem::new(
                ProblemKind::Forbidden,
                "wrong_account",
                "This API key is limited to another account.",
            )),
        }
    }

    /// The account that lists are limited to: the one it names or the actor's own; `None` for all.
    ///
    /// # Errors
    /// `wrong_account` as for [`Actor::resolve_account`].
    pub fn limit_account(&self, named: Option<AccountId>) -> Result<Option<AccountId>, Problem> {
        match named {
            Some(named) => self.resolve_account(Some(named)).map(Some),
            None => Ok(self.account.clone()),
        }
    }

    /// Whether things of `account` exist for this actor. To others they are "not found".
    pub fn sees(&self, account: &AccountId) -> bool {
        self.account.as_ref().is_none_or(|own| own == account)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limited_to(account: &str) -> Actor {
        Actor {
            name: "key:test".into(),
            scopes: vec![Scope::EventsWrite],
            account: Some(AccountId::parse(account).unwrap()),
        }
    }

    #[test]
    fn a_key_of_one_account_neither_names_nor_sees_another() {
        let actor = limited_to("acme");
        let other = AccountId::parse("other").unwrap();
        assert_eq!(actor.resolve_account(None).unwrap().as_str(), "acme");
        assert_eq!(actor.resolve_account(Some(other.clone())).unwrap_err().code, "wrong_account");
        assert_eq!(actor.limit_account(None).unwrap().unwrap().as_str(), "acme");
        assert!(!actor.sees(&other));
    }

    #[test]
    fn a_missing_scope_is_named() {
        let problem = limited_to("acme").require(Scope::LogsRead).unwrap_err();
        assert_eq!((problem.kind, problem.code), (ProblemKind::Forbidden, "missing_scope"));
        assert!(problem.detail.contains("logs:read"));
    }

    #[test]
    fn every_scope_is_found_by_its_name() {
        for scope in Scope::ALL {
            assert_eq!(Scope::from_code(scope.code()), Some(scope));
        }
        assert_eq!(Scope::from_code("everything"), None);
    }
}
