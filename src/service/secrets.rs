//! The keys that seal secrets in the data file.

use super::Service;
use crate::{
    domain::{Actor, Problem, Scope},
    store::SealPosition,
};

/// A rotation of the key, once it is through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRotated {
    /// The new key's id.
    pub key: String,
    /// Records that were sealed anew.
    pub records: u64,
}

impl Service {
    /// Makes a new key, and seals every secret with it. Stopped half-way, the next start goes on.
    ///
    /// # Errors
    /// `missing_scope`, `conflict` if the key file cannot be written, `cannot_write`.
    pub async fn rotate_key(&self, actor: &Actor) -> Result<KeyRotated, Problem> {
        actor.require(Scope::SecretsRead)?;
        actor.require(Scope::WebhooksWrite)?;
        let audit = self.audit(actor, "secrets.key_rotated", "key file");
        let key = self.store.add_key(audit)?.await?.to_string();
        let (mut next, mut records) = (Some(SealPosition::default()), 0);
        while let Some(from) = next {
            let step = self.store.reseal(from).await?;
            records += step.records;
            next = step.next;
        }
        Ok(KeyRotated { key, records })
    }

    /// What is sealed with which key, one line each.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn sealed_with(&self) -> Result<Vec<String>, Problem> {
        let line = |(position, (key, records)): (usize, (Option<crate::store::KeyId>, u64))| match key {
            Some(key) if position == 0 => format!("key {key}: {records} records, and every new one"),
            Some(key) => format!("key {key}: {records} records"),
            None => format!("no key: {records} records, which the next start seals"),
        };
        Ok(self.store.sealed_with()?.into_iter().enumerate().map(line).collect())
    }
}
