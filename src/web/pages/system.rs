//! `/system`: how the server is doing.

use actix_web::http::StatusCode;
use askama::Template;

use super::{
    ask,
    page::{Frame, SYSTEM, show as show_page},
    parts::{Badge, Icon, Moment, Tone},
    text::{count, display_line, length, size},
    visitor::Visitor,
};
use crate::{
    domain::{Forecast, Timestamp, with_thousands},
    service::{BackupStatus, Machine, Service, Volume},
    web::{State, problem::Reply},
};

/// How far the machine's clock may be behind the time that this server has seen already.
const CLOCK_BEHIND: std::time::Duration = std::time::Duration::from_secs(60);

#[derive(Template)]
#[template(path = "system.html")]
struct SystemPage {
    frame: Frame,
    sending: Badge,
    is_paused: bool,
    waiting: String,
    oldest: String,
    in_flight: String,
    rate: String,
    accepted: String,
    delivered: String,
    failed: String,
    database: String,
    disk: String,
    checks: Vec<CheckShown>,
    version: &'static str,
    schema: u64,
    up: String,
    now: Moment,
    retention: String,
    public_url: String,
    schedule: String,
    last_backup: Option<Moment>,
    backup_words: String,
}

struct CheckShown {
    icon: Icon,
    class: &'static str,
    words: String,
}

/// Shows the numbers.
pub async fn show(state: State, visitor: Visitor) -> Reply {
    let actor = visitor.actor.clone();
    let asked = state.clone();
    let (stats, volume, machine, backup) = ask(&state, move |service| {
        Ok((service.system_stats(&actor)?, service.volume()?, asked.machine(), service.backup_status()?))
    })
    .await?;
    let settings = state.service().settings();
    let is_paused = visitor.pause.is_some();
    let page = SystemPage {
        frame: Frame::new(&visitor, SYSTEM, "Overview"),
        sending: match is_paused {
            false => Badge { tone: Tone::Good, icon: Icon::Tick, word: "Sending: on" },
            true => Badge { tone: Tone::Wait, icon: Icon::Clock, word: "Sending: paused" },
        },
        is_paused,
        waiting: with_thousands(stats.waiting),
        oldest: oldest(stats.waiting, stats.oldest_due, visitor.now),
        in_flight: with_thousands(machine.in_flight as u64),
        rate: format!("{:.1}/s now", machine.sent_per_second),
        accepted: with_thousands(stats.accepted_today),
        delivered: with_thousands(stats.delivered_today),
        failed: with_thousands(stats.failed_today),
        database: size(usize::try_from(machine.database_bytes).unwrap_or(usize::MAX)),
        disk: disk(&machine, &volume, settings.retention.as_secs() / 86_400),
        checks: checks(&state, &machine, &backup, visitor.now),
        version: env!("CARGO_PKG_VERSION"),
        schema: Service::SCHEMA,
        up: length(visitor.now - machine.started_at),
        now: visitor.zone.millis(visitor.now),
        retention: length(settings.retention),
        public_url: settings.public_url.clone().unwrap_or_else(|| "not set (public_url)".to_owned()),
        schedule: super::retry_text::show(&settings.retry_schedule),
        last_backup: backup.last.as_ref().map(|last| visitor.zone.seconds(last.at)),
        backup_words: last_backup(&backup, visitor.now),
    };
    show_page(&visitor, StatusCode::OK, &page)
}

fn oldest(waiting: u64, due: Option<Timestamp>, now: Timestamp) -> String {
    match due.map(|due| now - due) {
        None if waiting > 0 => "for webhooks that are off".to_owned(),
        None => "nothing waits".to_owned(),
        Some(late) if late.is_zero() => "none is due yet".to_owned(),
        Some(late) => format!("oldest {}", length(late)),
    }
}

fn disk(machine: &Machine, volume: &Volume, retention_days: u64) -> String {
    let Some(free) = machine.free_bytes else { return "the disk cannot be measured".to_owned() };
    let forecast = Forecast::of(volume.events, machine.database_bytes, volume.accepted_last_day, free, retention_days);
    let lasts = match forecast {
        Forecast::Unknown => "too few events to say how long that lasts".to_owned(),
        Forecast::Lasts => "at this rate never full".to_owned(),
        Forecast::FullIn { days } => format!("at this rate full in {}", count(days, "day", "days")),
    };
    format!("{} free · {lasts}", size(usize::try_from(free).unwrap_or(usize::MAX)))
}

/// How long ago the last backup was made.
pub fn last_backup(backup: &BackupStatus, now: Timestamp) -> String {
    match (&backup.running, &backup.last) {
        (Some(_), _) => "one is being made".to_owned(),
        (None, Some(last)) => format!("{} ago", length(now - last.at)),
        (None, None) => "never".to_owned(),
    }
}

/// Whether backups are made, where the server is to make them.
fn backup_check(state: &State, backup: &BackupStatus, now: Timestamp) -> Option<(bool, String)> {
    if let Some(failed) = &backup.failed {
        let why = display_line(&failed.why);
        return Some((false, format!("The last backup failed {} ago: {why}", length(now - failed.at))));
    }
    let every = state.service().settings().backup.every?;
    let (words, last) = (last_backup(backup, now), backup.last.as_ref());
    let is_late = last.is_none_or(|last| now - last.at > every * 2) && backup.running.is_none();
    Some((!is_late, format!("Last backup: {words}")))
}

fn checks(state: &State, machine: &Machine, backup: &BackupStatus, now: Timestamp) -> Vec<CheckShown> {
    let own = state.checks().into_iter().map(|check| (check.ok, words(check.name, check.ok, machine, now)));
    let public = match state.service().settings().public_url.as_deref() {
        Some(url) if url.starts_with("https:") => (true, "The public address is https".to_owned()),
        Some(_) => (false, "The public address is not https: passwords and payloads can be read on the way".to_owned()),
        None => (false, "No public address is set: links and cookies go by each request. Set public_url".to_owned()),
    };
    let backups = backup_check(state, backup, now);
    let shown = |(ok, words)| CheckShown {
        icon: if ok { Icon::Tick } else { Icon::Cross },
        class: if ok { "good-ink" } else { "bad-ink" },
        words,
    };
    let (now, wall) = (state.service().now(), state.service().wall());
    let clock = (now - wall < CLOCK_BEHIND, clock_words(now, wall));
    own.chain([clock, public]).chain(backups).map(shown).collect()
}

fn clock_words(now: Timestamp, wall: Timestamp) -> String {
    match now - wall {
        behind if behind < CLOCK_BEHIND => "Clock (UTC)".to_owned(),
        behind => format!("Clock (UTC): it was set back by {} while the server ran", length(behind)),
    }
}

/// A check in words; one that has none yet by its name.
fn words(name: &str, ok: bool, machine: &Machine, now: Timestamp) -> String {
    match (name, ok) {
        ("store_writable", true) => "Database writable".to_owned(),
        ("store_writable", false) => "Database not writable: is the disk full?".to_owned(),
        ("sender_alive", ok) => {
            let ago = (now - machine.last_turn_at).as_millis() as f64 / 1_000.0;
            let silent = if ok { "" } else { ": it has not moved for a while" };
            format!("Sender loop {ago:.1} s ago{silent}")
        }
        (name, ok) => format!("{}: {}", name.replace('_', " "), if ok { "in order" } else { "not in order" }),
    }
}
