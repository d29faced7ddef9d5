//! People, their sessions, and API keys.

use std::{net::IpAddr, sync::Arc};

use redb::ReadableTable;

use super::{
    AuditEntry, Pending, Store,
    batch::Batch,
    fail::Fail,
    record::{decode, encode},
    seal::{self, Place, Seal},
    tables::{API_KEYS, KEY_USES, SESSIONS, USERS},
};
use crate::domain::{ApiKey, ApiKeyId, KeyUse, Problem, Role, Session, Timestamp, User, UserId};

/// Most API keys, revoked ones included: each is kept in memory.
const MOST_KEYS: usize = 10_000;
/// Most people: all are read to find one by email.
const MOST_USERS: usize = 500;
/// Most sessions of one person; the one that was used least lately ends for a new one.
const MOST_SESSIONS: usize = 50;

/// A change of a person, applied by the writer to their present state; it may refuse.
pub type UserUpdate = Box<dyn FnOnce(&mut User) -> Result<(), Problem> + Send>;

/// Which sessions of a person end with a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndSessions {
    /// None.
    None,
    /// All of them.
    All,
    /// All but the one under this hash.
    AllBut([u8; 32]),
}

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
    /// taken or there is no admin yet and this is none, `cannot_write`.
    pub fn create_user(&self, user: User, only_first: bool, audit: AuditEntry) -> Pending<()> {
        self.write(move |batch| {
            if only_first && batch.shared.users > 0 {
                return Err(Problem::not_found("page").into());
            }
            let known = all_users(batch)?;
            if known.iter().any(|known| known.email == user.email) {
                return Err(Problem::conflict("There is a user with this email already.").into());
            }
            if user.role != Role::Admin && !known.iter().any(|known| known.role == Role::Admin) {
                return Err(Problem::conflict("There is no admin yet. Add one first.").into());
            }
            if known.len() >= MOST_USERS {
                return Err(Problem::conflict(format!("There are {MOST_USERS} users, which is the limit.")).into());
            }
            batch.audit(&audit)?;
            batch.shared.users += 1;
            batch.shared.first_user_at.get_or_insert(user.created_at);
            seal::put(batch, USERS, user.id.0, &user)
        })
    }

    /// Changes a person, and ends sessions of theirs.
    ///
    /// # Errors
    /// `not_found`, `conflict` if no admin would be left, what `update` refuses with, `cannot_write`.
    pub fn update_user(&self, id: UserId, update: UserUpdate, end: EndSessions, audit: AuditEntry) -> Pending<User> {
        self.write(move |batch| {
            let mut users = all_users(batch)?;
            let position = users.iter().position(|user| user.id == id).ok_or_else(|| Problem::not_found("user"))?;
            let before = users[position].clone();
            update(&mut users[position])?;
            keep_an_admin(&users)?;
            let user = users.swap_remove(position);
            batch.audit(&audit.between(&before.facts(), &user.facts()))?;
            seal::put(batch, USERS, user.id.0, &user)?;
            end_sessions(batch, id, end)?;
            Ok(user)
        })
    }

    /// Removes a person and ends their sessions.
    ///
    /// # Errors
    /// `not_found`, `conflict` if no admin would be left, `cannot_write`.
    pub fn delete_user(&self, id: UserId, audit: AuditEntry) -> Pending<()> {
        self.write(move |batch| {
            let mut users = all_users(batch)?;
            let position = users.iter().position(|user| user.id == id).ok_or_else(|| Problem::not_found("user"))?;
            users.remove(position);
            keep_an_admin(&users)?;
            batch.audit(&audit)?;
            batch.open(USERS)?.remove(id.0)?;
            end_sessions(batch, id, EndSessions::All)?;
            batch.shared.users = users.len();
            Ok(())
        })
    }

    /// The people who may sign in.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn users(&self) -> Result<Vec<User>, Problem> {
        let seal = self.inner.shared().seal;
        self.read(|transaction| people(&seal, &transaction.open_table(USERS)?))
    }

    /// The person of that id.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn user(&self, id: UserId) -> Result<Option<User>, Problem> {
        let seal = self.inner.shared().seal;
        self.read(|transaction| {
            let bytes = transaction.open_table(USERS)?.get(id.0)?;
            bytes.map(|bytes| seal.decode(&Place::row(USERS, id.0), bytes.value())).transpose()
        })
    }

    /// The person with that email, in lower case.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn user_by_email(&self, email: &str) -> Result<Option<User>, Problem> {
        Ok(self.users()?.into_iter().find(|user| user.email == email))
    }

    /// Begins a session, and ends the one that the same browser had.
    ///
    /// # Errors
    /// `cannot_write`.
    pub fn create_session(
        &self,
        hash: [u8; 32],
        session: Session,
        instead_of: Option<[u8; 32]>,
        audit: AuditEntry,
    ) -> Pending<()> {
        self.write(move |batch| {
            batch.audit(&audit)?;
            let mut table = batch.open(SESSIONS)?;
            if let Some(old) = instead_of {
                table.remove(&old)?;
            }
            // Sessions that have ended go whenever one begins, so their number stays bounded.
            table.retain(|_, bytes| decode::<Session>(bytes).is_ok_and(|old| old.expires_at > session.created_at))?;
            let mut theirs = Vec::new();
            for row in table.iter()? {
                let (key, bytes) = row?;
                let known: Session = decode(bytes.value())?;
                if known.user == session.user {
                    theirs.push((known.seen_at(), *key.value()));
                }
            }
            theirs.sort_unstable();
            for (_, key) in theirs.iter().take((theirs.len() + 1).saturating_sub(MOST_SESSIONS)) {
                table.remove(key)?;
            }
            table.insert(&hash, encode(&session).as_slice())?;
            Ok(())
        })
    }

    /// Writes down when and from where a session was last used, if it is still there.
    ///
    /// # Errors
    /// `cannot_write`.
    pub fn note_session(&self, hash: [u8; 32], at: Timestamp, address: Option<IpAddr>) -> Pending<()> {
        self.write(move |batch| {
            let mut table = batch.open(SESSIONS)?;
            let known: Option<Session> = table.get(&hash)?.map(|bytes| decode(bytes.value())).transpose()?;
            if let Some(session) = known {
                let session = Session { last_seen_at: Some(at), address: address.or(session.address), ..session };
                table.insert(&hash, encode(&session).as_slice())?;
            }
            Ok(())
        })
    }

    /// The sessions of everybody with their hashes, the ones that have ended included.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn sessions(&self) -> Result<Vec<([u8; 32], Session)>, Problem> {
        self.read(|transaction| {
            let table = transaction.open_table(SESSIONS)?;
            let row = |row: Result<_, redb::StorageError>| {
                let (key, bytes): (redb::AccessGuard<&[u8; 32]>, redb::AccessGuard<&[u8]>) = row?;
                Ok((*key.value(), decode(bytes.value())?))
            };
            table.iter()?.map(row).collect()
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
    pub fn end_session(&self, hash: [u8; 32], audit: AuditEntry) -> Pending<()> {
        self.write(move |batch| {
            let ended = batch.open(SESSIONS)?.remove(&hash)?;
            if ended { batch.audit(&audit) } else { Ok(()) }
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

    /// When each API key was last used, as far as that was written down.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn key_uses(&self) -> Result<Vec<(ApiKeyId, KeyUse)>, Problem> {
        self.read(|transaction| {
            let mut uses = Vec::new();
            for row in transaction.open_table(KEY_USES)?.iter()? {
                let (key, bytes) = row?;
                uses.push((ApiKeyId(key.value()), decode(bytes.value())?));
            }
            Ok(uses)
        })
    }

    /// Writes down a use of an API key.
    ///
    /// # Errors
    /// `cannot_write`.
    pub fn note_key_use(&self, id: ApiKeyId, used: KeyUse) -> Pending<()> {
        self.write(move |batch| batch.put(KEY_USES, id.0, &used))
    }

    /// The API key of that hash.
    pub fn key_by_hash(&self, hash: &[u8; 32]) -> Option<Arc<ApiKey>> {
        self.inner.shared.read().expect("no writer panics").keys.get(hash).cloned()
    }
}

fn all_users(batch: &Batch) -> Result<Vec<User>, Fail> {
    people(&batch.shared.seal, &*batch.open(USERS)?)
}

fn people(seal: &Seal, table: &impl ReadableTable<u128, &'static [u8]>) -> Result<Vec<User>, Fail> {
    let mut people = Vec::new();
    for row in table.iter()? {
        let (id, bytes) = row?;
        people.push(seal.decode(&Place::row(USERS, id.value()), bytes.value())?);
    }
    Ok(people)
}

/// Nobody could add one any more, other than at the command line.
fn keep_an_admin(users: &[User]) -> Result<(), Problem> {
    match users.iter().any(|user| user.role == Role::Admin) {
        true => Ok(()),
        false => Err(Problem::conflict("This is the last admin. Make somebody else an admin first.")),
    }
}

fn end_sessions(batch: &Batch, user: UserId, end: EndSessions) -> Result<(), Fail> {
    let kept = match end {
        EndSessions::None => return Ok(()),
        EndSessions::All => None,
        EndSessions::AllBut(hash) => Some(hash),
    };
    let mut table = batch.open(SESSIONS)?;
    table.retain(|key, bytes| {
        Some(*key) == kept || decode::<Session>(bytes).is_ok_and(|session| session.user != user)
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What was written before there were roles, second factors and lists of sessions.
    #[test]
    fn people_and_sessions_of_before_are_read() {
        #[derive(serde::Serialize)]
        struct UserBefore(UserId, &'static str, &'static str, Timestamp, Timestamp);
        #[derive(serde::Serialize)]
        struct SessionBefore(UserId, Timestamp, Timestamp);
        let at = Timestamp::from_millis(1_767_605_400_123);
        let user: User = decode(&encode(&UserBefore(UserId(9), "a@b", "$argon2id$…", at, at))).expect("a user");
        assert_eq!((user.email.as_str(), user.role, user.second_factor), ("a@b", Role::Admin, None));
        let session: Session = decode(&encode(&SessionBefore(UserId(9), at, at))).expect("a session");
        assert_eq!((session.seen_at(), session.address, session.browser.as_str()), (at, None, ""));
    }
}
