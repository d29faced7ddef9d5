//! Making, changing, switching and testing webhooks.

use std::{collections::HashMap, sync::Arc, time::Duration};

use serde_json::value::RawValue;

use super::{AttemptView, Service, WebhookStats, WebhookView, access::random_bytes};
use crate::{
    domain::{
        AccountId, Actor, CustomHeaders, Delivery, DeliveryId, Disabled, DisabledReason, EventId, EventType, Fault,
        Finding, Health, HourStats, LogCursor, LogFilter, NewEvent, OtherSignatures, PastedRequest, Problem,
        ProblemKind, RetrySchedule, Scope, Secret, Selection, SigningSecret, StartedBy, Status, TargetUrl, Timestamp,
        TlsChange, TlsOptions, Webhook, WebhookId,
    },
    store::{Parcel, WebhookUpdate},
};

/// Where a webhook's schedule stands in the input.
const SCHEDULE: &str = "/retry_schedule_s";

/// A new webhook, each member right by itself.
#[derive(Debug, Clone)]
pub struct WebhookInput {
    /// Whose; the actor's own account or `default` if none is named.
    pub account: Option<AccountId>,
    /// Where to send.
    pub request_url: TargetUrl,
    /// Which events.
    pub selection: Selection,
    /// What to sign with; one is made if there is none.
    pub secret: Option<Secret>,
    /// Its own headers.
    pub headers: CustomHeaders,
    /// Shown in lists.
    pub description: String,
    /// Whether it is on from the start.
    pub enabled: bool,
    /// See [`Webhook::timeout_ms`].
    pub timeout_ms: Option<u32>,
    /// See [`Webhook::max_in_flight`].
    pub max_in_flight: Option<u16>,
    /// See [`Webhook::rate_per_second`].
    pub rate_per_second: Option<u32>,
    /// See [`Webhook::retry_schedule`].
    pub retry_schedule: Option<RetrySchedule>,
    /// See [`Webhook::ordered`].
    pub ordered: bool,
    /// See [`Webhook::other_signatures`].
    pub other_signatures: OtherSignatures,
    /// See [`Webhook::tls`].
    pub tls: TlsOptions,
}

/// A change of a webhook; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct WebhookChange {
    /// Where to send.
    pub request_url: Option<TargetUrl>,
    /// Which events.
    pub selection: Option<Selection>,
    /// Its own headers.
    pub headers: Option<CustomHeaders>,
    /// Shown in lists.
    pub description: Option<String>,
    /// Switches it on (sending what was missed) or off.
    pub enabled: Option<bool>,
    /// `Some(None)` goes back to the default.
    pub timeout_ms: Option<Option<u32>>,
    /// `Some(None)` goes back to the default.
    pub max_in_flight: Option<Option<u16>>,
    /// `Some(None)` takes the limit away.
    pub rate_per_second: Option<Option<u32>>,
    /// `Some(None)` goes back to the default.
    pub retry_schedule: Option<Option<RetrySchedule>>,
    /// Whether it keeps order from now on; what waits already goes on as it was.
    pub ordered: Option<bool>,
    /// See [`OtherSignatures::hub`]; `Some(None)` ends it.
    pub hub_signature: Option<Option<String>>,
    /// See [`OtherSignatures::timestamped`]; `Some(None)` ends it.
    pub timestamped_signature: Option<Option<String>>,
    /// See [`Webhook::tls`].
    pub tls: TlsChange,
}

/// What becomes of the events that came while a webhook was off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missed {
    /// They are sent now, oldest first.
    Send,
    /// They are not sent; their log entries say so.
    Skip,
}

/// What a test sends.
#[derive(Debug, Clone, Default)]
pub struct TestEvent {
    /// `webhook.test` if none is named.
    pub event_type: Option<EventType>,
    /// A short message, or the type's example, if none is given.
    pub payload: Option<Box<RawValue>>,
}

/// The first steps with a new server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FirstSteps {
    /// The newest webhook, if there is one.
    pub webhook: Option<WebhookId>,
    /// Whether something was sent, a test at the least.
    pub sent: bool,
    /// Whether an API key was made.
    pub key: bool,
}

