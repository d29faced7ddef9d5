//! Signing in: a password and, for those who have one, a second factor; then a session.

use std::{
    collections::VecDeque,
    net::IpAddr,
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use super::{
    Service,
    access::{random_text, sha256},
};
use crate::{
    domain::{Actor, CodeFits, Problem, ProblemKind, Session, Timestamp, User, UserId},
    store::EndSessions,
};

/// How long a session lasts where nobody chose to stay signed in.
const SHORT_SESSION: Duration = Duration::from_secs(24 * 3_600);
/// How long the second step may take.
const HALF_WAY: Duration = Duration::from_secs(5 * 60);
/// People between the two steps; the oldest starts anew.
const MOST_HALF_WAY: usize = 1_000;
/// Wrong codes after which the password is asked for again.
const CODE_TRIES: u32 = 5;

/// The browser that somebody is at.
#[derive(Debug, Clone, Default)]
pub struct Browser {
    /// Where it is; `None` if that cannot be told (a Unix socket).
    pub address: Option<IpAddr>,
    /// What it calls itself.
    pub name: String,
    /// The session it has, which ends when it gets a new one.
    pub token: Option<String>,
}

/// Somebody wants to sign in.
#[derive(Clone)]
pub struct SignIn {
    /// Their email.
    pub email: String,
    /// Their password.
    pub password: String,
    /// Whether they stay signed in for as long as the operator allows.
    pub stay: bool,
    /// What they sit at.
    pub browser: Browser,
}

/// Somebody is signed in.
#[derive(Clone)]
pub struct SignedIn {
    /// The cookie's value; only its hash is kept.
    pub token: String,
    /// When it ends.
    pub expires_at: Timestamp,
    /// Whether they chose to stay signed in.
    pub stay: bool,
}

/// What follows a right password.
#[derive(Clone)]
pub enum SignInStep {
    /// Nothing more.
    Done(SignedIn),
    /// A code of the second factor, together with this token.
    Code(String),
}

/// People between the two steps. A restart sends them back to the first.
#[derive(Default)]
pub struct HalfSignedIn(Mutex<VecDeque<HalfWay>>);

#[derive(Clone)]
struct HalfWay {
    hash: [u8; 32],
    user: UserId,
    stay: bool,
    until: Timestamp,
    wrong: u32,
}

impl HalfSignedIn {
    fn all(&self) -> MutexGuard<'_, VecDeque<HalfWay>> {
        self.0.lock().expect("nothing panics while it looks somebody up")
    }

    fn add(&self, half: HalfWay) {
        let mut all = self.all();
        all.retain(|known| known.until > half.until.minus(HALF_WAY));
        if all.len() >= MOST_HALF_WAY {
            all.pop_front();
        }
        all.push_back(half);
    }

    fn find(&self, hash: [u8; 32], now: Timestamp) -> Option<HalfWay> {
        self.all().iter().find(|half| half.hash == hash && now < half.until).cloned()
    }

    fn count_wrong(&self, hash: [u8; 32]) {
        let mut all = self.all();
        if let Some(half) = all.iter_mut().find(|half| half.hash == hash) {
            half.wrong += 1;
        }
        all.retain(|half| half.wrong < CODE_TRIES);
    }

    fn remove(&self, hash: [u8; 32]) {
        self.all().retain(|half| half.hash != hash);
    }
}

impl Service {
    /// The first step. Takes the same time whether the email or the password is wrong.
    ///
    /// # Errors
    /// `wrong_password`; `rate_limited` after several of those; `cannot_write`.
    pub async fn sign_in(&self, request: SignIn) -> Result<SignInStep, Problem> {
        let SignIn { email, password, stay, browser } = request;
        let email = email.trim().to_lowercase();
        self.check_guesser(&email, browser.address)?;
        let turn = self.hashing.turn().await?;
        // Once more, so that many tries at the same moment are counted one by one.
        self.check_guesser(&email, browser.address)?;
        let user = self.store.user_by_email(&email)?;
        let hash = user.as_ref().map(|user| user.password_hash.clone());
        let right = self.verify_password(&turn, hash, password).await?;
        let Some(user) = user.filter(|_| right) else {
            self.count_wrong_guess(&email, browser.address);
            return Err(Problem::new(ProblemKind::Invalid, "wrong_password", "Email or password is wrong."));
        };
        drop(turn);
        if user.second_factor.is_some() {
            let token = random_text(&*self.random, 32);
            let until = self.now().plus(HALF_WAY);
            self.half_signed_in.add(HalfWay { hash: sha256(&token), user: user.id, stay, until, wrong: 0 });
            return Ok(SignInStep::Code(token));
        }
        self.forgive(&email, browser.address);
        self.begin_session(&user, stay, &browser).await.map(SignInStep::Done)
    }

