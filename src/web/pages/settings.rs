//! `/system/settings`: what a person chooses for their browser, and what the operator set for the
//! whole server, with where each value came from.

use actix_web::http::{StatusCode, header};
use askama::Template;

use super::{
    ask,
    cookies::Cookie,
    form::Posted,
    notes::Note,
    page::{Frame, SETTINGS, see_other_with, show as show_page},
    text::{count, display_line, length, size},
    theme::Theme,
    visitor::Visitor,
    zone::Zone,
};
use crate::{
    config::{Config, Described, Source},
    domain::{Problem, ProblemKind, RetrySchedule, with_thousands},
    service::Expiring,
    web::{State, problem::Reply},
};

/// How long a choice is remembered, in seconds: a year.
const REMEMBERED_S: u64 = 365 * 86_400;

#[derive(Template)]
#[template(path = "settings.html")]
struct SettingsPage {
    frame: Frame,
    zones: Vec<Zones>,
    themes: Vec<Choice>,
    rows: Vec<Row>,
}

/// The zones of one part of the world.
struct Zones {
    region: String,
    zones: Vec<Choice>,
}

struct Choice {
    value: String,
    words: String,
    is_chosen: bool,
}

/// One setting of the server.
struct Row {
    name: &'static str,
    value: String,
    more: Vec<String>,
    is_set: bool,
    source: String,
    how: String,
}

/// Shows the settings.
pub async fn show(state: State, visitor: Visitor) -> Reply {
    let database_bytes = state.machine().database_bytes;
    let expiring = ask(&state, move |service| service.expiring(database_bytes)).await?;
    let page = SettingsPage {
        frame: Frame::new(&visitor, SETTINGS, "Settings"),
        zones: zones(&visitor.zone),
        themes: Theme::ALL.map(|theme| choice(theme.code(), theme.words(), theme == visitor.theme)).into(),
        rows: rows(&state, &visitor, &expiring),
    };
    show_page(&visitor, StatusCode::OK, &page)
}

/// Remembers zone and theme in cookies of this browser.
pub async fn submit(visitor: Visitor, posted: Posted) -> Reply {
    let fields = posted.of(&visitor.key).fresh()?;
    let unknown = |what: &str| Problem::new(ProblemKind::NotUnderstood, "unknown_choice", what);
    let zone = Zone::named(fields.get("zone")).ok_or_else(|| unknown("There is no time zone of that name."))?;
    let theme = Theme::from_code(fields.get("theme")).ok_or_else(|| unknown("There is no theme of that name."))?;
    let mut response = see_other_with(SETTINGS, Note::SettingsSaved, visitor.secure);
    for (cookie, value) in [(Cookie::Zone, zone.name()), (Cookie::Theme, theme.code())] {
        let line = cookie.keep(value, Some(REMEMBERED_S), visitor.secure);
        response.headers_mut().append(header::SET_COOKIE, line);
    }
    Ok(response)
}

fn choice(value: &str, words: &str, is_chosen: bool) -> Choice {
    Choice { value: value.to_owned(), words: words.to_owned(), is_chosen }
}

fn zones(chosen: &Zone) -> Vec<Zones> {
    let mut all = vec![Zones { region: "World".to_owned(), zones: vec![choice("UTC", "UTC", chosen.name() == "UTC")] }];
    for name in Zone::names() {
        let Some((region, _)) = name.split_once('/') else { continue };
        let zone = choice(&name, &name.replace('_', " "), name == chosen.name());
        match all.iter_mut().find(|known| known.region == region) {
            Some(known) => known.zones.push(zone),
            None => all.push(Zones { region: region.to_owned(), zones: vec![zone] }),
        }
    }
    all
}

