//! The audit log, for those who may read it.

use std::{collections::BTreeMap, time::Duration};

use super::Service;
use crate::{
    domain::{Actor, AuditFilter, Need, Problem},
    store::AuditPage,
};

/// How long entries are kept at the least, however short the retention of events is.
const KEPT: Duration = Duration::from_secs(730 * 86_400);
/// Entries kept at the most: some 300 MB.
const MOST: u64 = 1_000_000;

impl Service {
    /// Entries of the audit log, the newest first.
    ///
    /// # Errors
    /// `read_only`, `people_only`, or if the store cannot be read.
    pub fn audit_log(
        &self,
        actor: &Actor,
        filter: &AuditFilter,
        before: Option<u64>,
        limit: usize,
    ) -> Result<AuditPage, Problem> {
        actor.may(Need::Admin)?;
        self.store.audit(filter, before, limit)
    }

    /// Forgets entries that are older than two years, or than events are kept, and the oldest beyond
    /// a million.
    ///
    /// # Errors
    /// `cannot_write`.
    pub async fn forget_audit(&self) -> Result<(), Problem> {
        let before = self.now().minus(KEPT.max(self.settings.retention));
        while self.store.forget_audit(before, MOST).await? {}
        Ok(())
    }

    /// Notes what is configured otherwise than at the last start. The values are shown ones: secrets
    /// are masked.
    pub fn note_configuration(&self, values: BTreeMap<String, String>) {
        let audit = self.audit(&Actor::admin("configuration"), "settings.changed", "");
        // A start does not wait for it. While nothing can be written, the next start says it.
        drop(self.store.note_configuration(values, audit));
    }

    /// Notes a change of something that is not kept in the store.
    ///
    /// # Errors
    /// `read_only`, `people_only`, `cannot_write`.
    pub async fn note_change(
        &self,
        actor: &Actor,
        action: &'static str,
        what: &str,
        old: String,
        new: String,
    ) -> Result<(), Problem> {
        actor.may(Need::Admin)?;
        self.store.write_audit(self.audit(actor, action, "").changing(what, old, new)).await
    }
}
