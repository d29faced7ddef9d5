//! Why something asked for cannot be done, and what to do about it.
//!
//! A [`Fault`] is one thing wrong with one member of the input; a [`Problem`] is the whole refusal
//! with every fault at once. How a problem becomes an HTTP answer is the business of `web`.

use std::fmt;

/// One thing wrong with one member of the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// JSON Pointer (RFC 6901) to the member, empty for the whole input.
    pub pointer: String,
    /// Stable machine-readable name of the fault, such as `unknown_event_type`.
    pub code: &'static str,
    /// What is wrong and what to do, for a person. Never repeats a secret.
    pub message: String,
}

impl Fault {
    /// A fault of the value itself; [`Fault::at`] says where that value stands.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Fault { pointer: String::new(), code, message: message.into() }
    }

    /// The same fault seen from one level further out: `prefix` goes before its pointer.
    pub fn at(mut self, prefix: impl fmt::Display) -> Self {
        self.pointer = format!("{prefix}{}", self.pointer);
        self
    }
}

/// What sort of refusal this is. Each kind is one HTTP status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProblemKind {
    /// The input could not be read (400).
    NotUnderstood,
    /// The caller is not known (401).
    Unauthorized,
    /// The caller is known and may not do this (403).
    Forbidden,
    /// There is no such thing (404).
    NotFound,
    /// It clashes with what is there (409).
    Conflict,
    /// The caller's version is not the present one (412).
    PreconditionFailed,
    /// The input is over a limit of size (413).
    TooLarge,
    /// The media type is not accepted (415).
    UnsupportedMediaType,
    /// Understood, and not acceptable (422).
    Invalid,
    /// Too many requests (429).
    TooMany,
    /// Our own fault (500).
    Internal,
    /// Not possible at present; try again (503).
    Unavailable,
}

/// A refusal: what kind, which code, what to do, and every fault of the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What sort of refusal.
    pub kind: ProblemKind,
    /// Stable machine-readable name, such as `invalid` or `queue_full`.
    pub code: &'static str,
    /// What is wrong and what to do, for a person.
    pub detail: String,
    /// Every fault of the input.
    pub faults: Vec<Fault>,
    /// When to try again, in seconds, where that is known.
    pub retry_after_s: Option<u32>,
}

impl Problem {
    /// A refusal without faults of single members.
    pub fn new(kind: ProblemKind, code: &'static str, detail: impl Into<String>) -> Self {
        Problem { kind, code, detail: detail.into(), faults: Vec::new(), retry_after_s: None }
    }

    /// Input that was understood and is not acceptable: 422 `invalid`, or `unknown_event_type` if
    /// that is all that is wrong.
    pub fn invalid(faults: Vec<Fault>) -> Self {
        let (code, detail) = match faults.as_slice() {
            [one] if one.code == "unknown_event_type" => (one.code, one.message.clone()),
            [one] => ("invalid", one.message.clone()),
            many => ("invalid", format!("{} members of the input are not acceptable; see errors.", many.len())),
        };
        Problem { faults, ..Problem::new(ProblemKind::Invalid, code, detail) }
    }

    /// Nothing has that id (404).
    pub fn not_found(what: &str) -> Self {
        Problem::new(ProblemKind::NotFound, "not_found", format!("There is no such {what}."))
    }

    /// It clashes with what is there (409 `conflict`).
    pub fn conflict(detail: impl Into<String>) -> Self {
        Problem::new(ProblemKind::Conflict, "conflict", detail)
    }

    /// The store refuses writes at present (503 `cannot_write`).
    pub fn cannot_write() -> Self {
        let detail = "The event store cannot be written at present. Nothing was taken. Try again with the same id.";
        Problem { retry_after_s: Some(5), ..Problem::new(ProblemKind::Unavailable, "cannot_write", detail) }
    }

    /// The store could not be read, or holds something unexpected (500 `internal`).
    pub fn internal() -> Self {
        let detail = "Something went wrong on our side. The server's log has the cause under this request id.";
        Problem::new(ProblemKind::Internal, "internal", detail)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.detail)
    }
}

impl std::error::Error for Problem {}
