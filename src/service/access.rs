//! Who gets in: the first admin, people with passwords and sessions, programs with API keys; and
//! the audit log of what they did.

use std::{collections::HashMap, fmt, net::IpAddr, time::Duration};

use argon2::{Argon2, PasswordHash, PasswordHasher, PasswordVerifier};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::Service;
use crate::{
    domain::{AccountId, Actor, ApiKey, ApiKeyId, Fault, Problem, ProblemKind, Scope, Session, Timestamp, User},
    store::AuditEntry,
    system::Random,
};

/// Wrong passwords one address may give in a row before it has to wait.
const SIGN_IN_TRIES: u32 = 5;
/// How long it has to wait then.
const SIGN_IN_WAIT: Duration = Duration::from_secs(60);
/// Addresses remembered for that; the oldest are forgotten first.
const SIGN_IN_ADDRESSES: usize = 10_000;
/// Passwords hashed at once.
pub(super) const HASHED_AT_ONCE: usize = 2;
/// Least and most characters of a password. The most is there because hashing costs time.
const PASSWORD_CHARS: std::ops::RangeInclusive<usize> = 12..=128;

/// The hash of no password, with the parameters of real ones.
const DECOY_HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Wrong passwords by address: how many in a row, and when the last one was.
pub(super) type SignInFailures = HashMap<IpAddr, (u32, Timestamp)>;

/// Somebody wants to sign in.
#[derive(Clone)]
pub struct SignIn {
    /// Their email.
    pub email: String,
    /// Their password.
    pub password: String,
    /// Where they come from.
    pub address: IpAddr,
}