fn rows(state: &State, visitor: &Visitor, expiring: &Expiring) -> Vec<Row> {
    let config = state.config();
    let settings = state.service().settings();
    let described = config.describe();
    let row = |key: &str, name: &'static str, value: String, more: Vec<String>| {
        let found = described.iter().find(|row| row.key == key).expect("the page names keys that there are");
        let (source, how) = words(found);
        Row { name, value, more, is_set: config.is_set(key), source, how }
    };
    let or_none = |text: Option<String>, none: &str| text.unwrap_or_else(|| none.to_owned());
    vec![
        row("retention_days", "Retention", length(settings.retention), vec![preview(expiring, settings.retention)]),
        row("web.session_days", "A sign-in lasts", length(settings.session), Vec::new()),
        row("web.session_idle_hours", "A sign-in ends unused after", length(settings.session_idle), Vec::new()),
        row(
            "sender.timeout_ms",
            "Timeout of one attempt",
            format!("{} ms", with_thousands(settings.timeout_ms.into())),
            Vec::new(),
        ),
        row(
            "sender.retry_schedule_s",
            "Retry plan",
            count(u64::from(settings.retry_schedule.attempts()), "attempt", "attempts"),
            plan(&settings.retry_schedule, visitor),
        ),
        row(
            "sender.disable_after_days",
            "A webhook is disabled",
            match config.sender.disable_after_days {
                0 => "never for failing".to_owned(),
                days => format!("after {} of nothing but failures", count(days.into(), "day", "days")),
            },
            Vec::new(),
        ),
        row(
            "alarm.url",
            "Alarm URL",
            or_none(config.alarm.url.as_ref().map(|url| display_line(url.as_str()).into_owned()), "none"),
            Vec::new(),
        ),
        row("allowed_private_targets", "Allowed private targets", targets(&config), Vec::new()),
        row(
            "public_url",
            "Public address",
            or_none(settings.public_url.clone(), "none: taken from each request"),
            Vec::new(),
        ),
        row(
            "test_receiver",
            "Test receiver",
            match config.test_receiver {
                Some(true) => "on".to_owned(),
                Some(false) => "off".to_owned(),
                None => "on for set-up: three days from the first admin on".to_owned(),
            },
            Vec::new(),
        ),
    ]
}

fn targets(config: &Config) -> String {
    match config.allowed_private_targets.as_slice() {
        [] => "none".to_owned(),
        targets => display_line(&targets.join(", ")).into_owned(),
    }
}

/// Where a value came from, and how it is changed.
fn words(row: &Described) -> (String, String) {
    let how = format!("Set {} in the configuration file or {}, and restart.", row.key, row.variable);
    match &row.source {
        Source::Default => ("Default".to_owned(), how),
        Source::File { name, line } => {
            (format!("Set by {name}, line {line}"), "Change it there, and restart.".to_owned())
        }
        Source::Environment(variable) => (format!("Set by {variable}"), "Change it there, and restart.".to_owned()),
        Source::Flag(flag) => (format!("Set by the flag {flag}"), "Change it there, and restart.".to_owned()),
    }
}

fn preview(expiring: &Expiring, retention: std::time::Duration) -> String {
    let days = retention.as_secs() / 86_400;
    let number = match (expiring.events, expiring.more) {
        (0, _) => return format!("No event grows older than {days} days in the next 24 hours."),
        (events, false) => count(events, "event", "events"),
        (events, true) => format!("more than {} events", with_thousands(events)),
    };
    let bytes = size(usize::try_from(expiring.bytes).unwrap_or(usize::MAX));
    format!("In the next 24 hours it would delete {number}, about {bytes}.")
}

/// The plan as clock times, for an event that came now.
fn plan(schedule: &RetrySchedule, visitor: &Visitor) -> Vec<String> {
    let mut at = visitor.now;
    let mut times = vec![format!("An event that came now: at once ({})", visitor.zone.clock(at, visitor.now))];
    for delay in schedule.to_seconds() {
        at = at.plus(std::time::Duration::from_secs(delay));
        times.push(visitor.zone.clock(at, visitor.now));
    }
    vec![format!("{}.", times.join(" · ")), "Up to a tenth is added to each wait by chance.".to_owned()]
}
