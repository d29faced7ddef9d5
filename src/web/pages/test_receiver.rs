//! `/integration/test-receiver`: what the built-in test receiver got, and how it answers.

use actix_web::{HttpRequest, http::StatusCode};
use askama::Template;

use super::{
    ask, carry_out,
    fields::Fields,
    form::Posted,
    notes::Note,
    page::{Errors, FieldError, Frame, TEST_RECEIVER, WEBHOOKS, at_receiver, see_other_with, show as show_page},
    parts::{CopyValue, Name},
    test_receiver_request::Shown,
    text::{count, display_line, query_value},
    visitor::Visitor,
};
use crate::{
    domain::{Problem, ReceiverSwitch, TestReceiver, WebhookId},
    service::{SignedBy, WebhookView},
    web::{
        State,
        problem::{Refusal, Reply},
        receiver::{KeptRequest, MOST_BODY_CHARS, MOST_DELAY_S, MOST_FAILURES, MOST_REQUESTS, STATUSES, Script},
    },
};

/// The answers that one click sets: value and words.
const PRESETS: [(&str, &str); 7] = [
    ("200", "200 ok"),
    ("500", "500"),
    ("503", "503 + Retry-After"),
    ("410", "410 Gone"),
    ("301", "301 redirect"),
    ("slow", "Slow: 20 s"),
    ("drop", "Drop connection"),
];

#[derive(Template)]
#[template(path = "test_receiver.html")]
struct TestReceiverPage {
    frame: Frame,
    errors: Errors,
    url: CopyValue,
    add: String,
    is_on: bool,
    standing: String,
    pointing: Vec<Pointing>,
    pointing_words: String,
    answers: Answers,
    presets: &'static [(&'static str, &'static str)],
    signers: Vec<Signer>,
    requests: Vec<Shown>,
    most: usize,
}

/// A webhook that points here.
struct Pointing {
    address: String,
    name: Name,
}

/// The form of the answers, as typed.
struct Answers {
    now: String,
    statuses: Vec<Choice>,
    delay: String,
    body: String,
    retry_after: String,
    fails_first: bool,
    failures: String,
}

struct Choice {
    value: String,
    words: String,
    is_chosen: bool,
}

/// Whose Secret signatures are checked with.
struct Signer {
    value: String,
    name: Name,
    is_chosen: bool,
}

/// Shows the page; `?refresh=10` loads it again every ten seconds.
pub async fn show(state: State, request: HttpRequest, visitor: Visitor) -> Reply {
    let refresh = request.query_string().split('&').any(|pair| pair == "refresh=10");
    let script = state.receiver().memory().script.clone();
    let answers = Answers::of(&script);
    page(&state, &visitor, StatusCode::OK, answers, Errors::default(), refresh.then_some(10)).await
}

/// Sets how it answers: by a preset, or as typed.
pub async fn answers(state: State, visitor: Visitor, posted: Posted) -> Reply {
    let fields = posted.of(&visitor.key).fresh()?;
    let script = match Script::preset(fields.get("preset")) {
        Some(preset) => Ok(preset),
        None => read_script(&fields),
    };
    match script {
        Ok(script) => {
            let old = std::mem::replace(&mut state.receiver().memory().script, script.clone());
            let (old, new) = (Answers::of(&old).now, Answers::of(&script).now);
            note(&state, &visitor, "test_receiver.answers_changed", old, new).await?;
            Ok(see_other_with(TEST_RECEIVER, Note::ReceiverAnswers, visitor.secure))
        }
        Err(errors) => {
            let answers = Answers::typed(&fields, &state.receiver().memory().script.clone());
            page(&state, &visitor, StatusCode::UNPROCESSABLE_ENTITY, answers, errors, None).await
        }
    }
}

/// Chooses whose Secret signatures are checked with.
pub async fn check(state: State, visitor: Visitor, posted: Posted) -> Reply {
    let fields = posted.of(&visitor.key).fresh()?;
    let signed_by = match fields.get("signed_by") {
        "sender" => SignedBy::Sender,
        "nobody" => SignedBy::Nobody,
        id => SignedBy::Webhook(id.parse::<WebhookId>().map_err(|_| Problem::not_found("webhook"))?),
    };
    let old = std::mem::replace(&mut state.receiver().memory().signed_by, signed_by);
    note(&state, &visitor, "test_receiver.check_changed", signer_code(old), signer_code(signed_by)).await?;
    Ok(see_other_with(TEST_RECEIVER, Note::ReceiverCheck, visitor.secure))
}