impl FirstSteps {
    /// Whether nothing is left to do.
    pub fn are_done(&self) -> bool {
        self.webhook.is_some() && self.sent && self.key
    }
}

impl TestEvent {
    /// What a test holds if nobody says.
    pub const MESSAGE: &str = r#"{"message":"Test event sent from the admin pages. No CRM record changed."}"#;
}

/// What came of a test.
#[derive(Debug, Clone)]
pub struct TestResult {
    /// Its log entry.
    pub delivery: DeliveryId,
    /// The request and the answer.
    pub attempt: AttemptView,
}

impl Service {
    /// Makes a webhook.
    ///
    /// # Errors
    /// `missing_scope`, `wrong_account`, `invalid`, `limit_reached`, `cannot_write`.
    pub async fn create_webhook(&self, actor: &Actor, input: WebhookInput) -> Result<WebhookView, Problem> {
        actor.require(Scope::WebhooksWrite)?;
        let account = actor.resolve_account(input.account)?;
        let mut faults = Vec::new();
        faults.extend(at("/request_url", self.check_target(&input.request_url)));
        faults.extend(at("/events", self.check_selection(&input.selection)));
        faults.extend(at("/headers", self.check_headers(&input.headers)));
        faults.extend(input.retry_schedule.iter().flat_map(|schedule| at(SCHEDULE, self.check_schedule(schedule))));
        faults.extend(at("/description", Webhook::check_description(&input.description).err()));
        check_numbers(input.timeout_ms, input.max_in_flight, input.rate_per_second, &mut faults);
        faults.extend(input.other_signatures.clashes(&input.headers));
        let tls = self.check_tls(input.tls, &mut faults);
        if !faults.is_empty() {
            return Err(Problem::invalid(faults));
        }
        let now = self.now();
        let secret = input.secret.unwrap_or_else(|| self.generate_secret());
        let webhook = Webhook {
            id: self.next_webhook_id(now),
            account,
            request_url: input.request_url,
            description: input.description,
            selection: input.selection,
            headers: input.headers,
            secrets: vec![SigningSecret { secret, since: now, until: None }],
            disabled: (!input.enabled).then_some(Disabled { reason: DisabledReason::ByRequest, at: now }),
            timeout_ms: input.timeout_ms,
            max_in_flight: input.max_in_flight,
            rate_per_second: input.rate_per_second,
            retry_schedule: input.retry_schedule,
            ordered: input.ordered,
            created_at: now,
            created_by: actor.name.clone(),
            updated_at: now,
            updated_by: actor.name.clone(),
            version: 0,
            deleted_at: None,
            other_signatures: input.other_signatures,
            tls,
        };
        let audit = self.audit(actor, "webhook.created", webhook.id);
        let webhook = self.store.create_webhook(webhook, self.settings.webhooks_per_account, audit).await?;
        Ok(self.view(webhook))
    }

    /// A secret as good as any: `whsec_` and 32 random bytes.
    pub fn generate_secret(&self) -> Secret {
        Secret::generate(random_bytes(&*self.random))
    }

    /// The webhooks an actor may see, newest first.
    ///
    /// # Errors
    /// `missing_scope`, `wrong_account`.
    pub fn webhooks(&self, actor: &Actor, account: Option<AccountId>) -> Result<Vec<WebhookView>, Problem> {
        actor.require(Scope::WebhooksRead)?;
        let account = actor.limit_account(account)?;
        let webhooks = self.store.webhooks();
        let mut views: Vec<_> = match &account {
            Some(account) => webhooks.of_account(account).map(|webhook| self.view(webhook)).collect(),
            None => webhooks.all().map(|webhook| self.view(webhook)).collect(),
        };
        views.sort_by_key(|view| std::cmp::Reverse(view.webhook.id));
        Ok(views)
    }

