//! Publishing events and looking them up.

use std::sync::Arc;

use serde_json::value::RawValue;

use super::{EventDetail, NotSent, NotSentReason, Page, Service, views::LogEntry};
use crate::{
    domain::{
        AccountId, Actor, Event, EventCursor, EventId, EventType, ExternalId, Fault, NewEvent, OrderingKey, Problem,
        ProblemKind, Scope, Timestamp, Webhook, check_depth, nearest,
    },
    store::{EventFilter, Published},
};

/// An event that somebody wants published, each member right by itself.
#[derive(Debug, Clone)]
pub struct PublishEvent {
    /// Whose event; the actor's own account or `default` if none is named.
    pub account: Option<AccountId>,
    /// Its kind.
    pub event_type: EventType,
    /// The caller's own id.
    pub external_id: Option<ExternalId>,
    /// What it is about, for webhooks that keep order.
    pub ordering_key: Option<OrderingKey>,
    /// When it happened.
    pub timestamp: Option<Timestamp>,
    /// Its content, byte for byte.
    pub payload: Box<RawValue>,
}

/// What came of publishing an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The event, or the first one that was accepted under the caller's id.
    pub id: EventId,
    /// The caller's own id.
    pub external_id: Option<ExternalId>,
    /// Whose event.
    pub account: AccountId,
    /// Its kind.
    pub event_type: EventType,
    /// Its time.
    pub timestamp: Timestamp,
    /// It had been accepted before; nothing is sent again.
    pub duplicate: bool,
    /// Number of webhooks it is for.
    pub webhooks_matched: u16,
}

/// Who would get an event.
#[derive(Debug, Clone)]
pub struct DryRun {
    /// Whose event.
    pub account: AccountId,
    /// The webhooks that would get it.
    pub matched: Vec<Arc<Webhook>>,
    /// The others of the account, and why not.
    pub not_sent: Vec<NotSent>,
}

impl Service {
    /// Takes an event: it is on disk, with a delivery for every webhook that selected it, when
    /// this answers.
    ///
    /// # Errors
    /// `missing_scope`, `unknown_event_type`, `payload_too_large`, `idempotency_conflict`,
    /// `queue_full`, `cannot_write`.
    pub async fn publish(&self, actor: &Actor, request: PublishEvent) -> Result<Accepted, Problem> {
        let mut answers = self.publish_batch(actor, vec![Ok(request)]).await?;
        answers.pop().expect("one answer for one event")
    }

    /// Takes several events in one commit. Each is answered for itself, in order; elements that
    /// were not acceptable to begin with come in as problems and go out as they came.
    ///
    /// # Errors
    /// `missing_scope`, `queue_full`, `cannot_write`: then none was taken.
    pub async fn publish_batch(
        &self,
        actor: &Actor,
        requests: Vec<Result<PublishEvent, Problem>>,
    ) -> Result<Vec<Result<Accepted, Problem>>, Problem> {
        actor.require(Scope::EventsWrite)?;
        let mut events: Vec<NewEvent> = Vec::with_capacity(requests.len());
        // Bodies move on to the store; what is answered needs only the heads.
        let mut prepare = |request: Result<PublishEvent, Problem>| -> Result<Event, Problem> {
            let new = self.prepare(actor, request?)?;
            let head = new.event.clone();
            events.push(new);
            Ok(head)
        };
        let prepared: Vec<_> = requests.into_iter().map(&mut prepare).collect();
        let mut published = match events.is_empty() {
            true => Vec::new(),
            false => self.store.publish(events).await?,
        }
        .into_iter();
        let answers = prepared.into_iter().map(|one| {
            let event = one?;
            let published = published.next().expect("one answer for each event")?;
            Ok(accepted(event, published))
        });
        Ok(answers.collect())
    }

    /// Says who would get an event, and stores nothing.
    ///
    /// # Errors
    /// As for [`Service::publish`], as far as they can be known.
    pub fn dry_run(&self, actor: &Actor, request: PublishEvent) -> Result<DryRun, Problem> {
        actor.require(Scope::EventsWrite)?;
        let new = self.prepare(actor, request)?;
        let (matched, others): (Vec<_>, Vec<_>) = self
            .store
            .webhooks()
            .of_account(&new.event.account)
            .partition(|webhook| webhook.selection.matches(&new.event.event_type));
        let not_sent = others.into_iter().map(|webhook| NotSent {
            webhook: webhook.id,
            request_url: webhook.request_url.clone(),
            reason: NotSentReason::NotSelected,
        });
        Ok(DryRun { account: new.event.account, matched, not_sent: not_sent.collect() })
    }

    /// Events, newest first.
    ///
    /// # Errors
    /// `missing_scope`, `wrong_account`.
    pub fn events(
        &self,
        actor: &Actor,
        mut filter: EventFilter,
        cursor: Option<EventCursor>,
        limit: usize,
    ) -> Result<Page<Event, EventId>, Problem> {
        actor.require(Scope::EventsRead)?;
        filter.account = actor.limit_account(filter.account)?;
        self.store.events(&filter, cursor, limit)
    }