/// Forgets what came.
pub async fn clear(state: State, visitor: Visitor, posted: Posted) -> Reply {
    posted.of(&visitor.key).fresh()?;
    state.receiver().memory().kept.clear();
    note(&state, &visitor, "test_receiver.cleared", String::new(), String::new()).await?;
    Ok(see_other_with(TEST_RECEIVER, Note::ReceiverCleared, visitor.secure))
}

/// Notes a change in the audit log; what the test receiver does is kept in memory alone.
async fn note(state: &State, visitor: &Visitor, action: &'static str, old: String, new: String) -> Result<(), Refusal> {
    let (service, actor) = (state.service().clone(), visitor.actor.clone());
    carry_out(async move { service.note_change(&actor, action, "how", old, new).await }).await
}

fn signer_code(by: SignedBy) -> String {
    match by {
        SignedBy::Sender => "sender".to_owned(),
        SignedBy::Nobody => "nobody".to_owned(),
        SignedBy::Webhook(id) => id.to_string(),
    }
}

async fn page(
    state: &State,
    visitor: &Visitor,
    status: StatusCode,
    answers: Answers,
    errors: Errors,
    refresh_s: Option<u32>,
) -> Reply {
    let receiver = state.service().test_receiver().cloned().ok_or_else(|| Problem::not_found("test receiver"))?;
    let (signed_by, kept) = {
        let mut memory = state.receiver().memory();
        (memory.signed_by, memory.kept.newest(state.service().wall()))
    };
    let actor = visitor.actor.clone();
    let (views, checked) = ask(state, move |service| {
        let views = service.webhooks(&actor, None)?;
        let check = |request: KeptRequest| {
            let checked = service.check_signature(&actor, signed_by, &request.received())?;
            Ok((request, checked))
        };
        let checked = kept.into_iter().map(check).collect::<Result<Vec<_>, Problem>>()?;
        Ok((views, checked))
    })
    .await?;
    let switch = state.service().receiver_switch();
    let pointing = pointing(&views, &receiver);
    let mut frame = Frame::new(visitor, TEST_RECEIVER, "Test receiver").with_errors(&errors);
    frame.refresh_s = refresh_s;
    let requests =
        checked.into_iter().map(|(request, checked)| Shown::new(&request, checked, &receiver, &visitor.zone));
    let page = TestReceiverPage {
        frame,
        errors,
        add: format!("{WEBHOOKS}/new?url={}", query_value(receiver.url.as_str())),
        url: CopyValue { id: "url", label: "URL of the test receiver", value: receiver.url.to_string() },
        is_on: switch.is_on(),
        standing: standing(switch, visitor),
        pointing_words: at_receiver(pointing.len() as u64),
        pointing,
        answers,
        presets: &PRESETS,
        signers: signers(&views, signed_by),
        requests: requests.collect(),
        most: MOST_REQUESTS,
    };
    show_page(visitor, status, &page)
}

fn pointing(views: &[WebhookView], receiver: &TestReceiver) -> Vec<Pointing> {
    let here = views.iter().filter(|view| view.webhook.request_url == receiver.url);
    here.map(|view| Pointing { address: format!("{WEBHOOKS}/{}", view.webhook.id), name: name_of(view) }).collect()
}

fn name_of(view: &WebhookView) -> Name {
    match view.webhook.description.as_str() {
        "" => Name::new(&view.webhook.id.to_string()),
        description => Name::new(description),
    }
}

fn signers(views: &[WebhookView], chosen: SignedBy) -> Vec<Signer> {
    let general = [(SignedBy::Sender, "sender", "the webhook that sent it"), (SignedBy::Nobody, "nobody", "nothing")];
    let general = general.into_iter().map(|(by, value, name)| Signer {
        value: value.to_owned(),
        name: Name::new(name),
        is_chosen: by == chosen,
    });
    let webhooks = views.iter().map(|view| Signer {
        value: view.webhook.id.to_string(),
        name: name_of(view),
        is_chosen: chosen == SignedBy::Webhook(view.webhook.id),
    });
    general.chain(webhooks).collect()
}

