//! The people who may sign in: adding them, what they may do, their passwords and sessions.

use super::{
    Service,
    access::sha256,
    passwords,
    sign_in::{Browser, SignedIn},
};
use crate::{
    domain::{Actor, Fault, Need, Problem, Role, Session, Timestamp, User, UserId},
    store::EndSessions,
};

/// A person as the pages show them: nothing of a password or a second factor.
#[derive(Debug, Clone)]
pub struct Person {
    /// Their id.
    pub id: UserId,
    /// What they sign in with.
    pub email: String,
    /// What they may do.
    pub role: Role,
    /// When they were added.
    pub created_at: Timestamp,
    /// When their password was set.
    pub password_changed_at: Timestamp,
    /// Since when a second factor is asked for; `None` if there is none.
    pub second_factor: Option<Timestamp>,
    /// Recovery codes that are left.
    pub recovery_codes: usize,
    /// Where they are signed in, the latest use first.
    pub sessions: Vec<SessionView>,
}

/// A session for a list.
#[derive(Debug, Clone)]
pub struct SessionView {
    /// Names it, and opens nothing.
    pub id: String,
    /// The session.
    pub session: Session,
    /// Whether it is the one that asks.
    pub is_own: bool,
}

impl Service {
    /// Adds a person who may sign in. With `only_first`, only if there is nobody yet.
    ///
    /// # Errors
    /// `read_only`, `invalid`, `conflict` if the email is taken, `cannot_write`.
    pub async fn create_user(
        &self,
        actor: &Actor,
        email: &str,
        password: String,
        role: Role,
        only_first: bool,
    ) -> Result<UserId, Problem> {
        actor.may(Need::Admin)?;
        let mut faults = Vec::new();
        let email = check_email(email).unwrap_or_else(|fault| {
            faults.push(fault);
            String::new()
        });
        faults.extend(passwords::check(&password).err());
        if !faults.is_empty() {
            return Err(Problem::invalid(faults));
        }
        let password_hash = self.hash_password(password).await?;
        let now = self.now();
        let user = User {
            id: self.next_user_id(now),
            email,
            password_hash,
            created_at: now,
            password_changed_at: now,
            role,
            second_factor: None,
        };
        let id = user.id;
        let audit = self.audit(actor, "user.created", &user.email).between(&Vec::new(), &user.facts());
        self.store.create_user(user, only_first, audit).await?;
        Ok(id)
    }

    /// Sets a person's password and ends their sessions.
    ///
    /// # Errors
    /// `read_only`, `not_found`, `invalid`, `cannot_write`.
    pub async fn reset_password(&self, actor: &Actor, id: UserId, password: String) -> Result<(), Problem> {
        actor.may(Need::Admin)?;
        passwords::check(&password).map_err(|fault| Problem::invalid(vec![fault]))?;
        self.set_password(actor, id, "user.password_reset", password).await.map(drop)
    }

    /// Sets one's own password. Every session ends, and this browser gets a new one.
    ///
    /// # Errors
    /// `wrong_password`, `rate_limited`, `invalid`, `cannot_write`.
    pub async fn change_password(
        &self,
        actor: &Actor,
        browser: Browser,
        current: String,
        password: String,
    ) -> Result<SignedIn, Problem> {
        let checked = passwords::check(&password);
        let user = self.prove_password(actor, current).await?;
        checked.map_err(|fault| Problem::invalid(vec![fault]))?;
        let token = browser.token.as_deref().map(sha256);
        let old = token.map(|hash| self.store.session(hash)).transpose()?.flatten();
        let user = self.set_password(actor, user.id, "user.password_changed", password).await?;
        // Whoever stayed signed in stays so.
        let stay = old.is_some_and(|old| old.expires_at - old.created_at >= self.settings.session);
        self.begin_session(&user, stay, &browser).await
    }

    async fn set_password(
        &self,
        actor: &Actor,
        id: UserId,
        action: &'static str,
        password: String,
    ) -> Result<User, Problem> {
        let email = self.known_user(id)?.email;
        let password_hash = self.hash_password(password).await?;
        let now = self.now();
        let update = Box::new(move |user: &mut User| {
            (user.password_hash, user.password_changed_at) = (password_hash, now);
            Ok(())
        });
        self.store.update_user(id, update, EndSessions::All, self.audit(actor, action, email)).await
    }

    /// Proves by the password that it is still the one who signed in.
    ///
    /// # Errors
    /// `people_only`, `wrong_password`, `rate_limited`.
    pub(super) async fn prove_password(&self, actor: &Actor, password: String) -> Result<User, Problem> {
        actor.may(Need::Own)?;
        let user = self.own_user(actor)?;
        self.check_guesser(&user.email, actor.address())?;
        let turn = self.hashing.turn().await?;
        if self.verify_password(&turn, Some(user.password_hash.clone()), password).await? {
            return Ok(user);
        }
        self.count_wrong_guess(&user.email, actor.address());
        let fault = Fault::new("wrong_password", "This is not your password.").at("/current");
        Err(Problem { code: "wrong_password", ..Problem::invalid(vec![fault]) })
    }

    /// Gives a person another role.
    ///
    /// # Errors
    /// `read_only`, `not_found`, `conflict` if no admin would be left, `cannot_write`.
    pub async fn set_role(&self, actor: &Actor, id: UserId, role: Role) -> Result<(), Problem> {
        actor.may(Need::Admin)?;
        let audit = self.audit(actor, "user.role_changed", self.known_user(id)?.email);
        let update = Box::new(move |user: &mut User| {
            user.role = role;
            Ok(())
        });
        self.store.update_user(id, update, EndSessions::None, audit).await.map(drop)
    }