    /// One webhook.
    ///
    /// # Errors
    /// `missing_scope`, `not_found`.
    pub fn webhook(&self, actor: &Actor, id: WebhookId) -> Result<WebhookView, Problem> {
        actor.require(Scope::WebhooksRead)?;
        self.visible_webhook(actor, id).map(|webhook| self.view(webhook))
    }

    /// Changes a webhook. With `if_version`, only if that is its present version.
    ///
    /// # Errors
    /// `missing_scope`, `not_found`, `precondition_failed`, `invalid`, `cannot_write`.
    pub async fn change_webhook(
        &self,
        actor: &Actor,
        id: WebhookId,
        change: WebhookChange,
        if_version: Option<u64>,
    ) -> Result<WebhookView, Problem> {
        actor.require(Scope::WebhooksWrite)?;
        let present = self.visible_webhook(actor, id)?;
        self.refuse_declared_webhook(actor, id)?;
        let mut faults = Vec::new();
        if let Some(url) = &change.request_url {
            faults.extend(at("/request_url", self.check_target(url)));
        }
        if let Some(selection) = &change.selection {
            faults.extend(at("/events", self.check_selection(selection)));
        }
        if let Some(headers) = &change.headers {
            faults.extend(at("/headers", self.check_headers(headers)));
        }
        let schedule = change.retry_schedule.iter().flatten();
        faults.extend(schedule.flat_map(|schedule| at(SCHEDULE, self.check_schedule(schedule))));
        if let Some(description) = &change.description {
            faults.extend(at("/description", Webhook::check_description(description).err()));
        }
        let (timeout, in_flight, rate) = (change.timeout_ms, change.max_in_flight, change.rate_per_second);
        check_numbers(timeout.flatten(), in_flight.flatten(), rate.flatten(), &mut faults);
        let other_signatures = OtherSignatures {
            hub: change.hub_signature.unwrap_or_else(|| present.other_signatures.hub.clone()),
            timestamped: change.timestamped_signature.unwrap_or_else(|| present.other_signatures.timestamped.clone()),
        };
        faults.extend(other_signatures.clashes(change.headers.as_ref().unwrap_or(&present.headers)));
        let tls = match change.tls.is_empty() {
            true => None,
            false => Some(self.check_tls(change.tls.apply(&present.tls), &mut faults)),
        };
        if !faults.is_empty() {
            return Err(Problem::invalid(faults));
        }
        let now = self.now();
        let update: WebhookUpdate = Box::new(move |webhook: &mut Webhook| {
            webhook.request_url = change.request_url.unwrap_or_else(|| webhook.request_url.clone());
            webhook.selection = change.selection.unwrap_or_else(|| webhook.selection.clone());
            webhook.headers = change.headers.unwrap_or_else(|| webhook.headers.clone());
            webhook.description = change.description.unwrap_or_else(|| webhook.description.clone());
            webhook.timeout_ms = change.timeout_ms.unwrap_or(webhook.timeout_ms);
            webhook.max_in_flight = change.max_in_flight.unwrap_or(webhook.max_in_flight);
            webhook.rate_per_second = change.rate_per_second.unwrap_or(webhook.rate_per_second);
            webhook.retry_schedule = change.retry_schedule.unwrap_or_else(|| webhook.retry_schedule.clone());
            webhook.ordered = change.ordered.unwrap_or(webhook.ordered);
            webhook.other_signatures = other_signatures;
            webhook.tls = tls.unwrap_or_else(|| webhook.tls.clone());
            match (change.enabled, &webhook.disabled) {
                (Some(true), Some(_)) => webhook.disabled = None,
                (Some(false), None) => {
                    webhook.disabled = Some(Disabled { reason: DisabledReason::ByRequest, at: now });
                }
                _ => {}
            }
        });
        self.update(actor, "webhook.changed", id, if_version, update).await
    }