    /// An event with its log entries, and why the other webhooks of its account did not get it.
    ///
    /// # Errors
    /// `missing_scope`, `not_found`.
    pub fn event(&self, actor: &Actor, id: EventId) -> Result<EventDetail, Problem> {
        let event = self.visible_event(actor, id)?;
        let entries = self.entries(self.store.deliveries_of(id)?)?;
        let not_sent = self.not_sent(&event, &entries)?;
        Ok(EventDetail { event, entries, not_sent })
    }

    /// The caller's payload, byte for byte but for masked fields.
    ///
    /// # Errors
    /// `missing_scope`, `not_found`.
    pub fn event_payload(&self, actor: &Actor, id: EventId) -> Result<Vec<u8>, Problem> {
        let mut event = self.visible_event(actor, id)?;
        let body = self.store.body(id)?.ok_or_else(|| Problem::not_found("payload"))?;
        let body = self.shown(&mut event, body);
        Ok(body[event.payload_range()].to_vec())
    }

    /// The body of an event as anybody may see it: masked fields have stars, and the event says where
    /// the payload stands in that. Whatever shows a body comes through here.
    pub(super) fn shown(&self, event: &mut Event, body: Vec<u8>) -> Vec<u8> {
        let types = self.store.event_types();
        let Some(info) = types.iter().find(|info| info.name == event.event_type) else { return body };
        let range = event.payload_range();
        if info.masked.as_slice().is_empty() || body.len() < range.end {
            return body;
        }
        let payload = info.masked.mask(&body[range.clone()]);
        event.payload_at.1 = payload.len() as u32;
        [&body[..range.start], &payload, &body[range.end..]].concat()
    }

    fn visible_event(&self, actor: &Actor, id: EventId) -> Result<Event, Problem> {
        actor.require(Scope::EventsRead)?;
        self.store.event(id)?.filter(|event| actor.sees(&event.account)).ok_or_else(|| Problem::not_found("event"))
    }

    /// Checks what only the configuration and the catalogue know, and builds the body.
    fn prepare(&self, actor: &Actor, request: PublishEvent) -> Result<NewEvent, Problem> {
        let account = actor.resolve_account(request.account)?;
        self.check_event_type(&request.event_type).map_err(|fault| Problem::invalid(vec![fault.at("/type")]))?;
        let payload = request.payload.get();
        if payload.len() > self.settings.event_bytes {
            return Err(self.payload_too_large());
        }
        check_depth(payload.as_bytes(), self.settings.json_nesting)
            .map_err(|fault| Problem::invalid(vec![fault.at("/data")]))?;
        let now = self.now();
        let id = self.next_event_id(now);
        let new =
            NewEvent::build(id, account, request.event_type, request.external_id, request.timestamp, now, payload);
        Ok(match request.ordering_key {
            Some(key) => new.with_ordering_key(key),
            None => new,
        })
    }

    /// The refusal of a body over the limit.
    pub fn payload_too_large(&self) -> Problem {
        let detail = format!("An event may have {} bytes at the most.", self.settings.event_bytes);
        Problem::new(ProblemKind::TooLarge, "payload_too_large", detail)
    }

    /// Fails unless events of that type may be published, suggesting the nearest name.
    ///
    /// # Errors
    /// `unknown_event_type`.
    pub fn check_event_type(&self, wanted: &EventType) -> Result<(), Fault> {
        let catalogue = self.store.event_types();
        if catalogue.iter().any(|known| known.name == *wanted) {
            return Ok(());
        }
        let hint = match nearest(wanted.as_str(), catalogue.iter().map(|known| known.name.as_str())) {
            Some(name) => format!("Did you mean {name}?"),
            None => "GET /api/v1/event-types lists the known ones.".to_owned(),
        };
        Err(Fault::new("unknown_event_type", format!("There is no event type {wanted}. {hint}")))
    }

    /// Why each webhook of the event's account that has no entry did not get it.
    fn not_sent(&self, event: &Event, entries: &[LogEntry]) -> Result<Vec<NotSent>, Problem> {
        if event.test {
            return Ok(Vec::new());
        }
        let mut not_sent = Vec::new();
        for webhook in self.store.webhooks().of_account_with_deleted(&event.account) {
            if entries.iter().any(|entry| entry.delivery.webhook == webhook.id) {
                continue;
            }
            let met = self.store.webhook_version(webhook.id, event.met_version)?;
            let reason = match met {
                None => NotSentReason::CreatedLater,
                Some(version) if version.deleted => NotSentReason::DeletedBefore,
                Some(_) => NotSentReason::NotSelected,
            };
            not_sent.push(NotSent { webhook: webhook.id, request_url: webhook.request_url.clone(), reason });
        }
        Ok(not_sent)
    }
}

fn accepted(event: Event, published: Published) -> Accepted {
    Accepted {
        id: published.id,
        external_id: event.external_id,
        account: event.account,
        event_type: event.event_type,
        timestamp: published.timestamp,
        duplicate: published.duplicate,
        webhooks_matched: published.webhooks_matched,
    }
}
