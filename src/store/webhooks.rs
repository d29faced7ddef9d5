//! Webhooks, their versions and their counts.

use std::{collections::HashMap, sync::Arc};

use super::{
    AccountHour, AuditEntry, Due, Parcel, Pending, QueuePage, Store, WebhookUpdate,
    attempts::queue_rows,
    batch::{Batch, read},
    fail::Fail,
    fresh::FreshDelivery,
    record::decode,
    seal::{self, Place},
    tables::{ACCOUNT_HOURS, BODIES, DELIVERIES, EVENTS, HOURS, WEBHOOK_VERSIONS, WEBHOOKS},
};
use crate::domain::{
    AccountId, Delivery, DeliveryId, Event, HourStats, Problem, ProblemKind, Timestamp, Webhook, WebhookId,
    WebhookState, WebhookVersion,
};

impl Store {
    /// Adds a webhook, giving it its version.
    ///
    /// # Errors
    /// `limit_reached` if its account has `most` of them, `cannot_write`.
    pub fn create_webhook(&self, webhook: Webhook, most: usize, audit: AuditEntry) -> Pending<Arc<Webhook>> {
        self.write(move |batch| {
            if batch.shared.webhooks.of_account(&webhook.account).count() >= most {
                let detail = format!("This account has {most} webhooks, which is the limit. Delete one first.");
                return Err(Problem::new(ProblemKind::Invalid, "limit_reached", detail).into());
            }
            batch.audit(&audit.between(&Vec::new(), &webhook.facts()))?;
            put(batch, webhook)
        })
    }

    /// Changes a webhook; with `if_version`, only if that is its version.
    ///
    /// # Errors
    /// `not_found`, `precondition_failed`, `cannot_write`.
    pub fn update_webhook(
        &self,
        id: WebhookId,
        if_version: Option<u64>,
        now: Timestamp,
        update: WebhookUpdate,
        audit: AuditEntry,
    ) -> Pending<Arc<Webhook>> {
        self.write(move |batch| {
            let present = batch.shared.webhooks.get(id).filter(|webhook| webhook.deleted_at.is_none());
            let present = present.ok_or_else(|| Problem::not_found("webhook"))?;
            if if_version.is_some_and(|version| version != present.version) {
                let detail = "The webhook was changed meanwhile. Read it again, then repeat your change.";
                return Err(Problem::new(ProblemKind::PreconditionFailed, "precondition_failed", detail).into());
            }
            let mut webhook = Webhook::clone(&present);
            update(&mut webhook);
            webhook.updated_at = now;
            let switched_on = present.disabled.is_some() && webhook.disabled.is_none();
            if switched_on || webhook.request_url != present.request_url {
                // What failed before says nothing about what is sent from now on.
                batch.state(id).end_spell();
            }
            batch.audit(&present.audit_change(&webhook, audit))?;
            put(batch, webhook)
        })
    }