    /// Deletes a webhook. What waits for it is dropped; its log entries stay until they expire.
    ///
    /// # Errors
    /// `missing_scope`, `not_found`, `precondition_failed`, `cannot_write`.
    pub async fn delete_webhook(&self, actor: &Actor, id: WebhookId, if_version: Option<u64>) -> Result<(), Problem> {
        actor.require(Scope::WebhooksWrite)?;
        self.visible_webhook(actor, id)?;
        self.refuse_declared_webhook(actor, id)?;
        let now = self.now();
        let update: WebhookUpdate = Box::new(move |webhook: &mut Webhook| {
            webhook.deleted_at = Some(now);
            // What is left behind keeps what the log shows, and no secret.
            webhook.secrets.clear();
            webhook.headers = webhook.headers.without_hidden_values();
            webhook.tls = TlsOptions::default();
        });
        self.update(actor, "webhook.deleted", id, if_version, update).await?;
        self.store.settle_deleted(id, now).await
    }

    /// Switches a webhook on. What it missed is sent, oldest first, or skipped.
    ///
    /// # Errors
    /// `missing_scope`, `not_found`, `cannot_write`.
    pub async fn enable_webhook(&self, actor: &Actor, id: WebhookId, missed: Missed) -> Result<WebhookView, Problem> {
        actor.require(Scope::WebhooksWrite)?;
        self.visible_webhook(actor, id)?;
        self.refuse_enabling_declared(actor, id)?;
        if missed == Missed::Skip {
            // Before it is on, so that nothing that is to be skipped can be sent meanwhile.
            self.store.skip_missed(id, self.now()).await?;
        }
        let update: WebhookUpdate = Box::new(|webhook: &mut Webhook| webhook.disabled = None);
        self.update(actor, "webhook.enabled", id, None, update).await
    }

    /// Switches a webhook off. Events from now on are kept and wait.
    ///
    /// # Errors
    /// `missing_scope`, `not_found`, `cannot_write`.
    pub async fn disable_webhook(&self, actor: &Actor, id: WebhookId) -> Result<WebhookView, Problem> {
        actor.require(Scope::WebhooksWrite)?;
        self.visible_webhook(actor, id)?;
        self.refuse_declared_webhook(actor, id)?;
        let now = self.now();
        let update: WebhookUpdate = Box::new(move |webhook: &mut Webhook| {
            webhook.disabled.get_or_insert(Disabled { reason: DisabledReason::ByRequest, at: now });
        });
        self.update(actor, "webhook.disabled", id, None, update).await
    }

    /// Signs with a new secret from now on, and with the present ones until `overlap` is over.
    ///
    /// # Errors
    /// `missing_scope`, `not_found`, `cannot_write`.
    pub async fn rotate_secret(
        &self,
        actor: &Actor,
        id: WebhookId,
        secret: Option<Secret>,
        overlap: Duration,
    ) -> Result<WebhookView, Problem> {
        actor.require(Scope::WebhooksWrite)?;
        self.visible_webhook(actor, id)?;
        self.refuse_declared_webhook(actor, id)?;
        let now = self.now();
        let secret = secret.unwrap_or_else(|| self.generate_secret());
        let update: WebhookUpdate = Box::new(move |webhook: &mut Webhook| webhook.rotate(secret, now, overlap));
        self.update(actor, "webhook.secret_rotated", id, None, update).await
    }

    /// Ends the overlap of a rotation: only the newest secret signs from now on.
    ///
    /// # Errors
    /// `missing_scope`, `not_found`, `cannot_write`.
    pub async fn end_old_secrets(&self, actor: &Actor, id: WebhookId) -> Result<WebhookView, Problem> {
        actor.require(Scope::WebhooksWrite)?;
        self.visible_webhook(actor, id)?;
        self.refuse_declared_webhook(actor, id)?;
        let update: WebhookUpdate = Box::new(|webhook: &mut Webhook| webhook.secrets.truncate(1));
        self.update(actor, "webhook.old_secrets_ended", id, None, update).await
    }

    /// The secret that receivers should verify with. That it was shown is audited.
    ///
    /// # Errors
    /// `missing_scope`, `not_found`, `cannot_write` (what cannot be audited is not shown).
    pub async fn webhook_secret(&self, actor: &Actor, id: WebhookId) -> Result<Secret, Problem> {
        actor.require(Scope::SecretsRead)?;
        let webhook = self.visible_webhook(actor, id)?;
        self.store.write_audit(self.audit(actor, "webhook.secret_shown", id)).await?;
        Ok(webhook.secret().clone())
    }