/// Somebody is signed in.
#[derive(Clone)]
pub struct SignedIn {
    /// The cookie's value; only its hash is kept.
    pub token: String,
    /// When it ends.
    pub expires_at: Timestamp,
}

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
    /// When and from where it was last used, as far as known since the server started.
    pub last_used: Option<(Timestamp, Option<IpAddr>)>,
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
    pub async fn set_up(&self, token: &str, email: &str, password: String) -> Result<(), Problem> {
        if !self.is_setup_token(token) {
            return Err(Problem::not_found("page"));
        }
        self.create_user(&Actor::admin(email), email, password, true).await
    }

    /// Whether `token` is the one that opens set-up, and set-up is still open.
    pub fn is_setup_token(&self, token: &str) -> bool {
        self.setup_token().is_some_and(|right| bool::from(right.as_bytes().ct_eq(token.as_bytes())))
    }

    /// Adds a person who may sign in as an admin. With `only_first`, only if there is none yet.
    ///
    /// # Errors
    /// `invalid`, `conflict` if the email is taken, `cannot_write`.
    pub async fn create_user(
        &self,
        actor: &Actor,
        email: &str,
        password: String,
        only_first: bool,
    ) -> Result<(), Problem> {
        let mut faults = Vec::new();
        let email = check_email(email).unwrap_or_else(|fault| {
            faults.push(fault);
            String::new()
        });
        if let Err(fault) = check_password(&password) {
            faults.push(fault);
        }
        if !faults.is_empty() {
            return Err(Problem::invalid(faults));
        }
        let now = self.now();
        let password_hash = self.hash_password(password).await?;
        let user = User { id: self.next_user_id(now), email, password_hash, created_at: now, password_changed_at: now };
        let audit = self.audit(actor, "user.created", &user.email);
        self.store.create_user(user, only_first, audit).await
    }

    /// Sets a person's password and ends their sessions.
    ///
    /// # Errors
    /// `not_found`, `invalid`, `cannot_write`.
    pub async fn reset_password(&self, actor: &Actor, email: &str, password: String) -> Result<(), Problem> {
        check_password(&password).map_err(|fault| Problem::invalid(vec![fault]))?;
        let mut user =
            self.store.user_by_email(&email.trim().to_lowercase())?.ok_or_else(|| Problem::not_found("user"))?;
        user.password_hash = self.hash_password(password).await?;
        user.password_changed_at = self.now();
        let audit = self.audit(actor, "user.password_reset", &user.email);
        self.store.replace_user(user, audit).await
    }

    /// The people who may sign in.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn users(&self) -> Result<Vec<User>, Problem> {
        self.store.users()
    }

    /// Signs in. Takes the same time whether the email or the password is wrong.
    ///
    /// # Errors
    /// `wrong_password`; `rate_limited` after several of those in a row from one address;
    /// `cannot_write`.
    pub async fn sign_in(&self, request: SignIn) -> Result<SignedIn, Problem> {
        // The turn comes first, so that many tries at the same moment are counted one by one.
        let _turn = self.hashing.acquire().await.map_err(|_| Problem::internal())?;
        let now = self.now();
        self.check_sign_in_rate(request.address, now)?;
        let user = self.store.user_by_email(&request.email.trim().to_lowercase())?;
        // A hash of nothing anybody knows, so that an unknown email costs as much as a known one.
        let hash = match &user {
            Some(user) => user.password_hash.clone(),
            None => DECOY_HASH.to_owned(),
        };
        let password = request.password;
        let right = *PASSWORD_CHARS.end() >= password.chars().count() && verify_password(hash, password).await?;
        let Some(user) = user.filter(|_| right) else {
            self.count_sign_in_failure(request.address, now);
            return Err(Problem::new(ProblemKind::Invalid, "wrong_password", "Email or password is wrong."));
        };
        self.sign_in_failures.lock().expect("nothing panics while it counts").remove(&request.address);
        let token = random_text(&*self.random, 32);
        let expires_at = now.plus(self.settings.session);
        let session = Session { user: user.id, created_at: now, expires_at };
        let audit = self.audit(&Actor::admin(&user.email), "user.signed_in", &user.email);
        self.store.create_session(sha256(&token), session, audit).await?;
        Ok(SignedIn { token, expires_at })
    }

    /// Whose session a cookie is; `None` if it has ended or never was.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn session(&self, token: &str) -> Result<Option<Actor>, Problem> {
        let now = self.now();
        let Some(session) = self.store.session(sha256(token))? else { return Ok(None) };
        let Some(user) = self.store.user(session.user)? else { return Ok(None) };
        let valid = now < session.expires_at && session.created_at >= user.password_changed_at;
        Ok(valid.then(|| Actor::admin(user.email)))
    }

    /// Ends a session.
    ///
    /// # Errors
    /// `cannot_write`.
    pub async fn sign_out(&self, token: &str) -> Result<(), Problem> {
        self.store.end_session(sha256(token)).await
    }

    /// Makes an API key. Only admins and the operator do.
    ///
    /// # Errors
    /// `invalid`, `conflict` if the name is in use, `cannot_write`.
    pub async fn create_key(&self, actor: &Actor, input: KeyInput) -> Result<CreatedKey, Problem> {
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
        let audit = self.audit(actor, "api_key.created", &key.name);
        self.store.create_key(key.clone(), audit).await?;
        Ok(CreatedKey { key, secret })
    }

    /// The API keys that are not revoked, newest first.
    pub fn keys(&self) -> Vec<KeyView> {
        let used = self.keys_used.lock().expect("nothing panics while it notes a use");
        let mut views: Vec<_> = self
            .store
            .keys()
            .iter()
            .filter(|key| key.revoked_at.is_none())
            .map(|key| KeyView {
                last_used: used.get(&key.id).copied(),
                place: self.key_place(key.id),
                key: (**key).clone(),
            })
            .collect();
        views.sort_by_key(|view| std::cmp::Reverse(view.key.id));
        views
    }

    /// Makes an API key stop working at once.
    ///
    /// # Errors
    /// `not_found`, `cannot_write`.
    pub async fn revoke_key(&self, actor: &Actor, id: ApiKeyId) -> Result<(), Problem> {
        self.refuse_declared(actor, "API key", self.key_place(id))?;
        let audit = self.audit(actor, "api_key.revoked", id);
        self.store.revoke_key(id, self.now(), audit).await
    }

    /// Who holds the key `secret`, if it works.
    pub fn authenticate(&self, secret: &str, address: Option<IpAddr>) -> Option<(Actor, ApiKey)> {
        let now = self.now();
        // Looked up by hash: how long it takes says nothing about the key.
        let key = self.store.key_by_hash(&sha256(secret)).filter(|key| key.works_at(now))?;
        self.keys_used.lock().expect("nothing panics while it notes a use").insert(key.id, (now, address));
        Some((Actor::key(&key), (*key).clone()))
    }

    /// An entry for the audit log, written with the change it is about.
    pub(super) fn audit(&self, actor: &Actor, action: &'static str, object: impl fmt::Display) -> AuditEntry {
        AuditEntry { at: self.now(), actor: actor.name.clone(), action: action.into(), object: object.to_string() }
    }

    async fn hash_password(&self, password: String) -> Result<String, Problem> {
        let salt: [u8; 16] = random_bytes(&*self.random);
        let _turn = self.hashing.acquire().await.map_err(|_| Problem::internal())?;
        tokio::task::spawn_blocking(move || {
            let hash = Argon2::default().hash_password_with_salt(password.as_bytes(), &salt);
            hash.map(|hash| hash.to_string()).map_err(|_| Problem::internal())
        })
        .await
        .map_err(|_| Problem::internal())?
    }

    fn check_sign_in_rate(&self, address: IpAddr, now: Timestamp) -> Result<(), Problem> {
        let failures = self.sign_in_failures.lock().expect("nothing panics while it counts");
        let Some((count, last)) = failures.get(&address) else { return Ok(()) };
        let left = SIGN_IN_WAIT.saturating_sub(now - *last);
        if *count < SIGN_IN_TRIES || left.is_zero() {
            return Ok(());
        }
        let seconds = left.as_secs() as u32 + 1;
        let detail = format!("Too many tries. Wait {seconds} seconds.");
        let problem = Problem::new(ProblemKind::TooMany, "rate_limited", detail);
        Err(Problem { retry_after_s: Some(seconds), ..problem })
    }

    fn count_sign_in_failure(&self, address: IpAddr, now: Timestamp) {
        let mut failures = self.sign_in_failures.lock().expect("nothing panics while it counts");
        failures.retain(|_, (_, last)| now - *last < SIGN_IN_WAIT);
        if failures.len() < SIGN_IN_ADDRESSES {
            let entry = failures.entry(address).or_insert((0, now));
            *entry = (entry.0 + 1, now);
        }
    }
}

