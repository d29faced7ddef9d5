//! What was set up by the configuration the last time: remembered by name, so that what has gone
//! from the configuration since is found.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{AuditEntry, Pending, Store, record::encode, tables::*};
use crate::domain::{ApiKey, ApiKeyId, Problem};

/// Its key in the table `meta`.
const KEY: &str = "declared";

/// Names of what the configuration set up.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeclaredNames {
    /// Of webhooks.
    pub webhooks: BTreeSet<String>,
    /// Of event types.
    pub event_types: BTreeSet<String>,
    /// Of API keys.
    pub api_keys: BTreeSet<String>,
}

impl Store {
    /// What was set up so the last time.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn declared_names(&self) -> Result<DeclaredNames, Problem> {
        self.read(|transaction| {
            let meta = transaction.open_table(META)?;
            let text = meta.get(KEY)?.map(|text| text.value().to_owned());
            let unreadable = |_| redb::Error::Corrupted("what the configuration set up cannot be read".into());
            Ok(text.map(|text| serde_json::from_str(&text)).transpose().map_err(unreadable)?.unwrap_or_default())
        })
    }

    /// Remembers what is set up so now.
    ///
    /// # Errors
    /// `cannot_write`.
    pub fn remember_declared(&self, names: &DeclaredNames) -> Pending<()> {
        let text = serde_json::to_string(names).expect("names are texts");
        self.write(move |batch| {
            batch.open(META)?.insert(KEY, text.as_str())?;
            Ok(())
        })
    }

    /// Puts a key in the place of another one, in one transaction, so that a program that uses the
    /// same key before and after is never refused in between.
    ///
    /// # Errors
    /// `conflict` if another key has the name, `cannot_write`.
    pub fn replace_key(&self, key: ApiKey, old: Option<ApiKeyId>, audit: AuditEntry) -> Pending<()> {
        self.write(move |batch| {
            let keys = &batch.shared.keys;
            let taken = |known: &ApiKey| known.revoked_at.is_none() && Some(known.id) != old && known.name == key.name;
            if keys.values().any(|known| taken(known)) {
                return Err(Problem::conflict("There is an API key with this name already.").into());
            }
            let replaced = keys.values().find(|known| Some(known.id) == old && known.revoked_at.is_none()).cloned();
            batch.audit(&audit)?;
            if let Some(replaced) = replaced {
                let replaced = ApiKey { revoked_at: Some(key.created_at), ..ApiKey::clone(&replaced) };
                batch.put(API_KEYS, replaced.id.0, &replaced)?;
                batch.shared.put_key(replaced);
            }
            // Later than the old one, which it hides where both have one hash.
            batch.open(API_KEYS)?.insert(key.id.0, encode(&key).as_slice())?;
            batch.shared.put_key(key);
            Ok(())
        })
    }
}
