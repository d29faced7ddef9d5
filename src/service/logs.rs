//! Webhook Logs: finding deliveries, showing one, sending again.

use std::{
    collections::{HashMap, hash_map::Entry},
    time::{Duration, Instant},
};

use super::{AttemptView, LogDetail, LogEntry, Page, Service, ShownHeader};
use crate::domain::{
    AccountId, Actor, Attempt, Delivery, DeliveryId, Event, EventId, LogCount, LogCursor, LogFilter, PayloadDeleted,
    Problem, ProblemKind, RequestParts, Scope, StartedBy, sign,
};

/// Entries counted for a list; what is more is "more than" that.
const MOST_COUNTED: usize = 10_001;

/// What came of deleting the payloads of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountCleared {
    /// Payloads deleted.
    pub deleted: u64,
    /// Events left because they are still to be sent.
    pub pending: u64,
    /// Whether every event was looked at; if not, ask again.
    pub complete: bool,
}

impl Service {
    /// Log entries that fit `filter`, newest first, at most `limit` of them.
    ///
    /// # Errors
    /// `missing_scope`, `wrong_account`.
    pub fn logs(
        &self,
        actor: &Actor,
        mut filter: LogFilter,
        cursor: Option<LogCursor>,
        limit: usize,
    ) -> Result<Page<LogEntry, DeliveryId>, Problem> {
        actor.require(Scope::LogsRead)?;
        filter.account = actor.limit_account(filter.account)?;
        let page = self.store.logs(&filter, cursor, limit)?;
        Ok(Page { items: self.entries(page.items)?, older: page.older, newer: page.newer, looked_at: page.looked_at })
    }

    /// How many log entries fit `filter`, counted up to a bound.
    ///
    /// # Errors
    /// `missing_scope`, `wrong_account`.
    pub fn count_logs(&self, actor: &Actor, mut filter: LogFilter) -> Result<LogCount, Problem> {
        actor.require(Scope::LogsRead)?;
        filter.account = actor.limit_account(filter.account)?;
        self.store.count_logs(&filter, MOST_COUNTED)
    }

    /// The log entries of those ids, as far as they are there.
    ///
    /// # Errors
    /// `missing_scope`.
    pub fn logs_by_id(&self, actor: &Actor, ids: &[DeliveryId]) -> Result<Vec<LogEntry>, Problem> {
        actor.require(Scope::LogsRead)?;
        let mut deliveries = Vec::with_capacity(ids.len());
        for id in ids {
            deliveries.extend(self.store.delivery(*id)?);
        }
        let mut entries = self.entries(deliveries)?;
        entries.retain(|entry| actor.sees(&entry.event.account));
        Ok(entries)
    }

    /// A log entry with its attempts and the bytes that were sent.
    ///
    /// # Errors
    /// `missing_scope`, `not_found`.
    pub fn log(&self, actor: &Actor, id: DeliveryId) -> Result<LogDetail, Problem> {
        actor.require(Scope::LogsRead)?;
        let (delivery, event) = self.visible_delivery(actor, id)?;
        let attempts = self.store.attempts(&delivery)?;
        let attempts = attempts.into_iter().map(|attempt| self.attempt_view(&event, &delivery, attempt));
        let attempts = attempts.collect::<Result<_, _>>()?;
        let body = self.store.body(event.id)?.unwrap_or_default();
        let (mut event, mut entries) = (event.clone(), self.entries(self.store.deliveries_of(event.id)?)?);
        let sent = body.clone();
        let body = self.shown(&mut event, body);
        let masked = body != sent;
        entries.iter_mut().for_each(|entry| entry.event.payload_at = event.payload_at);
        let (mine, siblings): (Vec<_>, Vec<_>) = entries.into_iter().partition(|entry| entry.delivery.id == id);
        let entry = mine.into_iter().next().ok_or_else(|| Problem::not_found("log entry"))?;
        let waits_for = self.store.waits_for(&entry.delivery)?;
        Ok(LogDetail { entry, attempts, body, masked, waits_for, siblings })
    }