    /// What a webhook was like when version `version` of all webhooks was the newest.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn webhook_version(&self, id: WebhookId, version: u64) -> Result<Option<WebhookVersion>, Problem> {
        self.read(|transaction| {
            let table = transaction.open_table(WEBHOOK_VERSIONS)?;
            let row = table.range((id.0, 0)..=(id.0, version))?.next_back().transpose()?;
            let seal = self.inner.shared().seal;
            row.map(|(key, bytes)| seal.decode(&Place::version(key.value()), bytes.value())).transpose()
        })
    }

    /// What is counted of a webhook.
    pub fn webhook_state(&self, id: WebhookId) -> WebhookState {
        self.inner.states().get(&id).copied().unwrap_or_default()
    }

    /// What happened to a webhook in each hour from `first` to `last`, the oldest first.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn hours(&self, id: WebhookId, first: u32, last: u32) -> Result<Vec<(u32, HourStats)>, Problem> {
        Ok(self.hours_of(&[id], first, last)?.remove(&id).unwrap_or_default())
    }

    /// The same of many webhooks, read at one moment; those without such an hour are left out.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn hours_of(
        &self,
        ids: &[WebhookId],
        first: u32,
        last: u32,
    ) -> Result<HashMap<WebhookId, Vec<(u32, HourStats)>>, Problem> {
        self.read(|transaction| {
            let table = transaction.open_table(HOURS)?;
            let mut found = HashMap::with_capacity(ids.len());
            for id in ids {
                let rows = table.range((id.0, first)..=(id.0, last))?;
                let hours = rows.map(|row| {
                    let (key, bytes) = row?;
                    Ok((key.value().1, decode(bytes.value())?))
                });
                let hours: Vec<(u32, HourStats)> = hours.collect::<Result<_, Fail>>()?;
                if !hours.is_empty() {
                    found.insert(*id, hours);
                }
            }
            Ok(found)
        })
    }

    /// What happened in an account, or in all, in each hour from `first` to `last`.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn account_hours(
        &self,
        account: Option<&AccountId>,
        first: u32,
        last: u32,
    ) -> Result<Vec<(u32, AccountHour)>, Problem> {
        self.read(|transaction| {
            let table = transaction.open_table(ACCOUNT_HOURS)?;
            let mut found = Vec::new();
            for row in table.range((first, "")..(last + 1, ""))? {
                let (key, bytes) = row?;
                let (hour, of) = key.value();
                if account.is_none_or(|account| account.as_str() == of) {
                    found.push((hour, decode(bytes.value())?));
                }
            }
            Ok(found)
        })
    }

    /// A part of a webhook's queue, oldest due first.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn queue_page(&self, webhook: WebhookId, after: Option<Due>, limit: usize) -> Result<QueuePage, Problem> {
        self.read(|transaction| queue_rows(transaction, webhook, after, limit))
    }

    /// Everything a request is made of, if `delivery` is pending and due at `due`; `None` if that
    /// is no longer so. The webhook may be off.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn parcel(&self, delivery: DeliveryId, due: Timestamp) -> Result<Option<Parcel>, Problem> {
        let fresh = self.inner.fresh.lock().take(delivery).filter(|fresh| fresh.delivery.due == Some(due));
        if let Some(FreshDelivery { delivery, event, body }) = fresh
            && let Some(webhook) = self.webhooks().get(delivery.webhook)
        {
            return Ok(Some(Parcel { delivery, event, body, webhook }));
        }
        let read = self.read(|transaction| {
            let found = read::<Delivery>(&transaction.open_table(DELIVERIES)?, delivery.0)?;
            let Some(delivery) = found.filter(|found| found.due == Some(due)) else { return Ok(None) };
            let id = delivery.event();
            let event = read::<Event>(&transaction.open_table(EVENTS)?, id.0)?;
            let body = transaction.open_table(BODIES)?.get(id.0)?.map(|bytes| Arc::from(bytes.value()));
            Ok(Some((delivery, event.map(Arc::new), body)))
        })?;
        let Some((delivery, event, body)) = read else { return Ok(None) };
        let (Some(webhook), Some(event), Some(body)) = (self.webhooks().get(delivery.webhook), event, body) else {
            tracing::error!("the data file has {} but not its webhook or its event", delivery.id);
            return Err(Problem::internal());
        };
        Ok(Some(Parcel { delivery, event, body, webhook }))
    }
}

/// Stores a webhook under a new version, in the table, in memory and in its history.
pub(super) fn put(batch: &mut Batch, mut webhook: Webhook) -> Result<Arc<Webhook>, Fail> {
    batch.shared.version += 1;
    webhook.version = batch.shared.version;
    seal::put(batch, WEBHOOKS, webhook.id.0, &webhook)?;
    let key = (webhook.id.0, webhook.version);
    let version = batch.shared.seal.encode(&Place::version(key), &WebhookVersion::from(&webhook));
    batch.open(WEBHOOK_VERSIONS)?.insert(key, version.as_slice())?;
    let webhook = Arc::new(webhook);
    batch.shared.put_webhook(webhook.clone());
    batch.notice_webhooks([webhook.id]);
    Ok(webhook)
}
