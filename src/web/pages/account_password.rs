//! `/account/password`: sets one's own password, against the present one.

use actix_web::{HttpRequest, http::StatusCode};
use askama::Template;

use super::{
    carry_out,
    field::TextField,
    form::Posted,
    notes::Note,
    page::{ACCOUNT, Errors, Frame, show as show_page},
    sign_in::let_in,
    visitor::{Visitor, browser},
};
use crate::{
    domain::ProblemKind,
    web::{
        State,
        problem::{Reply, status},
    },
};

#[derive(Template)]
#[template(path = "account_password.html")]
struct AccountPasswordPage {
    frame: Frame,
    errors: Errors,
    current: TextField,
    password: TextField,
}

/// Shows the form.
pub async fn show(visitor: Visitor) -> Reply {
    page(&visitor, StatusCode::OK, Errors::default())
}

/// Sets it. Every session ends but this one, which gets a new cookie.
pub async fn submit(state: State, request: HttpRequest, visitor: Visitor, posted: Posted) -> Reply {
    let form = posted.of(&visitor.key);
    if !form.fresh {
        return page(&visitor, StatusCode::FORBIDDEN, Errors::expired());
    }
    let (current, password) = (form.fields.get("current").to_owned(), form.fields.get("password").to_owned());
    let browser = browser(&state, &request, Some(visitor.token.clone()));
    let (service, actor) = (state.service().clone(), visitor.actor.clone());
    let changed = carry_out(async move { service.change_password(&actor, browser, current, password).await });
    match changed.await {
        Ok(signed_in) => {
            Ok(Note::PasswordChanged.with(let_in(&state, &signed_in, ACCOUNT, visitor.secure), visitor.secure))
        }
        Err(refusal) if matches!(refusal.problem.kind, ProblemKind::Invalid | ProblemKind::TooMany) => {
            page(&visitor, status(refusal.problem.kind), errors_of(&refusal.problem))
        }
        Err(refusal) => Err(refusal),
    }
}

/// The faults of a problem, each at the field that its pointer names.
pub fn errors_of(problem: &crate::domain::Problem) -> Errors {
    Errors::of(problem, |pointer| Some(pointer.trim_start_matches('/').to_owned()).filter(|name| !name.is_empty()))
}

/// A field for the password one has.
pub fn current_password(errors: &Errors) -> TextField {
    TextField {
        kind: "password",
        autocomplete: "current-password",
        fault: errors.at("current"),
        ..TextField::new("current", "Your present password", "")
    }
}

/// A field for a password to be set.
pub fn new_password(label: &'static str, errors: &Errors) -> TextField {
    TextField {
        kind: "password",
        autocomplete: "new-password",
        hint: "At least 12 characters. Paste is fine.",
        fault: errors.at("password"),
        ..TextField::new("password", label, "")
    }
}

fn page(visitor: &Visitor, status: StatusCode, errors: Errors) -> Reply {
    let page = AccountPasswordPage {
        frame: Frame::new(visitor, ACCOUNT, "Change password").under("Your account", ACCOUNT).with_errors(&errors),
        current: current_password(&errors),
        password: new_password("New password", &errors),
        errors,
    };
    show_page(visitor, status, &page)
}
