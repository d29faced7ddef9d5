//! Who guessed wrong lately, so that a restart gives nobody new tries.

use redb::ReadableTable;

use super::{
    Pending, Store,
    record::{decode, encode},
    tables::GUESSES,
};
use crate::domain::{Guesser, Guessing, Problem, Tries};

impl Store {
    /// Everybody who is remembered.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn guesses(&self) -> Result<Vec<(Guesser, Tries)>, Problem> {
        self.read(|transaction| {
            let mut guesses = Vec::new();
            for row in transaction.open_table(GUESSES)?.iter()? {
                let (key, bytes) = row?;
                let (number, place) = key.value();
                if let Some(kind) = Guessing::ALL.get(usize::from(number)) {
                    guesses.push((Guesser { kind: *kind, place }, decode(bytes.value())?));
                }
            }
            Ok(guesses)
        })
    }

    /// Remembers some, and forgets those without tries.
    ///
    /// # Errors
    /// `cannot_write`.
    pub fn save_guesses(&self, guesses: Vec<(Guesser, Option<Tries>)>) -> Pending<()> {
        self.write(move |batch| {
            let mut table = batch.open(GUESSES)?;
            for (Guesser { kind, place }, tries) in guesses {
                let key = (kind.number(), place);
                match tries {
                    Some(tries) => drop(table.insert(key, encode(&tries).as_slice())?),
                    None => drop(table.remove(key)?),
                }
            }
            Ok(())
        })
    }
}
