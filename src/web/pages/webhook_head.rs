//! What stands above every tab of a webhook: what it is, what can be done with it, and the tabs.

use super::{
    page::{Frame, WEBHOOKS},
    parts::{Moment, Name},
    text::{display_line, middle_cut},
    visitor::Visitor,
};
use crate::service::WebhookView;

/// A tab of a webhook's page. *Webhook Logs* is the log itself, filtered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tab {
    /// How it is doing.
    Overview,
    /// How its receiver verifies requests.
    Verify,
    /// How it is set.
    Settings,
}

/// What stands above every tab.
pub struct WebhookHead {
    /// Its id.
    pub id: String,
    /// Its Request URL, to copy.
    pub url: String,
    /// What it is called.
    pub description: Option<Name>,
    /// When it was made.
    pub created_at: Moment,
    /// By whom.
    pub created_by: Name,
    /// Whether it is on.
    pub is_on: bool,
    /// Whether it missed something while it was off.
    pub has_missed: bool,
    /// Until when an older Secret signs along.
    pub overlap_until: Option<Moment>,
    /// Where the configuration sets it up, so that it is changed there and not here.
    pub place: Option<String>,
    /// The tab that is shown.
    pub tab: Tab,
}

impl WebhookHead {
    /// The head of a webhook over `tab`.
    pub fn new(view: &WebhookView, visitor: &Visitor, tab: Tab) -> WebhookHead {
        let (webhook, state) = (&*view.webhook, &view.state);
        let ends = webhook.secrets.iter().skip(1).filter_map(|old| old.until);
        let overlap = ends.filter(|until| *until > visitor.now).max();
        WebhookHead {
            id: webhook.id.to_string(),
            url: webhook.request_url.to_string(),
            description: (!webhook.description.is_empty()).then(|| Name::new(&webhook.description)),
            created_at: visitor.zone.seconds(webhook.created_at),
            created_by: Name::new(&webhook.created_by),
            is_on: webhook.is_on(),
            has_missed: state.missed > 0,
            overlap_until: overlap.map(|until| visitor.zone.seconds(until)),
            place: view.place.as_deref().map(|place| display_line(place).into_owned()),
            tab,
        }
    }

    /// The frame of the page.
    pub fn frame(&self, visitor: &Visitor) -> Frame {
        let mut frame = Frame::new(visitor, WEBHOOKS, &self.url);
        let (name, own) = (middle_cut(&self.url, 48), format!("{WEBHOOKS}/{}", self.id));
        match self.tab {
            Tab::Overview => frame = frame.under(&name, ""),
            Tab::Verify => frame = frame.under(&name, own).under("Verify signature", ""),
            Tab::Settings => frame = frame.under(&name, own).under("Settings", ""),
        }
        frame
    }

    /// Whether `tab` is the one that is shown.
    pub fn is_at(&self, tab: Tab) -> bool {
        self.tab == tab
    }
}
