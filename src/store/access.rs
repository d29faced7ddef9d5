//! People, their sessions, API keys, and the audit log.

use std::sync::Arc;

use redb::ReadableTable;

use super::{
    AuditEntry, Pending, Store,
    batch::read,
    fail::Fail,
    record::{decode, encode},
    tables::{API_KEYS, SESSIONS, USERS},
};
use crate::domain::{ApiKey, ApiKeyId, Problem, Session, Timestamp, User, UserId};

/// Most API keys, revoked ones included: each is kept in memory.
const MOST_KEYS: usize = 10_000;

impl Store {
    /// Whether anybody may sign in.
    pub fn has_user(&self) -> bool {
        self.inner.shared().users > 0
    }

    /// When the first of those who may sign in was added.
    pub fn first_user_at(&self) -> Option<Timestamp> {
        self.inner.shared.read().expect("no writer panics").first_user_at
    }

    /// Adds a person; with `only_first`, only if there is nobody yet.
    ///
    /// # Errors
    /// `not_found` if there is somebody and this was to be the first, `conflict` if the email is
    /// taken, `cannot_write`.
    pub fn create_user(&self, user: User, only_first: bool, audit: AuditEntry) -> Pending<()> {
        self.write(move |batch| {
            if only_first && batch.shared.users > 0 {
                return Err(Problem::not_found("page").into());
            }
            let taken = {
                let table = batch.open(USERS)?;
                all::<User>(&*table)?.iter().any(|known| known.email == user.email)
            };
            if taken {
                return Err(Problem::conflict("There is a user with this email already.").into());
            }
            batch.audit(&audit)?;
            batch.shared.users += 1;
            batch.shared.first_user_at.get_or_insert(user.created_at);
            batch.put(USERS, user.id.0, &user)
        })
    }

    /// Replaces a person's record.
    ///
    /// # Errors
    /// `cannot_write`.
    pub fn replace_user(&self, user: User, audit: AuditEntry) -> Pending<()> {
        self.write(move |batch| {
            batch.audit(&audit)?;
            batch.put(USERS, user.id.0, &user)
        })
    }

    /// The people who may sign in.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn users(&self) -> Result<Vec<User>, Problem> {
        self.read(|transaction| all(&transaction.open_table(USERS)?))
    }

    /// The person of that id.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn user(&self, id: UserId) -> Result<Option<User>, Problem> {
        self.read(|transaction| read(&transaction.open_table(USERS)?, id.0))
    }

    /// The person with that email, in lower case.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn user_by_email(&self, email: &str) -> Result<Option<User>, Problem> {
        Ok(self.users()?.into_iter().find(|user| user.email == email))
    }

    /// Begins a session.
    ///
    /// # Errors
    /// `cannot_write`.
    pub fn create_session(&self, hash: [u8; 32], session: Session, audit: AuditEntry) -> Pending<()> {
        self.write(move |batch| {
            batch.audit(&audit)?;
            let mut table = batch.open(SESSIONS)?;
            // Sessions that have ended go whenever one begins, so their number stays bounded.
            table.retain(|_, bytes| decode::<Session>(bytes).is_ok_and(|old| old.expires_at > session.created_at))?;
            table.insert(&hash, encode(&session).as_slice())?;
            Ok(())
        })
    }

    /// The session under that hash.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn session(&self, hash: [u8; 32]) -> Result<Option<Session>, Problem> {
        self.read(|transaction| {
            let table = transaction.open_table(SESSIONS)?;
            table.get(&hash)?.map(|bytes| decode(bytes.value())).transpose()
        })
    }

    /// Ends a session.
    ///
    /// # Errors
    /// `cannot_write`.
    pub fn end_session(&self, hash: [u8; 32]) -> Pending<()> {
        self.write(move |batch| {
            batch.open(SESSIONS)?.remove(&hash)?;
            Ok(())
        })
    }

    /// Adds an API key.
    ///
    /// # Errors
    /// `conflict` if the name is in use, `cannot_write`.
    pub fn create_key(&self, key: ApiKey, audit: AuditEntry) -> Pending<()> {
        self.write(move |batch| {
            let keys = &batch.shared.keys;
            if keys.values().any(|known| known.revoked_at.is_none() && known.name == key.name) {
                return Err(Problem::conflict("There is an API key with this name already.").into());
            }
            if keys.len() >= MOST_KEYS {
                return Err(Problem::conflict(format!("There are {MOST_KEYS} API keys, which is the limit.")).into());
            }
            batch.audit(&audit)?;
            batch.put(API_KEYS, key.id.0, &key)?;
            batch.shared.put_key(key);
            Ok(())
        })
    }

    /// Makes an API key stop working.
    ///
    /// # Errors
    /// `not_found`, `cannot_write`.
    pub fn revoke_key(&self, id: ApiKeyId, now: Timestamp, audit: AuditEntry) -> Pending<()> {
        self.write(move |batch| {
            let known = batch.shared.keys.values().find(|key| key.id == id && key.revoked_at.is_none()).cloned();
            let mut key = ApiKey::clone(&*known.ok_or_else(|| Problem::not_found("API key"))?);
            key.revoked_at = Some(now);
            batch.audit(&audit)?;
            batch.put(API_KEYS, key.id.0, &key)?;
            batch.shared.put_key(key);
            Ok(())
        })
    }

    /// The API keys, revoked ones included.
    pub fn keys(&self) -> Vec<Arc<ApiKey>> {
        self.inner.shared().keys.values().cloned().collect()
    }

    /// The API key of that hash.
    pub fn key_by_hash(&self, hash: &[u8; 32]) -> Option<Arc<ApiKey>> {
        self.inner.shared.read().expect("no writer panics").keys.get(hash).cloned()
    }

    /// Appends to the audit log.
    ///
    /// # Errors
    /// `cannot_write`.
    pub fn write_audit(&self, audit: AuditEntry) -> Pending<()> {
        self.write(move |batch| batch.audit(&audit))
    }
}

fn all<T: serde::de::DeserializeOwned>(table: &impl ReadableTable<u128, &'static [u8]>) -> Result<Vec<T>, Fail> {
    table.iter()?.map(|row| decode(row?.1.value())).collect()
}