    /// What happened to a webhook lately.
    ///
    /// # Errors
    /// `missing_scope`, `not_found`.
    pub fn webhook_stats(&self, actor: &Actor, id: WebhookId) -> Result<WebhookStats, Problem> {
        let view = self.webhook(actor, id)?;
        let this_hour = self.now().hour();
        let hours = self.store.hours(id, this_hour.saturating_sub(30 * 24 - 1), this_hour)?;
        let mut last_day = HourStats::default();
        for (_, stats) in hours.iter().filter(|(hour, _)| hour + 24 > this_hour) {
            last_day.add(stats);
        }
        let oldest_due = self.store.queue_page(id, None, 1)?.rows.first().map(|due| due.at);
        Ok(WebhookStats { view, hours, last_day, oldest_due })
    }

    /// What of the first steps is done: a webhook is there, something was sent, a program has a key.
    ///
    /// # Errors
    /// `missing_scope`.
    pub fn first_steps(&self, actor: &Actor) -> Result<FirstSteps, Problem> {
        let views = self.webhooks(actor, None)?;
        let counted = views.iter().any(|view| view.state.success + view.state.failed > 0);
        let tests = LogFilter { event_type: Some(EventType::test()), ..LogFilter::default() };
        let sent = counted || !self.logs(actor, tests, None, 1)?.items.is_empty();
        Ok(FirstSteps { webhook: views.first().map(|view| view.webhook.id), sent, key: self.has_key() })
    }

    /// What a receiver of this webhook finds in a request that somebody pasted. The body that was
    /// sent is looked up by the request's own id, if the event is still kept.
    ///
    /// # Errors
    /// `missing_scope`, `not_found`.
    pub fn check_request(
        &self,
        actor: &Actor,
        id: WebhookId,
        request: &PastedRequest,
    ) -> Result<Vec<Finding>, Problem> {
        actor.require(Scope::WebhooksRead)?;
        let webhook = self.visible_webhook(actor, id)?;
        let event = request.header("webhook-id").parse::<EventId>().ok();
        let event = event.map(|id| self.store.event(id)).transpose()?.flatten();
        let event = event.filter(|event| event.account == webhook.account);
        let sent = event.map(|event| self.store.body(event.id)).transpose()?.flatten();
        Ok(request.check(&webhook.secrets, sent.as_deref(), self.now()))
    }

    /// When the event was accepted that has waited longest for a webhook; `None` if none waits.
    ///
    /// # Errors
    /// `missing_scope`, `not_found`.
    pub fn oldest_waiting(&self, actor: &Actor, id: WebhookId) -> Result<Option<Timestamp>, Problem> {
        actor.require(Scope::LogsRead)?;
        self.visible_webhook(actor, id)?;
        let filter = LogFilter { webhook: Some(id), status: Some(Status::Pending), ..LogFilter::default() };
        let page = self.store.logs(&filter, Some(LogCursor::NewerThan(DeliveryId(0))), 1)?;
        Ok(self.entries(page.items)?.first().map(|entry| entry.event.received_at))
    }