async fn verify_password(hash: String, password: String) -> Result<bool, Problem> {
    tokio::task::spawn_blocking(move || {
        let Ok(hash) = PasswordHash::new(&hash) else { return false };
        Argon2::default().verify_password(password.as_bytes(), &hash).is_ok()
    })
    .await
    .map_err(|_| Problem::internal())
}

fn check_email(text: &str) -> Result<String, Fault> {
    let text = text.trim();
    let plausible = text.len() <= 254
        && !text.chars().any(|c| c.is_control() || c.is_whitespace())
        && text.split_once('@').is_some_and(|(name, host)| !name.is_empty() && !host.is_empty());
    match plausible {
        true => Ok(text.to_lowercase()),
        false => Err(Fault::new("invalid_email", "Enter an email address, such as admin@example.com.").at("/email")),
    }
}

fn check_password(password: &str) -> Result<(), Fault> {
    let length = password.chars().count();
    let (least, most) = (PASSWORD_CHARS.start(), PASSWORD_CHARS.end());
    if PASSWORD_CHARS.contains(&length) {
        return Ok(());
    }
    let message = match length < *least {
        true => format!("Use a password of at least {least} characters."),
        false => format!("Use a password of at most {most} characters."),
    };
    Err(Fault::new("invalid_password", message).at("/password"))
}

fn sha256(text: &str) -> [u8; 32] {
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
