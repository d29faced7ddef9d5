//! The operator's door. The data file belongs to one process, so a command that needs it asks a
//! running server through a socket in the data directory, which only its owner can open; if no
//! server runs, it opens the file itself. Both ways end in [`execute`].
//!
//! One request and one answer per connection, each one line of JSON.

use std::{
    fs,
    io::{self, BufRead, BufReader, Read, Write},
    os::unix::{
        fs::PermissionsExt,
        net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use serde::{Deserialize, Serialize};

use crate::{
    domain::{AccountId, Actor, ApiKeyId, Problem, Role, Scope},
    service::{AccountCleared, KeyInput, KeyRotated, Person, Service},
};

/// Name of the socket in the data directory.
pub const SOCKET_FILE: &str = "hookstead.sock";
/// Longest line either side takes, in bytes.
const LONGEST_LINE: u64 = 1 << 20;
/// How long either side waits for the other.
const PATIENCE: Duration = Duration::from_secs(30);

/// What an operator may ask for.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "ask")]
pub enum Ask {
    /// Make an API key; the answer is the key.
    CreateKey {
        /// What it is for.
        name: String,
        /// What it may do, by the scopes' names, or `all`.
        scopes: Vec<String>,
        /// The only account it may see.
        account: Option<String>,
    },
    /// List the API keys.
    ListKeys,
    /// Revoke an API key.
    RevokeKey {
        /// Its id.
        id: String,
    },
    /// Add a person.
    CreateAdmin {
        /// What they sign in with.
        email: String,
        /// Their password.
        password: String,
        /// What they may do, by the role's name.
        role: String,
    },
    /// List the people who may sign in.
    ListAdmins,
    /// End every session of a person, or of everybody.
    SignOutAll {
        /// Whose; everybody's if nobody is named.
        email: Option<String>,
    },
    /// Take a person's second factor away.
    ResetSecondFactor {
        /// Whose.
        email: String,
    },
    /// Set an admin's password and end their sessions.
    ResetPassword {
        /// Whose.
        email: String,
        /// The new one.
        password: String,
    },
    /// Compare what is stored with itself.
    Verify,
    /// Delete the payloads of an account for some seconds; the answer is [`Cleared`] as JSON.
    DeletePayloads {
        /// Whose.
        account: String,
    },
    /// Say what is sealed with which key.
    SealedWith,
    /// Make a new key and seal every secret with it.
    RotateKey,
}

/// How far deleting the payloads of an account is.
#[derive(Serialize, Deserialize)]
pub struct Cleared {
    /// Payloads deleted.
    pub deleted: u64,
    /// Events left because they are still to be sent.
    pub pending: u64,
    /// Whether every event was looked at; if not, ask again.
    pub complete: bool,
}

/// What an operator gets back: lines to print, or why not.
pub type Told = Result<Vec<String>, String>;

/// Does what was asked.
///
/// # Errors
/// Why it cannot be done, for a person.
pub fn execute(service: &Arc<Service>, ask: Ask) -> Told {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .map_err(|error| format!("cannot start a runtime: {error}"))?;
    runtime.block_on(run(service, ask)).map_err(|problem| explain(&problem))
}

async fn run(service: &Arc<Service>, ask: Ask) -> Result<Vec<String>, Problem> {
    let actor = Actor::operator();
    match ask {
        Ask::CreateKey { name, scopes, account } => {
            let scopes = parse_scopes(&scopes)?;
            let account = account.map(|account| AccountId::parse(&account)).transpose();
            let account = account.map_err(|fault| Problem::invalid(vec![fault]))?;
            let created = service.create_key(&actor, KeyInput { name, scopes, account, expires_at: None }).await?;
            Ok(vec![created.secret])
        }
        Ask::ListKeys => Ok(service
            .keys(&actor)?
            .iter()
            .map(|view| {
                let key = &view.key;
                let scopes: Vec<_> = key.scopes.iter().map(|scope| scope.code()).collect();
                let account = key.account.as_ref().map_or("every account", |account| account.as_str());
                let last_four = &key.last_four;
                format!(
                    "{}  hsk_…{last_four}  {}  {}  {account}  {}",
                    key.id,
                    key.name,
                    scopes.join(","),
                    key.created_at
                )
            })
            .collect()),
        Ask::RevokeKey { id } => {
            let id: ApiKeyId = id.parse().map_err(|_| Problem::not_found("API key"))?;
            service.revoke_key(&actor, id).await?;
            Ok(vec![format!("Revoked {id}.")])
        }
        Ask::CreateAdmin { email, password, role } => {
            let unknown = || Problem::conflict(format!("There is no role {role}. There are: admin, read-only."));
            let role = Role::from_code(&role).ok_or_else(unknown)?;
            service.create_user(&actor, &email, password, role, false).await?;
            Ok(vec![format!("Created {}.", email.trim().to_lowercase())])
        }
        Ask::ListAdmins => {
            let line = |person: &Person| {
                let factor = if person.second_factor.is_some() { "second factor" } else { "password only" };
                format!("{}  {}  {factor}  {}", person.email, person.role.code(), person.created_at)
            };
            Ok(service.people(&actor)?.iter().map(line).collect())
        }
        Ask::SignOutAll { email } => {
            let people = match email {
                Some(email) => vec![service.user_named(&email)?],
                None => service.people(&actor)?.into_iter().map(|person| person.id).collect(),
            };
            for id in &people {
                service.sign_out_everywhere(&actor, *id).await?;
            }
            Ok(vec![format!(
                "Every session of {} has ended.",
                if people.len() == 1 { "one user" } else { "all users" }
            )])
        }
        Ask::ResetSecondFactor { email } => {
            service.reset_second_factor(&actor, service.user_named(&email)?).await?;
            Ok(vec![format!("{} signs in with the password alone.", email.trim().to_lowercase())])
        }
        Ask::ResetPassword { email, password } => {
            service.reset_password(&actor, service.user_named(&email)?, password).await?;
            Ok(vec![format!(
                "The password of {} is set; every session of theirs has ended.",
                email.trim().to_lowercase()
            )])
        }
        Ask::Verify => service.verify(),
        Ask::DeletePayloads { account } => {
            let account = AccountId::parse(&account).map_err(|fault| Problem::invalid(vec![fault]))?;
            let AccountCleared { deleted, pending, complete } =
                service.delete_payloads_of(&actor, account, PATIENCE / 3).await?;
            let cleared = Cleared { deleted, pending, complete };
            Ok(vec![serde_json::to_string(&cleared).expect("numbers and a yes or no")])
        }
        Ask::SealedWith => service.sealed_with(),
        Ask::RotateKey => {
            let KeyRotated { key, records } = service.rotate_key(&actor).await?;
            Ok(vec![
                format!("New key {key}; {records} records are sealed with it now."),
                "The old keys stay in the key file for backups of their time. Keep a new copy of the file.".to_owned(),
            ])
        }
    }
}

fn parse_scopes(names: &[String]) -> Result<Vec<Scope>, Problem> {
    if names.iter().any(|name| name == "all") {
        return Ok(Scope::ALL.to_vec());
    }
    let mut scopes = Vec::new();
    for name in names {
        let scope = Scope::from_code(name.trim()).ok_or_else(|| {
            let known: Vec<_> = Scope::ALL.iter().map(|scope| scope.code()).collect();
            Problem::conflict(format!("There is no scope {name}. There are: {}, or all.", known.join(", ")))
        })?;
        if !scopes.contains(&scope) {
            scopes.push(scope);
        }
    }
    Ok(scopes)
}

fn explain(problem: &Problem) -> String {
    match problem.faults.as_slice() {
        [] | [_] => problem.detail.clone(),
        many => many.iter().map(|fault| fault.message.as_str()).collect::<Vec<_>>().join(" "),
    }
}

/// Asks a running server. `None` if none runs on that data directory.
///
/// # Errors
/// If the server was there and then did not answer.
pub fn ask(data_dir: &Path, ask: &Ask) -> io::Result<Option<Told>> {
    let mut stream = match UnixStream::connect(data_dir.join(SOCKET_FILE)) {
        Ok(stream) => stream,
        // A socket that nobody listens at was left by a server that was killed.
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut line = serde_json::to_vec(ask)?;
    line.push(b'\n');
    stream.write_all(&line)?;
    let answer = read_line(&stream)?;
    Ok(Some(serde_json::from_slice(&answer)?))
}

/// The door while a server runs; closed when dropped.
#[derive(Debug)]
pub struct Door {
    path: PathBuf,
    closing: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Door {
    /// Opens the door of a data directory. The caller holds the data file, so a socket that is
    /// there was left behind.
    ///
    /// # Errors
    /// If the socket cannot be made.
    pub fn open(data_dir: &Path, service: Arc<Service>) -> io::Result<Door> {
        let path = data_dir.join(SOCKET_FILE);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(&path)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
        let closing = Arc::new(AtomicBool::new(false));
        let closed = closing.clone();
        let thread = std::thread::Builder::new().name("control".into()).spawn(move || {
            for stream in listener.incoming() {
                if closed.load(Ordering::Acquire) {
                    return;
                }
                // One operator at a time; one that falls silent loses the turn after a while.
                if let Err(error) = stream.and_then(|stream| answer(&stream, &service)) {
                    tracing::warn!("the control socket: {error}");
                }
            }
        })?;
        Ok(Door { path, closing, thread: Some(thread) })
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.closing.store(true, Ordering::Release);
        // The thread waits for somebody to knock.
        let knocked = UnixStream::connect(&self.path).is_ok();
        if let Some(thread) = self.thread.take().filter(|_| knocked) {
            let _ = thread.join();
        }
        let _ = fs::remove_file(&self.path);
    }
}

fn answer(stream: &UnixStream, service: &Arc<Service>) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let line = read_line(stream)?;
    if line.is_empty() {
        return Ok(());
    }
    let told: Told = match serde_json::from_slice(&line) {
        Ok(ask) => execute(service, ask),
        Err(_) => Err("The running server does not know this command. Is it of another version?".into()),
    };
    let mut line = serde_json::to_vec(&told)?;
    line.push(b'\n');
    let mut stream = stream;
    stream.write_all(&line)
}

fn read_line(stream: &UnixStream) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    BufReader::new(stream.take(LONGEST_LINE)).read_until(b'\n', &mut line)?;
    Ok(line)
}
