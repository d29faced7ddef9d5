//! `/setup?token=…`: the first admin.

use actix_web::{
    HttpRequest,
    http::{StatusCode, header},
};
use askama::Template;

use super::{
    carry_out,
    field::TextField,
    form::{FormMark, Posted},
    notes::Note,
    page::{Errors, html, see_other_with},
    theme::Theme,
    visitor::Stranger,
};
use crate::{
    domain::{Problem, ProblemKind},
    web::{
        State,
        assets::Assets,
        peer,
        problem::{Reply, status},
        query::Query,
    },
};

#[derive(Template)]
#[template(path = "setup.html")]
struct SetupPage {
    title: &'static str,
    theme: Theme,
    assets: &'static Assets,
    form: FormMark,
    errors: Errors,
    token: String,
    email: TextField,
    password: TextField,
}

/// Shows the form to whoever has the link.
pub async fn show(state: State, request: HttpRequest, stranger: Stranger) -> Reply {
    let token = Query::parse(request.query_string()).take("token").unwrap_or_default();
    if !state.service().is_setup_token(&token) {
        return Err(no_setup().into());
    }
    page(stranger, StatusCode::OK, token, "", Errors::default())
}

/// Makes the first admin.
pub async fn submit(state: State, request: HttpRequest, stranger: Stranger, posted: Posted) -> Reply {
    let form = posted.of(&stranger.key);
    let (token, email) = (form.fields.get("token").to_owned(), form.fields.get("email").to_owned());
    if !state.service().is_setup_token(&token) {
        return Err(no_setup().into());
    }
    if !form.fresh {
        return page(stranger, StatusCode::FORBIDDEN, token, &email, Errors::expired());
    }
    let (service, password) = (state.service().clone(), form.fields.get("password").to_owned());
    let (given, name) = (token.clone(), email.clone());
    let address = peer::address(&request, state.trusted_proxies());
    match carry_out(async move { service.set_up(&given, &name, password, address).await }).await {
        // They type the password once more, so that a slip shows while the log is still at hand.
        Ok(_) => Ok(see_other_with("/sign-in", Note::AdminCreated, stranger.secure)),
        Err(refusal) if matches!(refusal.problem.kind, ProblemKind::NotFound | ProblemKind::Conflict) => {
            Err(no_setup().into())
        }
        Err(refusal) if refusal.problem.kind == ProblemKind::Invalid => {
            let errors = Errors::of(&refusal.problem, |pointer| Some(pointer.trim_start_matches('/').to_owned()));
            page(stranger, status(refusal.problem.kind), token, &email, errors)
        }
        Err(refusal) => Err(refusal),
    }
}

fn page(stranger: Stranger, status: StatusCode, token: String, email: &str, errors: Errors) -> Reply {
    let page = SetupPage {
        title: if errors.is_empty() { "Set up hookstead" } else { "Error: Set up hookstead" },
        theme: stranger.theme,
        assets: stranger.assets,
        form: stranger.mark,
        token,
        email: TextField {
            kind: "email",
            autocomplete: "username",
            fault: errors.at("email"),
            ..TextField::new("email", "Email", email)
        },
        password: TextField {
            kind: "password",
            autocomplete: "new-password",
            hint: "At least 12 characters. Paste is fine.",
            fault: errors.at("password"),
            ..TextField::new("password", "Password", "")
        },
        errors,
    };
    let mut response = html(status, &page)?;
    if let Some(cookie) = stranger.cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// The same for a wrong token, a missing one, and after set-up: a stranger cannot tell which.
fn no_setup() -> Problem {
    let detail = "This setup link is not valid. Until an admin exists, each start of the server prints a new one in \
                  its log.";
    Problem::new(ProblemKind::NotFound, "setup_link", detail)
}
