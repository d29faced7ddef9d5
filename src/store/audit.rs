//! The audit log: read from its end, and forgotten at its beginning.

use std::collections::BTreeMap;

use redb::ReadableTable;

use super::{
    AuditEntry, Pending, Store,
    seal::Place,
    tables::{AUDIT, META},
};
use crate::domain::{AuditFilter, Problem, Timestamp};

/// Entries looked through for one page; some 50 ms of work.
const LOOKED_THROUGH: usize = 50_000;
/// Where in the table `meta` the configuration of the last start is.
const CONFIGURATION: &str = "configuration";
/// Entries forgotten in one transaction.
const FORGOTTEN_AT_ONCE: usize = 5_000;

/// Some entries of the audit log, the newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditPage {
    /// The entries and their numbers.
    pub entries: Vec<(u64, AuditEntry)>,
    /// Before which entry the next page begins; `None` if there is nothing more.
    pub next: Option<u64>,
}

impl Store {
    /// The newest entries that fit, from before entry `before` on, at most `limit`. A page may hold
    /// fewer and still have a next one: so many entries are looked through for one.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn audit(&self, filter: &AuditFilter, before: Option<u64>, limit: usize) -> Result<AuditPage, Problem> {
        let seal = self.inner.shared().seal;
        self.read(|transaction| {
            let mut page = AuditPage::default();
            let table = transaction.open_table(AUDIT)?;
            for (looked, row) in table.range(..before.unwrap_or(u64::MAX))?.rev().enumerate() {
                let (key, bytes) = row?;
                if page.entries.len() == limit || looked == LOOKED_THROUGH {
                    page.next = Some(key.value() + 1);
                    break;
                }
                let entry: AuditEntry = seal.decode(&Place::entry(key.value()), bytes.value())?;
                if filter.since.is_some_and(|since| entry.at < since) {
                    // Entries are in the order of time, but for clocks that were set back.
                    break;
                }
                if filter.matches(&entry) {
                    page.entries.push((key.value(), entry));
                }
            }
            Ok(page)
        })
    }

    /// Appends to the audit log.
    ///
    /// # Errors
    /// `cannot_write`.
    pub fn write_audit(&self, audit: AuditEntry) -> Pending<()> {
        self.write(move |batch| batch.audit(&audit))
    }

    /// Remembers what is configured, and says what is different since the last start.
    ///
    /// # Errors
    /// `cannot_write`.
    pub fn note_configuration(&self, values: BTreeMap<String, String>, audit: AuditEntry) -> Pending<()> {
        self.write(move |batch| {
            let mut meta = batch.open(META)?;
            let text = meta.get(CONFIGURATION)?.map(|text| text.value().to_owned());
            let before: Option<BTreeMap<String, String>> = text.and_then(|text| serde_json::from_str(&text).ok());
            let text = serde_json::to_string(&values).expect("texts are JSON");
            meta.insert(CONFIGURATION, text.as_str())?;
            drop(meta);
            let Some(before) = before else { return Ok(()) };
            let audit = values.iter().fold(audit, |audit, (key, new)| {
                // A key that is new came with a new version of the program.
                let old = before.get(key).unwrap_or(new);
                audit.changing(key, old, new)
            });
            if audit.changed.is_empty() { Ok(()) } else { batch.audit(&audit) }
        })
    }

    /// Forgets the oldest entries: those from before `before`, and all but the newest `most`. Answers
    /// whether there may be more of them.
    ///
    /// # Errors
    /// `cannot_write`.
    pub fn forget_audit(&self, before: Timestamp, most: u64) -> Pending<bool> {
        self.write(move |batch| {
            let mut table = batch.open(AUDIT)?;
            let Some(newest) = table.last()?.map(|(key, _)| key.value()) else { return Ok(false) };
            let mut old = Vec::new();
            for row in table.iter()?.take(FORGOTTEN_AT_ONCE) {
                let (key, bytes) = row?;
                let entry: AuditEntry = batch.shared.seal.decode(&Place::entry(key.value()), bytes.value())?;
                let is_old = entry.at < before || key.value() + most <= newest;
                // The newest stays, so that numbers are never given out again.
                if !is_old || key.value() == newest {
                    break;
                }
                old.push(key.value());
            }
            for key in &old {
                table.remove(key)?;
            }
            Ok(old.len() == FORGOTTEN_AT_ONCE)
        })
    }
}
