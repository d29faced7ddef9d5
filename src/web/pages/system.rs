//! `/system`: how the server is doing.

use actix_web::http::StatusCode;
use askama::Template;

use super::{
    ask,
    page::{Frame, SYSTEM, show as show_page},
    parts::{Icon, Moment},
    text::length,
    visitor::Visitor,
};
use crate::{
    domain::with_thousands,
    web::{State, problem::Reply},
};

#[derive(Template)]
#[template(path = "system.html")]
struct SystemPage {
    frame: Frame,
    waiting: String,
    oldest: String,
    accepted: String,
    delivered: String,
    failed: String,
    checks: Vec<CheckShown>,
    version: &'static str,
    now: Moment,
    retention: String,
    public_url: String,
    schedule: String,
}

struct CheckShown {
    icon: Icon,
    class: &'static str,
    words: String,
}

/// Shows the numbers.
pub async fn show(state: State, visitor: Visitor) -> Reply {
    let actor = visitor.actor.clone();
    let stats = ask(&state, move |service| service.system_stats(&actor)).await?;
    let settings = state.service().settings();
    let checks = state.checks().into_iter().map(|check| CheckShown {
        icon: if check.ok { Icon::Tick } else { Icon::Cross },
        class: if check.ok { "good-ink" } else { "bad-ink" },
        words: words(check.name, check.ok),
    });
    let page = SystemPage {
        frame: Frame::new(&visitor, SYSTEM, "Overview"),
        waiting: with_thousands(stats.waiting),
        oldest: stats.oldest_due.map_or("none".to_owned(), |due| match visitor.now - due {
            late if late.is_zero() => "not due yet".to_owned(),
            late => format!("oldest due for {}", length(late)),
        }),
        accepted: with_thousands(stats.accepted_today),
        delivered: with_thousands(stats.delivered_today),
        failed: with_thousands(stats.failed_today),
        checks: checks.collect(),
        version: env!("CARGO_PKG_VERSION"),
        now: visitor.zone.millis(visitor.now),
        retention: length(settings.retention),
        public_url: settings.public_url.clone().unwrap_or_else(|| "not set (public_url)".to_owned()),
        schedule: super::retry_text::show(&settings.retry_schedule),
    };
    show_page(&visitor, StatusCode::OK, &page)
}

/// A check in words; one that has none yet by its name.
fn words(name: &str, ok: bool) -> String {
    match (name, ok) {
        ("store_writable", true) => "Events can be stored".to_owned(),
        ("store_writable", false) => "Events cannot be stored at present: is the disk full?".to_owned(),
        ("sender_alive", true) => "The sender is running".to_owned(),
        ("sender_alive", false) => "The sender has not moved for a while".to_owned(),
        (name, ok) => format!("{}: {}", name.replace('_', " "), if ok { "in order" } else { "not in order" }),
    }
}
