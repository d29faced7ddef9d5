//! Who gets in: the first admin by the link of the log, and programs by API keys. People are in
//! [`super::people`], how they sign in is in [`super::sign_in`].

use std::{fmt, net::IpAddr, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::Service;
use crate::{
    domain::{AccountId, Actor, ApiKey, ApiKeyId, AuditEntry, Fault, KeyUse, Need, Problem, Role, Scope, Timestamp},
    system::Random,
};

/// How often the use of one key is written down.
const USE_NOTED_EVERY: Duration = Duration::from_secs(5 * 60);

/// A new API key.
#[derive(Debug, Clone)]
pub struct KeyInput {
    /// What people will call it.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// The only account it may see.
    pub account: Option<AccountId>,
    /// When it stops working.
    pub expires_at: Option<Timestamp>,
}

/// An API key that was just made.
#[derive(Clone)]
pub struct CreatedKey {
    /// What is kept of it.
    pub key: ApiKey,
    /// The key itself, `hsk_…`: shown once, never kept.
    pub secret: String,
}

/// An API key for a list.
#[derive(Debug, Clone)]
pub struct KeyView {
    /// The key.
    pub key: ApiKey,
    /// When and from where it was last used. After a restart it may be some minutes off.
    pub last_used: Option<KeyUse>,
    /// Where the configuration sets it up, if it does.
    pub place: Option<String>,
}

impl Service {
    /// The one-time word in the set-up link that the log shows at start; `None` once there is an
    /// admin.
    pub fn setup_token(&self) -> Option<&str> {
        (!self.store.has_user()).then_some(self.setup_token.as_str())
    }

    /// Makes the first admin.
    ///
    /// # Errors
    /// `not_found` if the token is wrong or there is an admin already: a stranger cannot tell
    /// which. `invalid`, `cannot_write`.
    pub async fn set_up(
        &self,
        token: &str,
        email: &str,
        password: String,
        address: Option<IpAddr>,
    ) -> Result<(), Problem> {
        if !self.is_setup_token(token) {
            return Err(Problem::not_found("page"));
        }
        self.create_user(&Actor::admin(email).at(address), email, password, Role::Admin, true).await.map(drop)
    }

    /// Whether `token` is the one that opens set-up, and set-up is still open.
    pub fn is_setup_token(&self, token: &str) -> bool {
        self.setup_token().is_some_and(|right| bool::from(right.as_bytes().ct_eq(token.as_bytes())))
    }

    /// Makes an API key. Only admins and the operator do.
    ///
    /// # Errors
    /// `read_only`, `people_only`, `invalid`, `conflict` if the name is in use, `cannot_write`.
    pub async fn create_key(&self, actor: &Actor, input: KeyInput) -> Result<CreatedKey, Problem> {
        actor.may(Need::Admin)?;
        let mut faults = Vec::new();
        let name = input.name.trim().to_owned();
        if !(1..=80).contains(&name.chars().count()) || name.chars().any(char::is_control) {
            faults.push(Fault::new("invalid_name", "Give the key a name of 1 to 80 characters.").at("/name"));
        }
        if input.scopes.is_empty() {
            faults.push(Fault::new("no_scopes", "Select at least one scope.").at("/scopes"));
        }
        let now = self.now();
        if input.expires_at.is_some_and(|end| end <= now) {
            faults.push(Fault::new("out_of_range", "The key would have expired already.").at("/expires_at"));
        }
        if !faults.is_empty() {
            return Err(Problem::invalid(faults));
        }
        let secret = format!("hsk_{}", random_text(&*self.random, 32));
        let key = ApiKey {
            id: self.next_key_id(now),
            name,
            scopes: input.scopes,
            account: input.account,
            last_four: secret[secret.len() - 4..].to_owned(),
            hash: sha256(&secret),
            created_at: now,
            created_by: actor.name.clone(),
            expires_at: input.expires_at,
            revoked_at: None,
        };
        let audit = self.audit(actor, "api_key.created", key.id).between(&Vec::new(), &key.facts());
        self.store.create_key(key.clone(), audit).await?;
        Ok(CreatedKey { key, secret })
    }

    /// The API keys that are not revoked, newest first.
    ///
    /// # Errors
    /// `read_only`, `people_only`.
    pub fn keys(&self, actor: &Actor) -> Result<Vec<KeyView>, Problem> {
        actor.may(Need::Admin)?;
        let used = self.keys_used.lock().expect("nothing panics while it notes a use");
        let mut views: Vec<_> = self
            .store
            .keys()
            .iter()
            .filter(|key| key.revoked_at.is_none())
            .map(|key| KeyView {
                last_used: used.get(&key.id).map(|(used, _)| *used),
                place: self.key_place(key.id),
                key: (**key).clone(),
            })
            .collect();
        views.sort_by_key(|view| std::cmp::Reverse(view.key.id));
        Ok(views)
    }

    /// Whether there is an API key that was not revoked.
    pub(super) fn has_key(&self) -> bool {
        self.store.keys().iter().any(|key| key.revoked_at.is_none())
    }

    /// Makes an API key stop working at once.
    ///
    /// # Errors
    /// `read_only`, `people_only`, `not_found`, `cannot_write`.
    pub async fn revoke_key(&self, actor: &Actor, id: ApiKeyId) -> Result<(), Problem> {
        actor.may(Need::Admin)?;
        self.refuse_declared(actor, "API key", self.key_place(id))?;
        let name = self.store.keys().iter().find(|key| key.id == id).map(|key| key.name.clone()).unwrap_or_default();
        let audit = self.audit(actor, "api_key.revoked", id).changing("name", name, "");
        self.store.revoke_key(id, self.now(), audit).await
    }

    /// Who holds the key `secret`, if it works.
    pub fn authenticate(&self, secret: &str, address: Option<IpAddr>) -> Option<(Actor, ApiKey)> {
        let now = self.now();
        // Looked up by hash: how long it takes says nothing about the key.
        let key = self.store.key_by_hash(&sha256(secret)).filter(|key| key.works_at(now))?;
        self.note_use(key.id, KeyUse { at: now, address });
        Some((Actor::key(&key).at(address), (*key).clone()))
    }

    fn note_use(&self, id: ApiKeyId, used: KeyUse) {
        let mut uses = self.keys_used.lock().expect("nothing panics while it notes a use");
        let noted_at = uses.get(&id).map(|(_, noted_at)| *noted_at);
        let is_due = noted_at.is_none_or(|noted_at| used.at - noted_at >= USE_NOTED_EVERY);
        uses.insert(id, (used, if is_due { used.at } else { noted_at.unwrap_or(used.at) }));
        drop(uses);
        if is_due {
            // Nobody waits for it; if it is lost, so are some minutes of it.
            drop(self.store.note_key_use(id, used));
        }
    }

    /// An entry for the audit log, written with the change it is about.
    pub(super) fn audit(&self, actor: &Actor, action: &'static str, object: impl fmt::Display) -> AuditEntry {
        AuditEntry::new(self.now(), actor, action, object)
    }
}

/// What is kept of a token.
pub(super) fn sha256(text: &str) -> [u8; 32] {
    Sha256::digest(text).into()
}

/// `count` random bytes as URL-safe text.
pub(super) fn random_text(random: &dyn Random, count: usize) -> String {
    let mut bytes = vec![0; count];
    random.bytes(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Random bytes.
pub(super) fn random_bytes<const N: usize>(random: &dyn Random) -> [u8; N] {
    let mut bytes = [0; N];
    random.bytes(&mut bytes);
    bytes
}