    /// Whether somebody with that token is between the two steps.
    pub fn is_half_signed_in(&self, token: &str) -> bool {
        self.half_signed_in.find(sha256(token), self.now()).is_some()
    }

    /// The second step: a code of the phone, or one of the recovery codes.
    ///
    /// # Errors
    /// `sign_in_again` if the first step is not remembered; `wrong_code`; `rate_limited` after several
    /// of those; `cannot_write`.
    pub async fn sign_in_with_code(&self, token: &str, code: &str, browser: Browser) -> Result<SignedIn, Problem> {
        let again = || Problem::new(ProblemKind::Unauthorized, "sign_in_again", "That took too long. Sign in again.");
        let hash = sha256(token);
        let half = self.half_signed_in.find(hash, self.now()).ok_or_else(again)?;
        // A password that was set since then is not the one that was right.
        let is_same = |user: &User| user.password_changed_at <= half.until.minus(HALF_WAY);
        let user = self.store.user(half.user)?.filter(is_same).ok_or_else(again)?;
        self.check_guesser(&user.email, browser.address)?;
        let actor = Actor::user(&user).at(browser.address);
        let user = match self.take_code(&actor, &user, code).await {
            Ok(user) => user,
            Err(problem) => {
                if problem.code == "wrong_code" {
                    self.count_wrong_guess(&user.email, browser.address);
                    self.half_signed_in.count_wrong(hash);
                }
                return Err(problem);
            }
        };
        self.half_signed_in.remove(hash);
        self.forgive(&user.email, browser.address);
        self.begin_session(&user, half.stay, &browser).await
    }

    /// Takes a code of somebody's second factor. It is looked at again by the writer, so that of two
    /// who use it at the same moment one gets in.
    async fn take_code(&self, actor: &Actor, user: &User, code: &str) -> Result<User, Problem> {
        let wrong = || Problem::new(ProblemKind::Invalid, "wrong_code", "The code is wrong, or was used already.");
        let now = self.clock.wall();
        let factor = user.second_factor.as_ref().ok_or_else(wrong)?;
        let by = match factor.check(code, now).ok_or_else(wrong)? {
            CodeFits::Step(_) => "code".to_owned(),
            CodeFits::Recovery(_) => format!("recovery code, {} left", factor.recovery.len() - 1),
        };
        let code = code.to_owned();
        let take = Box::new(move |user: &mut User| {
            let factor = user.second_factor.as_mut().ok_or_else(wrong)?;
            let fits = factor.check(&code, now).ok_or_else(wrong)?;
            factor.take(fits);
            Ok(())
        });
        let audit = self.audit(actor, "user.code_taken", &user.email).changing("by", "", by);
        self.store.update_user(user.id, take, EndSessions::None, audit).await
    }

    /// A session with a new token, whatever the browser had before.
    pub(super) async fn begin_session(&self, user: &User, stay: bool, browser: &Browser) -> Result<SignedIn, Problem> {
        let now = self.now();
        let token = random_text(&*self.random, 32);
        let length = if stay { self.settings.session } else { self.settings.session.min(SHORT_SESSION) };
        let expires_at = now.plus(length);
        let session = Session {
            user: user.id,
            created_at: now,
            expires_at,
            last_seen_at: Some(now),
            address: browser.address,
            browser: browser.name.chars().filter(|c| !c.is_control()).take(Session::BROWSER_CHARS).collect(),
        };
        let actor = Actor::user(user).at(browser.address);
        let audit = self.audit(&actor, "user.signed_in", &user.email);
        let instead_of = browser.token.as_deref().map(sha256);
        self.store.create_session(sha256(&token), session, instead_of, audit).await?;
        Ok(SignedIn { token, expires_at, stay })
    }

    /// Whose session a cookie is; `None` if it has ended or never was. That it was used is noted.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn session(&self, token: &str, address: Option<IpAddr>) -> Result<Option<Actor>, Problem> {
        let (now, hash) = (self.now(), sha256(token));
        let Some(session) = self.store.session(hash)? else { return Ok(None) };
        let Some(user) = self.store.user(session.user)? else { return Ok(None) };
        if !session.is_valid(&user, self.settings.session_idle, now) {
            return Ok(None);
        }
        if session.is_to_note(address, now) {
            // Nobody waits for it; if it is lost, the next use is noted.
            drop(self.store.note_session(hash, now, address));
        }
        Ok(Some(Actor::user(&user).at(address)))
    }

    /// Ends a session.
    ///
    /// # Errors
    /// `cannot_write`.
    pub async fn sign_out(&self, actor: &Actor, token: &str) -> Result<(), Problem> {
        let audit = self.audit(actor, "user.signed_out", &actor.name);
        self.store.end_session(sha256(token), audit).await
    }
}