    /// Ends every session of a person.
    ///
    /// # Errors
    /// `read_only`, `not_found`, `cannot_write`.
    pub async fn sign_out_everywhere(&self, actor: &Actor, id: UserId) -> Result<(), Problem> {
        actor.may(Need::Admin)?;
        self.end_sessions(actor, id, EndSessions::All).await
    }

    /// Ends every session of one's own but the one in use.
    ///
    /// # Errors
    /// `people_only`, `cannot_write`.
    pub async fn sign_out_elsewhere(&self, actor: &Actor, token: &str) -> Result<(), Problem> {
        actor.may(Need::Own)?;
        self.end_sessions(actor, self.own_user(actor)?.id, EndSessions::AllBut(sha256(token))).await
    }

    async fn end_sessions(&self, actor: &Actor, id: UserId, end: EndSessions) -> Result<(), Problem> {
        let audit = self.audit(actor, "user.signed_out_everywhere", self.known_user(id)?.email);
        self.store.update_user(id, Box::new(|_| Ok(())), end, audit).await.map(drop)
    }

    /// Ends one session of a person: their own, or anybody's for an admin.
    ///
    /// # Errors
    /// `read_only`, `not_found`, `cannot_write`.
    pub async fn end_session(&self, actor: &Actor, id: UserId, session: &str) -> Result<(), Problem> {
        let is_own = actor.user_id() == Some(id);
        actor.may(if is_own { Need::Own } else { Need::Admin })?;
        let email = self.known_user(id)?.email;
        let sessions = self.store.sessions()?.into_iter();
        let found = sessions.filter(|(_, known)| known.user == id).find(|(hash, _)| session_id(hash) == session);
        let (hash, _) = found.ok_or_else(|| Problem::not_found("session"))?;
        self.store.end_session(hash, self.audit(actor, "user.session_ended", email)).await
    }

    /// Removes a person and ends their sessions.
    ///
    /// # Errors
    /// `read_only`, `not_found`, `conflict` if no admin would be left, `cannot_write`.
    pub async fn delete_user(&self, actor: &Actor, id: UserId) -> Result<(), Problem> {
        actor.may(Need::Admin)?;
        let user = self.known_user(id)?;
        let audit = self.audit(actor, "user.deleted", user.email).changing("role", user.role.code(), "");
        self.store.delete_user(id, audit).await
    }

    /// The people who may sign in, by email.
    ///
    /// # Errors
    /// `read_only`, `people_only`, or if the store cannot be read.
    pub fn people(&self, actor: &Actor) -> Result<Vec<Person>, Problem> {
        actor.may(Need::Admin)?;
        let sessions = self.store.sessions()?;
        let mut users = self.store.users()?;
        users.sort_by(|one, other| one.email.cmp(&other.email));
        Ok(users.iter().map(|user| self.person_of(user, &sessions, None)).collect())
    }

    /// One of them; `token` is the session that asks.
    ///
    /// # Errors
    /// `read_only`, `people_only`, `not_found`.
    pub fn person(&self, actor: &Actor, id: UserId, token: &str) -> Result<Person, Problem> {
        actor.may(Need::Admin)?;
        Ok(self.person_of(&self.known_user(id)?, &self.store.sessions()?, Some(token)))
    }

    /// Oneself; `token` is the session that asks.
    ///
    /// # Errors
    /// `people_only`, `not_found`.
    pub fn myself(&self, actor: &Actor, token: &str) -> Result<Person, Problem> {
        actor.may(Need::Own)?;
        Ok(self.person_of(&self.own_user(actor)?, &self.store.sessions()?, Some(token)))
    }

    /// The id of the person with that email.
    ///
    /// # Errors
    /// `not_found`.
    pub fn user_named(&self, email: &str) -> Result<UserId, Problem> {
        let user = self.store.user_by_email(&email.trim().to_lowercase())?;
        user.map(|user| user.id).ok_or_else(|| Problem::not_found("user"))
    }

    pub(super) fn own_user(&self, actor: &Actor) -> Result<User, Problem> {
        self.known_user(actor.user_id().ok_or_else(|| Problem::not_found("user"))?)
    }

    pub(super) fn known_user(&self, id: UserId) -> Result<User, Problem> {
        self.store.user(id)?.ok_or_else(|| Problem::not_found("user"))
    }

    fn person_of(&self, user: &User, sessions: &[([u8; 32], Session)], token: Option<&str>) -> Person {
        let (own, now) = (token.map(sha256), self.now());
        let theirs = sessions.iter().filter(|(_, session)| session.is_valid(user, self.settings.session_idle, now));
        let view = |(hash, session): &([u8; 32], Session)| SessionView {
            id: session_id(hash),
            session: session.clone(),
            is_own: own == Some(*hash),
        };
        let mut sessions: Vec<_> = theirs.map(view).collect();
        sessions.sort_by_key(|view| std::cmp::Reverse(view.session.seen_at()));
        let factor = user.second_factor.as_ref();
        Person {
            id: user.id,
            email: user.email.clone(),
            role: user.role,
            created_at: user.created_at,
            password_changed_at: user.password_changed_at,
            second_factor: factor.map(|factor| factor.since),
            recovery_codes: factor.map_or(0, |factor| factor.recovery.len()),
            sessions,
        }
    }
}

/// The name of a session on a page: a piece of the hash of its cookie, of which nothing follows.
fn session_id(hash: &[u8; 32]) -> String {
    hash[..8].iter().map(|byte| format!("{byte:02x}")).collect()
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