    /// What happened to many webhooks in the last 24 hours, in one look at the store: of each the
    /// hours in which something did, oldest first.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn last_day(&self, views: &[WebhookView]) -> Result<HashMap<WebhookId, Vec<(u32, HourStats)>>, Problem> {
        let ids: Vec<_> = views.iter().map(|view| view.webhook.id).collect();
        let this_hour = self.now().hour();
        self.store.hours_of(&ids, this_hour.saturating_sub(23), this_hour)
    }

    /// Sends a test event at once and waits for the answer. It is logged, marked as a test, never
    /// retried, and does not need the webhook to be on.
    ///
    /// # Errors
    /// `missing_scope`, `not_found`, `invalid`, `rate_limited`, `cannot_write`.
    pub async fn test_webhook(
        self: &Arc<Self>,
        actor: &Actor,
        id: WebhookId,
        test: TestEvent,
    ) -> Result<TestResult, Problem> {
        actor.require(Scope::WebhooksWrite)?;
        let webhook = self.visible_webhook(actor, id)?;
        let parcel = self.test_parcel(actor, webhook, test)?;
        let (service, sent) = (self.clone(), parcel.clone());
        let attempt = tokio::task::spawn_blocking(move || service.prober.probe(sent))
            .await
            .map_err(|_| Problem::internal())?
            .ok_or_else(|| Problem {
                retry_after_s: Some(5),
                ..Problem::new(
                    ProblemKind::TooMany,
                    "rate_limited",
                    "Too many tests are under way. Try again in a moment.",
                )
            })?;
        let (event, delivery) = (parcel.event.clone(), parcel.delivery.clone());
        self.store.record_test(parcel, attempt.clone()).await?;
        let attempt = self.attempt_view(&event, &delivery, attempt)?;
        Ok(TestResult { delivery: delivery.id, attempt })
    }

    fn test_parcel(&self, actor: &Actor, webhook: Arc<Webhook>, test: TestEvent) -> Result<Parcel, Problem> {
        let event_type = match test.event_type {
            None => EventType::test(),
            Some(event_type) if event_type == EventType::test() => event_type,
            Some(event_type) => {
                self.check_event_type(&event_type).map_err(|fault| Problem::invalid(vec![fault.at("/type")]))?;
                event_type
            }
        };
        let catalogue = self.store.event_types();
        let example = catalogue.iter().find(|info| info.name == event_type).and_then(|info| info.example.clone());
        let payload = match (&test.payload, example) {
            (Some(payload), _) => payload.get().to_owned(),
            (None, Some(example)) => example,
            (None, None) => TestEvent::MESSAGE.to_owned(),
        };
        if payload.len() > self.settings.event_bytes {
            return Err(self.payload_too_large());
        }
        Ok(self.single_parcel(webhook, event_type, &payload, Some(actor.name.clone())))
    }

    /// A request outside of the queue, for one webhook.
    pub(super) fn single_parcel(
        &self,
        webhook: Arc<Webhook>,
        event_type: EventType,
        payload: &str,
        by: Option<String>,
    ) -> Parcel {
        let now = self.now();
        let id = self.next_event_id(now);
        let account = webhook.account.clone();
        let NewEvent { mut event, body } = NewEvent::build(id, account, event_type, None, None, now, payload);
        event.test = true;
        event.webhooks_matched = 1;
        let mut delivery = Delivery::new(id.delivery(0), webhook.id, now, false);
        delivery.next_start = StartedBy::Test;
        delivery.next_start_by = by;
        Parcel { delivery, event: Arc::new(event), body: body.into(), webhook }
    }

    async fn update(
        &self,
        actor: &Actor,
        action: &'static str,
        id: WebhookId,
        if_version: Option<u64>,
        update: WebhookUpdate,
    ) -> Result<WebhookView, Problem> {
        let audit = self.audit(actor, action, id);
        let by = actor.name.clone();
        let update: WebhookUpdate = Box::new(move |webhook: &mut Webhook| {
            update(webhook);
            webhook.updated_by = by;
        });
        let webhook = self.store.update_webhook(id, if_version, self.now(), update, audit).await?;
        Ok(self.view(webhook))
    }

    pub(super) fn visible_webhook(&self, actor: &Actor, id: WebhookId) -> Result<Arc<Webhook>, Problem> {
        self.store
            .webhooks()
            .get(id)
            .filter(|webhook| webhook.deleted_at.is_none() && actor.sees(&webhook.account))
            .ok_or_else(|| Problem::not_found("webhook"))
    }

    fn view(&self, webhook: Arc<Webhook>) -> WebhookView {
        let state = self.store.webhook_state(webhook.id);
        let now = self.judged_at();
        let health = Health::of(&webhook, &state, now);
        let healing = self.store.healings().get(&webhook.id).copied().unwrap_or_default();
        let disable_warning = self.settings.healing.warning(&webhook, &state, &healing, now);
        let probing = healing.probing.filter(|_| webhook.disabled.is_some());
        let place = self.webhook_place(webhook.id);
        WebhookView { webhook, state, health, disable_warning, probing, place }
    }

    /// Whether the name in a URL leads to an address; blocks for the time of a look-up. What cannot
    /// be found out counts as known, so this warns and never forbids.
    pub fn knows_host(&self, url: &TargetUrl) -> bool {
        self.prober.knows_host(url)
    }

    /// Why nothing may be sent there, as far as the configuration says; empty if it may.
    pub fn check_target(&self, url: &TargetUrl) -> Vec<Fault> {
        let mut faults = Vec::new();
        if self.settings.address_rule.receiver_at(url).is_some() {
            if !self.receiver_switch().is_on() {
                let message = "The test receiver is off. Its page says how it is switched on.";
                faults.push(Fault::new("test_receiver_off", message));
            }
            return faults;
        }
        if self.settings.require_https && !url.is_https() {
            let message = "http sends customer data unencrypted, and this server is set to refuse it. Use https.";
            faults.push(Fault::new("url_not_https", message));
        }
        faults.extend(url.check(&self.settings.address_rule).err());
        faults
    }

    /// Why that may not be selected: too many patterns, or names that the catalogue does not have.
    /// Each fault points to its pattern.
    pub fn check_selection(&self, selection: &Selection) -> Vec<Fault> {
        let mut faults: Vec<Fault> =
            selection.check_limit(self.settings.events_per_selection).err().into_iter().collect();
        for (index, pattern) in selection.patterns().iter().enumerate() {
            let Ok(name) = EventType::parse(pattern) else { continue };
            faults.extend(self.check_event_type(&name).err().map(|fault| fault.at(format_args!("/{index}"))));
        }
        faults
    }

    /// Why a webhook may not have those headers: more or larger ones than the configuration allows.
    pub fn check_headers(&self, headers: &CustomHeaders) -> Option<Fault> {
        headers.check_limits(self.settings.headers_per_webhook, self.settings.header_bytes).err()
    }

    /// What a webhook adds to the encryption, with the ends of its certificates; what is wrong with it
    /// joins `faults`.
    fn check_tls(&self, options: TlsOptions, faults: &mut Vec<Fault>) -> TlsOptions {
        if options.is_empty() {
            return options;
        }
        self.prober.check_tls(options).unwrap_or_else(|wrong| {
            faults.extend(wrong);
            TlsOptions::default()
        })
    }

    /// Why a webhook may not have that schedule: an event must outlive the last attempt to send it.
    pub fn check_schedule(&self, schedule: &RetrySchedule) -> Option<Fault> {
        // Jitter adds a tenth at the most.
        let too_long = schedule.longest().mul_f64(1.1) > self.settings.retention;
        let days = self.settings.retention.as_secs() / 86_400;
        let message = format!("The retries would take longer than events are kept, which is {days} days.");
        too_long.then(|| Fault::new("schedule_too_long", message))
    }
}

fn at(pointer: &'static str, faults: impl IntoIterator<Item = Fault>) -> impl Iterator<Item = Fault> {
    faults.into_iter().map(move |fault| fault.at(pointer))
}

fn check_numbers(timeout_ms: Option<u32>, in_flight: Option<u16>, rate: Option<u32>, faults: &mut Vec<Fault>) {
    let in_flight_range = u32::from(*Webhook::MAX_IN_FLIGHT.start())..=u32::from(*Webhook::MAX_IN_FLIGHT.end());
    let numbers = [
        ("/timeout_ms", timeout_ms, Webhook::TIMEOUT_MS),
        ("/max_in_flight", in_flight.map(u32::from), in_flight_range),
        ("/rate_per_second", rate, Webhook::RATE_PER_SECOND),
    ];
    for (pointer, number, range) in numbers {
        if number.is_some_and(|number| !range.contains(&number)) {
            let message = format!("Use a whole number from {} to {}.", range.start(), range.end());
            faults.push(Fault::new("out_of_range", message).at(pointer));
        }
    }
}