fn standing(switch: ReceiverSwitch, visitor: &Visitor) -> String {
    let clock = |at| format!("{} {}", visitor.zone.second(at), visitor.zone.head(visitor.now));
    match switch {
        ReceiverSwitch::On => "On: test_receiver = true.".to_owned(),
        ReceiverSwitch::BeforeSetup => "On for set-up. To keep it on, set test_receiver = true.".to_owned(),
        ReceiverSwitch::OnUntil(end) => {
            format!("On for set-up until {}. To keep it on, set test_receiver = true.", clock(end))
        }
        ReceiverSwitch::OffSince(end) => {
            format!("Off: set-up ended {}. To switch it on, set test_receiver = true and restart.", clock(end))
        }
        ReceiverSwitch::Off => "Off: test_receiver = false. To switch it on, set it to true and restart.".to_owned(),
    }
}

impl Answers {
    fn of(script: &Script) -> Answers {
        Answers {
            now: now_words(script),
            statuses: statuses(&script.status.map_or("drop".to_owned(), |status| status.to_string())),
            delay: script.delay_s.to_string(),
            body: script.body.clone(),
            retry_after: script.retry_after_s.map(|seconds| seconds.to_string()).unwrap_or_default(),
            fails_first: script.failures_left > 0,
            failures: if script.failures_left > 0 { script.failures_left.to_string() } else { "2".to_owned() },
        }
    }

    fn typed(fields: &Fields, script: &Script) -> Answers {
        Answers {
            now: now_words(script),
            statuses: statuses(fields.get("status")),
            delay: fields.get("delay").to_owned(),
            body: fields.get("body").to_owned(),
            retry_after: fields.get("retry_after").to_owned(),
            fails_first: fields.get("how") == "fail_first",
            failures: fields.get("failures").to_owned(),
        }
    }
}

fn now_words(script: &Script) -> String {
    let first = script.failures_left;
    let next = match first {
        0 => String::new(),
        _ => format!("{} with 500, then ", count(first.into(), "failure", "failures")),
    };
    let plain = Script { failures_left: 0, ..script.clone() }.next_answer().words();
    format!("Now: {next}{plain}.")
}

fn statuses(chosen: &str) -> Vec<Choice> {
    let numbers = STATUSES.iter().map(|status| (status.to_string(), crate::domain::status_words(*status)));
    let all = numbers.chain([("drop".to_owned(), "Drop the connection".to_owned())]);
    all.map(|(value, words)| Choice { is_chosen: value == chosen, value, words }).collect()
}

fn read_script(fields: &Fields) -> Result<Script, Errors> {
    let mut errors = Errors::default();
    let mut fault =
        |field: &str, message: String| errors.of_fields.push(FieldError { field: field.to_owned(), message });
    let mut number = |field: &str, most: u32| match fields.get(field).trim() {
        "" => None,
        text => match text.parse::<u32>().ok().filter(|number| *number <= most) {
            Some(number) => Some(number),
            None => {
                fault(field, format!("Use a whole number from 0 to {most}."));
                None
            }
        },
    };
    let delay_s = number("delay", MOST_DELAY_S).unwrap_or(0);
    let retry_after_s = number("retry_after", 86_400);
    let fails_first = fields.get("how") == "fail_first";
    let failures = number("failures", MOST_FAILURES).filter(|_| fails_first).unwrap_or(0);
    let body = fields.get("body").replace("\r\n", "\n");
    if body.chars().count() > MOST_BODY_CHARS {
        fault("body", format!("The body may have {MOST_BODY_CHARS} characters at the most."));
    }
    let status = match fields.get("status") {
        _ if fails_first => Some(200),
        "drop" => None,
        text => text.parse().ok().filter(|status| STATUSES.contains(status)).or_else(|| {
            fault("status", format!("“{}” is none of the statuses in the list.", display_line(text)));
            None
        }),
    };
    if errors.is_empty() {
        Ok(Script { status, delay_s, body, retry_after_s, failures_left: failures })
    } else {
        Err(errors)
    }
}
