//! The two ways in which work on the store does not succeed.

use crate::domain::Problem;

/// Work on the store did not succeed.
#[derive(Debug)]
pub enum Fail {
    /// The caller asked for what cannot be. The transaction goes on; nothing of this was written.
    Refused(Problem),
    /// The store itself failed. The whole transaction is given up.
    Storage(Box<redb::Error>),
}

impl Fail {
    /// A record that cannot be read. It must not stop others' work, so it is a refusal.
    pub fn damaged(what: impl std::fmt::Display) -> Self {
        tracing::error!("the data file holds a record that cannot be read: {what}");
        Fail::Refused(Problem::internal())
    }

    /// What a reader is told.
    pub fn into_problem(self) -> Problem {
        match self {
            Fail::Refused(problem) => problem,
            Fail::Storage(error) => {
                tracing::error!("the data file cannot be read: {error}");
                Problem::internal()
            }
        }
    }
}

impl From<Problem> for Fail {
    fn from(problem: Problem) -> Self {
        Fail::Refused(problem)
    }
}

macro_rules! from_redb {
    ($($error:ty),*) => {$(
        impl From<$error> for Fail {
            fn from(error: $error) -> Self {
                Fail::Storage(Box::new(error.into()))
            }
        }
    )*};
}
from_redb!(
    std::io::Error,
    redb::Error,
    redb::StorageError,
    redb::TableError,
    redb::TransactionError,
    redb::CommitError,
    redb::SetDurabilityError
);
