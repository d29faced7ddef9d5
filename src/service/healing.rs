//! Looking after webhooks that fail: warning, switching off, asking whether they answer again.
//!
//! The rules are in [`HealingPolicy`](crate::domain::HealingPolicy); this carries out what they
//! say. Called by threads that may block.

use std::sync::Arc;

use super::Service;
use crate::{
    domain::{
        AfterRecovery, Alarm, AlarmWebhook, Attempt, CustomHeaders, EventType, Healing, LastAttempt, OldestDue,
        Problem, SystemWatch, TlsOptions, Webhook, WebhookId,
    },
    store::{HealingChange, Parcel, Switch},
};

/// What a look at all webhooks came to; it is remembered already.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LookedAfter {
    /// What is to be said.
    pub alarms: Vec<Alarm>,
    /// Which webhooks are to be pinged now.
    pub pings: Vec<WebhookId>,
}

impl Service {
    /// Looks at every webhook, switches off those that have failed for too long, and remembers
    /// what was said.
    ///
    /// # Errors
    /// `cannot_write`: then nothing was said, and the next look says it.
    pub fn look_after_webhooks(&self) -> Result<LookedAfter, Problem> {
        let mut found = LookedAfter::default();
        if self.pause().is_some() {
            // Nothing is sent, so nothing can be said of any webhook.
            return Ok(found);
        }
        // A second time where webhooks were switched off, so that this is said at once.
        while self.look_once(&mut found)? {}
        Ok(found)
    }

    fn look_once(&self, found: &mut LookedAfter) -> Result<bool, Problem> {
        let now = self.now();
        let (webhooks, healings) = (self.store.webhooks(), self.store.healings());
        let (mut changes, mut alarms, mut pings) = (Vec::new(), Vec::new(), Vec::new());
        for webhook in webhooks.all_with_deleted() {
            let state = self.store.webhook_state(webhook.id);
            let known = healings.get(&webhook.id).copied().unwrap_or_default();
            let look = self.settings.healing.look(&webhook, &state, &known, now);
            if look.healing != known || look.disable.is_some() {
                let switch = look.disable.map(|since| Switch::Off { since });
                changes.push(HealingChange { webhook: webhook.id, healing: look.healing, switch });
            }
            alarms.extend(look.alarms.into_iter().map(|alarm| Alarm::of_webhook(alarm, &webhook, &state, now)));
            pings.extend(look.ping.then_some(webhook.id));
        }
        let switched = changes.iter().any(|change| change.switch.is_some());
        if !changes.is_empty() {
            self.store.heal(changes, now).wait()?;
        }
        found.alarms.extend(alarms);
        found.pings = pings;
        Ok(switched)
    }

    /// Asks a webhook that is off whether it answers again, and waits for what comes of it. `None`
    /// if it is on or gone, or nothing could be asked at present.
    pub fn ping(&self, id: WebhookId) -> Option<LastAttempt> {
        let webhook = self.store.webhooks().get(id)?;
        if webhook.deleted_at.is_some() || !webhook.disabled.as_ref()?.is_automatic() {
            return None;
        }
        let payload =
            r#"{"message":"Hookstead asks whether this receiver answers again. Nothing happened in the CRM."}"#;
        let parcel = self.single_parcel(webhook, EventType::ping(), payload, None);
        let attempt = self.prober.probe(parcel)?;
        attempt.outcome.counts().then(|| attempt.summary())
    }

    /// Remembers what came of a ping. A success is offered, or the webhook is switched on and what
    /// it missed is sent, as the operator decided.
    ///
    /// # Errors
    /// `cannot_write`.
    pub fn record_ping(&self, id: WebhookId, last: LastAttempt) -> Result<(), Problem> {
        let now = self.now();
        let Some(known) = self.store.healings().get(&id).copied() else { return Ok(()) };
        // Without it the webhook was switched on, or off anew, while the ping was under way.
        let Some(probing) = known.probing else { return Ok(()) };
        let probing = probing.after_ping(last, now);
        let sends = self.settings.healing.after_recovery == AfterRecovery::Send && probing.answers_since.is_some();
        let switch = sends.then_some(Switch::On { off_since: probing.off_since });
        let healing = Healing { probing: Some(probing), ..known };
        self.store.heal(vec![HealingChange { webhook: id, healing, switch }], now).wait()
    }

    /// Looks at the lag; gives what is to be said about it.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn lag_alarm(&self, watch: &mut SystemWatch) -> Result<Option<Alarm>, Problem> {
        if self.pause().is_some() {
            return Ok(None);
        }
        let now = self.now();
        let oldest = self.oldest_due()?;
        let alarm = watch.lag(oldest.map(|oldest| oldest.at), self.settings.alarm_lag, now);
        let webhook = oldest.and_then(|oldest| self.store.webhooks().get(oldest.webhook));
        let webhook = webhook.map(|webhook| AlarmWebhook::of(&webhook, &self.store.webhook_state(webhook.id), now));
        Ok(alarm.map(|alarm| Alarm { webhook, ..alarm }))
    }

    /// The oldest due delivery of those that could be sent: of webhooks that are on, whose retries
    /// are not paused, and whose receivers have not asked to wait.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn oldest_due(&self) -> Result<Option<OldestDue>, Problem> {
        let now = self.now();
        let webhooks = self.store.webhooks();
        let sending = webhooks.all().filter(|webhook| webhook.is_on() && webhook.retries_paused.is_none());
        let ready = sending.map(|webhook| webhook.id).filter(|id| {
            let state = self.store.webhook_state(*id);
            state.waiting > 0 && state.throttled_until.is_none_or(|until| until <= now)
        });
        let oldest = self.store.oldest_due(ready)?;
        Ok(oldest.filter(|oldest| oldest.at <= now))
    }

    /// The alarm URL of the webhook that an alarm is about, in the form of a webhook: signed with the
    /// same secrets, without the headers, which are for the Request URL.
    pub fn alarm_webhook_of(&self, alarm: &Alarm) -> Option<Webhook> {
        let about = alarm.webhook.as_ref().filter(|_| alarm.name.starts_with("webhook."))?;
        let webhook = self.store.webhooks().get(about.id.parse().ok()?)?;
        let request_url = webhook.alarm_url.clone()?;
        let headers = CustomHeaders::default();
        // Whom it trusts, but not who it says it is: that is meant for its receiver.
        let tls =
            TlsOptions { ca: webhook.tls.ca.clone(), ca_ends_at: webhook.tls.ca_ends_at, ..TlsOptions::default() };
        Some(Webhook { request_url, headers, tls, alarm_url: None, ..Webhook::clone(&webhook) })
    }

    /// What is sent to an alarm URL about an alarm.
    pub fn alarm_parcel(&self, to: Arc<Webhook>, alarm: &Alarm) -> Parcel {
        let event_type = EventType::parse(alarm.name).expect("the names of alarms are event types");
        let payload = serde_json::to_string(alarm).expect("an alarm is texts and numbers");
        self.single_parcel(to, event_type, &payload, None)
    }

    /// Sends one request outside of the queue, now. `None` if too many such are under way.
    pub fn send_aside(&self, parcel: Parcel) -> Option<Attempt> {
        self.prober.probe(parcel)
    }
}