    /// The bytes that were sent, the same for every attempt, with masked fields left out.
    ///
    /// # Errors
    /// `missing_scope`, `not_found`.
    pub fn log_body(&self, actor: &Actor, id: DeliveryId) -> Result<Vec<u8>, Problem> {
        actor.require(Scope::LogsRead)?;
        let (_, mut event) = self.visible_delivery(actor, id)?;
        let body = self.store.body(event.id)?.ok_or_else(|| Problem::not_found("payload"))?;
        Ok(self.shown(&mut event, body))
    }

    /// Deletes what was sent, for all entries of the event, and what receivers answered to it. The
    /// entries themselves stay.
    ///
    /// # Errors
    /// `missing_scope`, `not_found`, `conflict` if an entry of the event is still to be sent,
    /// `cannot_write`.
    pub async fn delete_payload(&self, actor: &Actor, id: DeliveryId) -> Result<(), Problem> {
        actor.require(Scope::EventsWrite)?;
        let (_, event) = self.visible_delivery(actor, id)?;
        let deleted = PayloadDeleted { at: self.now(), by: actor.name.clone() };
        let audit = self.audit(actor, "payload.deleted", event.id);
        self.store.delete_payload(event.id, deleted, audit).await
    }

    /// Deletes the payloads of an account, and what receivers answered to them, for as long as `patience`
    /// allows. Each round deletes for good what it reaches; it begins with the oldest.
    ///
    /// # Errors
    /// `missing_scope`, `wrong_account`, `cannot_write`.
    pub async fn delete_payloads_of(
        &self,
        actor: &Actor,
        account: AccountId,
        patience: Duration,
    ) -> Result<AccountCleared, Problem> {
        actor.require(Scope::EventsWrite)?;
        let account = actor.resolve_account(Some(account))?;
        // Written first: whatever happens then, somebody asked for it.
        self.store.write_audit(self.audit(actor, "payloads.deleted", &account)).await?;
        let deleted = PayloadDeleted { at: self.now(), by: actor.name.clone() };
        let began = Instant::now();
        let mut cleared = AccountCleared { deleted: 0, pending: 0, complete: false };
        let mut from = EventId(0);
        loop {
            let step = self.store.delete_payloads_of(&account, from, deleted.clone()).await?;
            cleared.deleted += step.deleted;
            cleared.pending += step.pending;
            match step.next {
                None => return Ok(AccountCleared { complete: true, ..cleared }),
                Some(_) if began.elapsed() > patience => return Ok(cleared),
                Some(next) => from = next,
            }
            // A step that finds nothing waits for nobody; others have their turn all the same.
            tokio::task::yield_now().await;
        }
    }

    /// The headers with the time and the signatures that a request sent now would carry.
    ///
    /// # Errors
    /// `missing_scope`, `not_found`, also if the payload or the webhook is no longer there.
    pub fn fresh_signature(&self, actor: &Actor, id: DeliveryId) -> Result<Vec<(String, String)>, Problem> {
        actor.require(Scope::LogsResend)?;
        let body = self.log_body(actor, id)?;
        let (delivery, event) = self.visible_delivery(actor, id)?;
        let webhook = self.store.webhooks().get(delivery.webhook).filter(|webhook| webhook.deleted_at.is_none());
        let webhook = webhook.ok_or_else(|| Problem::not_found("webhook"))?;
        let now = self.now();
        let (secrets, at) = (webhook.secrets_at(now), now.as_seconds());
        let mut headers = vec![
            ("webhook-timestamp".to_owned(), at.to_string()),
            ("webhook-signature".to_owned(), sign(&secrets, &event.id.to_string(), at, &body)),
        ];
        headers.extend(webhook.other_signatures.sign(&secrets, at, &body));
        Ok(headers)
    }

