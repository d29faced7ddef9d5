//! What is remembered for the healing of webhooks, and switching them off and on by ourselves.

use std::{collections::HashMap, sync::Arc};

use super::{
    AuditEntry, Pending, Store,
    batch::Batch,
    fail::Fail,
    record::encode,
    tables::{HEALING, QUEUE},
    webhooks::put,
};
use crate::domain::{Actor, Disabled, DisabledReason, Healing, OldestDue, Problem, Timestamp, Webhook, WebhookId};

/// Who the audit log names for what Hookstead does by itself.
const BY_ITSELF: &str = "hookstead";

/// What is remembered of webhooks that have something to remember.
pub type Healings = HashMap<WebhookId, Healing>;

/// What changes for one webhook, in one transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HealingChange {
    /// Which.
    pub webhook: WebhookId,
    /// What is remembered from now on.
    pub healing: Healing,
    /// Whether it is switched.
    pub switch: Option<Switch>,
}

/// Switching a webhook, if what it was decided by still holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Switch {
    /// Off, if it is on and nothing has arrived since then.
    Off {
        /// The present spell of failure.
        since: Timestamp,
    },
    /// On, if it has been off automatically since then.
    On {
        /// When it was switched off.
        off_since: Timestamp,
    },
}

impl Store {
    /// What is remembered for healing, as of the last commit.
    pub fn healings(&self) -> Arc<Healings> {
        self.inner.shared.read().expect("no writer panics").healings.clone()
    }

    /// Remembers, and switches off or on. Each switch is audited.
    ///
    /// # Errors
    /// `cannot_write`: then nothing has changed.
    pub fn heal(&self, changes: Vec<HealingChange>, now: Timestamp) -> Pending<()> {
        self.write(move |batch| changes.into_iter().try_for_each(|change| apply(batch, change, now)))
    }

    /// The oldest due delivery of these webhooks, by one look at the head of each queue.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn oldest_due(&self, webhooks: impl Iterator<Item = WebhookId>) -> Result<Option<OldestDue>, Problem> {
        self.read(|transaction| {
            let queue = transaction.open_table(QUEUE)?;
            let mut oldest: Option<OldestDue> = None;
            for webhook in webhooks {
                // Nothing that is due later than the oldest so far is of interest.
                let end = oldest.map_or(u64::MAX, |oldest| oldest.at.as_millis());
                if let Some(row) = queue.range((webhook.0, 0, 0)..(webhook.0, end, 0))?.next() {
                    let at = Timestamp::from_millis(row?.0.value().1);
                    oldest = Some(OldestDue { at, webhook });
                }
            }
            Ok(oldest)
        })
    }
}

fn apply(batch: &mut Batch, change: HealingChange, now: Timestamp) -> Result<(), Fail> {
    let HealingChange { webhook: id, healing, switch } = change;
    remember(batch, id, healing)?;
    let Some(webhook) = batch.shared.webhooks.get(id).filter(|webhook| webhook.deleted_at.is_none()) else {
        return Ok(());
    };
    match (switch, &webhook.disabled) {
        (Some(Switch::Off { since }), None) if batch.state(id).failing_since == Some(since) => {
            let disabled = Some(Disabled { reason: DisabledReason::FailedTooLong, at: now });
            switch_to(batch, &webhook, disabled, "webhook.disabled", now)
        }
        (Some(Switch::On { off_since }), Some(disabled)) if disabled.is_automatic() && disabled.at == off_since => {
            batch.state(id).end_spell();
            switch_to(batch, &webhook, None, "webhook.enabled", now)
        }
        _ => Ok(()),
    }
}

fn remember(batch: &mut Batch, id: WebhookId, healing: Healing) -> Result<(), Fail> {
    let mut table = batch.open(HEALING)?;
    let healings = Arc::make_mut(&mut batch.shared.healings);
    if healing == Healing::default() {
        table.remove(id.0)?;
        healings.remove(&id);
    } else {
        table.insert(id.0, encode(&healing).as_slice())?;
        healings.insert(id, healing);
    }
    Ok(())
}

fn switch_to(
    batch: &mut Batch,
    webhook: &Webhook,
    disabled: Option<Disabled>,
    action: &str,
    now: Timestamp,
) -> Result<(), Fail> {
    let entry = AuditEntry::new(now, &Actor::admin(BY_ITSELF), action, webhook.id);
    let switched = Webhook { disabled, updated_at: now, ..webhook.clone() };
    batch.audit(&webhook.audit_change(&switched, entry))?;
    put(batch, switched)?;
    Ok(())
}
