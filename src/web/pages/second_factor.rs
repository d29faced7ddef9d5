//! `/account/second-factor`: sets one's own second factor up, or removes it.

use actix_web::http::StatusCode;
use askama::Template;

use super::{
    account_password::{current_password, errors_of},
    ask, carry_out,
    field::TextField,
    form::Posted,
    notes::Note,
    page::{ACCOUNT, Errors, Frame, see_other, see_other_with, show as show_page},
    parts::CopyValue,
    qr::QrPicture,
    visitor::Visitor,
};
use crate::{
    domain::{ProblemKind, TotpSeed},
    web::{
        State,
        problem::{Refusal, Reply, status},
    },
};

#[derive(Template)]
#[template(path = "second_factor.html")]
struct SecondFactorPage {
    frame: Frame,
    errors: Errors,
    picture: Option<QrPicture>,
    seed: CopyValue,
    link: String,
    code: TextField,
    current: TextField,
}

#[derive(Template)]
#[template(path = "second_factor_remove.html")]
struct RemovePage {
    frame: Frame,
    errors: Errors,
    current: TextField,
}

/// Shows a new seed to whoever has no second factor, and how to remove it to whoever has one.
pub async fn show(state: State, visitor: Visitor) -> Reply {
    let (actor, token) = (visitor.actor.clone(), visitor.token.clone());
    let person = ask(&state, move |service| service.myself(&actor, &token)).await?;
    match person.second_factor {
        Some(_) => remove_page(&visitor, StatusCode::OK, Errors::default()),
        None => enrol_page(&visitor, StatusCode::OK, &state.service().new_seed(), Errors::default()),
    }
}

/// Sets it up, once a code proves that the phone has the seed. The form carries the seed: it is kept
/// nowhere before that.
pub async fn enrol(state: State, visitor: Visitor, posted: Posted) -> Reply {
    let form = posted.of(&visitor.key);
    let fields = &form.fields;
    let seed = TotpSeed::from_text(fields.get("seed")).unwrap_or_else(|| state.service().new_seed());
    if !form.fresh {
        return enrol_page(&visitor, StatusCode::FORBIDDEN, &seed, Errors::expired());
    }
    let (code, password) = (fields.get("code").to_owned(), fields.get("current").to_owned());
    let (service, actor, token) = (state.service().clone(), visitor.actor.clone(), visitor.token.clone());
    let sent = seed.clone();
    let enrolled =
        carry_out(async move { service.enrol_second_factor(&actor, &token, sent, &code, password).await }).await;
    match enrolled {
        Ok(codes) => {
            state.desk().shown_once.keep(&visitor.token, super::recovery_codes::SUBJECT, &codes.join("\n"));
            Ok(see_other(super::recovery_codes::ADDRESS))
        }
        Err(refusal) if is_for_the_form(&refusal) => {
            enrol_page(&visitor, status(refusal.problem.kind), &seed, errors_of(&refusal.problem))
        }
        Err(refusal) => Err(refusal),
    }
}

/// Removes it.
pub async fn remove(state: State, visitor: Visitor, posted: Posted) -> Reply {
    let fields = posted.of(&visitor.key).fresh()?;
    let (service, actor, password) = (state.service().clone(), visitor.actor.clone(), fields.get("current").to_owned());
    match carry_out(async move { service.remove_second_factor(&actor, password).await }).await {
        Ok(()) => Ok(see_other_with(ACCOUNT, Note::SecondFactorRemoved, visitor.secure)),
        Err(refusal) if is_for_the_form(&refusal) => {
            remove_page(&visitor, status(refusal.problem.kind), errors_of(&refusal.problem))
        }
        Err(refusal) => Err(refusal),
    }
}

fn is_for_the_form(refusal: &Refusal) -> bool {
    matches!(refusal.problem.kind, ProblemKind::Invalid | ProblemKind::TooMany)
}

fn enrol_page(visitor: &Visitor, status: StatusCode, seed: &TotpSeed, errors: Errors) -> Reply {
    let link = seed.link(&visitor.actor.name);
    let title = "Set up second factor";
    let page = SecondFactorPage {
        frame: Frame::new(visitor, ACCOUNT, title).under("Your account", ACCOUNT).with_errors(&errors),
        picture: QrPicture::of(&link, "QR code for an authenticator app"),
        seed: CopyValue { id: "seed-text", label: "Key to type into an authenticator app", value: seed.text() },
        link,
        code: TextField {
            hint: "The six digits that the app shows now.",
            fault: errors.at("code"),
            autocomplete: "one-time-code",
            ..TextField::new("code", "Code", "")
        },
        current: current_password(&errors),
        errors,
    };
    show_page(visitor, status, &page)
}

fn remove_page(visitor: &Visitor, status: StatusCode, errors: Errors) -> Reply {
    let title = "Remove second factor";
    let page = RemovePage {
        frame: Frame::new(visitor, ACCOUNT, title).under("Your account", ACCOUNT).with_errors(&errors),
        current: current_password(&errors),
        errors,
    };
    show_page(visitor, status, &page)
}