    /// Sends again, at once: the same `webhook-id` and body, the webhook's present URL, headers
    /// and secret. A waiting automatic retry is replaced, never doubled.
    ///
    /// # Errors
    /// `missing_scope`, `not_found`, `conflict` if its webhook is off or deleted or it waits for an
    /// earlier one of its key, `cannot_write`.
    pub async fn resend(&self, actor: &Actor, id: DeliveryId) -> Result<LogEntry, Problem> {
        actor.require(Scope::LogsResend)?;
        let (_, event) = self.visible_delivery(actor, id)?;
        if event.test {
            return Err(Problem::conflict("A test event is not sent again. Send a new test instead."));
        }
        let audit = self.audit(actor, "log.resent", id);
        let delivery = self.store.resend(id, self.now(), StartedBy::Resend, actor.name.clone(), audit).await?;
        self.entries(vec![delivery])?.pop().ok_or_else(Problem::internal)
    }

    /// Sends several again, each as [`Service::resend`] does. Answers how many were put into the
    /// queue; the others cannot be sent again.
    ///
    /// # Errors
    /// `missing_scope`, `cannot_write`.
    pub async fn resend_each(&self, actor: &Actor, ids: Vec<DeliveryId>) -> Result<usize, Problem> {
        actor.require(Scope::LogsResend)?;
        let mut waiting = Vec::with_capacity(ids.len());
        for id in ids {
            let Ok((_, event)) = self.visible_delivery(actor, id) else { continue };
            if !event.test {
                let audit = self.audit(actor, "log.resent", id);
                waiting.push(self.store.resend(id, self.now(), StartedBy::Resend, actor.name.clone(), audit));
            }
        }
        let mut queued = 0;
        for resent in waiting {
            match resent.await {
                Ok(_) => queued += 1,
                Err(problem) if matches!(problem.kind, ProblemKind::Conflict | ProblemKind::NotFound) => {}
                Err(problem) => return Err(problem),
            }
        }
        Ok(queued)
    }

    fn visible_delivery(&self, actor: &Actor, id: DeliveryId) -> Result<(Delivery, Event), Problem> {
        let not_found = || Problem::not_found("log entry");
        let delivery = self.store.delivery(id)?.ok_or_else(not_found)?;
        let event = self.store.event(delivery.event())?.filter(|event| actor.sees(&event.account));
        Ok((delivery, event.ok_or_else(not_found)?))
    }

    /// Joins deliveries with their events and webhooks. What expired meanwhile is left out.
    pub(super) fn entries(&self, deliveries: Vec<Delivery>) -> Result<Vec<LogEntry>, Problem> {
        let webhooks = self.store.webhooks();
        let mut events: HashMap<EventId, Option<Event>> = HashMap::new();
        let now = self.now();
        let paused = self.store.pause().is_some();
        let mut entries = Vec::with_capacity(deliveries.len());
        for delivery in deliveries {
            let event = match events.entry(delivery.event()) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(place) => place.insert(self.store.event(delivery.event())?),
            };
            let Some(event) = event.clone() else { continue };
            let webhook = webhooks.get(delivery.webhook);
            let throttled_until =
                self.store.webhook_state(delivery.webhook).throttled_until.filter(|until| *until > now);
            entries.push(LogEntry { delivery, event, webhook, throttled_until, paused });
        }
        Ok(entries)
    }

    pub(super) fn attempt_view(
        &self,
        event: &Event,
        delivery: &Delivery,
        attempt: Attempt,
    ) -> Result<AttemptView, Problem> {
        let version = self.store.webhook_version(delivery.webhook, attempt.webhook_version)?;
        let parts = RequestParts {
            event: event.id,
            event_type: &event.event_type,
            delivery: delivery.id,
            attempt: attempt.number,
            sequence: delivery.sequence,
            timestamp_s: attempt.started_at.as_seconds(),
            signature: &attempt.signature,
            other_signatures: &attempt.other_signatures,
            sender_version: &attempt.sender_version,
        };
        let hidden: Vec<String> = version
            .iter()
            .flat_map(|version| version.headers.iter())
            .filter(|header| header.hidden)
            .map(|header| header.name.clone())
            .collect();
        let own = version.as_ref().map(|version| version.headers.clone()).unwrap_or_default();
        let headers = parts
            .headers(&own)
            .into_iter()
            .map(|(name, value)| ShownHeader { value: (!hidden.contains(&name)).then_some(value), name })
            .collect();
        Ok(AttemptView { attempt, url: version.map(|version| version.request_url), headers })
    }
}
