//! `/sign-in/code`: the second step of signing in, for those who have a second factor.

use actix_web::{
    HttpRequest,
    http::{StatusCode, header},
};
use askama::Template;

use super::{
    carry_out,
    cookies::Cookie,
    field::TextField,
    form::{FormMark, Posted},
    page::{Errors, html, see_other},
    sign_in::{let_in, own_path},
    theme::Theme,
    visitor::{Stranger, browser},
};
use crate::{
    domain::ProblemKind,
    web::{
        State,
        assets::Assets,
        problem::{Reply, status},
        query::Query,
    },
};

#[derive(Template)]
#[template(path = "sign_in_code.html")]
struct SignInCodePage {
    title: &'static str,
    theme: Theme,
    assets: &'static Assets,
    form: FormMark,
    errors: Errors,
    code: TextField,
    next: String,
}

/// Shows the form to whoever has done the first step.
pub async fn show(state: State, request: HttpRequest, stranger: Stranger) -> Reply {
    let next = own_path(&Query::parse(request.query_string()).take("next").unwrap_or_default());
    let token = Cookie::HalfWay.read(request.headers(), stranger.secure);
    if !token.is_some_and(|token| state.service().is_half_signed_in(&token)) {
        return Ok(see_other("/sign-in"));
    }
    page(stranger, StatusCode::OK, next, Errors::default())
}

/// Lets in whoever has the code.
pub async fn submit(state: State, request: HttpRequest, stranger: Stranger, posted: Posted) -> Reply {
    let form = posted.of(&stranger.key);
    let next = own_path(form.fields.get("next"));
    if !form.fresh {
        return page(stranger, StatusCode::FORBIDDEN, next, Errors::expired());
    }
    let token = Cookie::HalfWay.read(request.headers(), stranger.secure).unwrap_or_default();
    let browser = browser(&state, &request, stranger.token.clone());
    let (service, code) = (state.service().clone(), form.fields.get("code").to_owned());
    match carry_out(async move { service.sign_in_with_code(&token, &code, browser).await }).await {
        Ok(signed_in) => Ok(let_in(&state, &signed_in, &next, stranger.secure)),
        Err(refusal) if refusal.problem.code == "sign_in_again" => Ok(see_other("/sign-in")),
        Err(refusal) if matches!(refusal.problem.kind, ProblemKind::Invalid | ProblemKind::TooMany) => {
            let problem = refusal.problem;
            let errors = Errors { general: vec![problem.detail], ..Errors::default() };
            let mut response = page(stranger, status(problem.kind), next, errors)?;
            if let Some(seconds) = problem.retry_after_s {
                response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
            }
            Ok(response)
        }
        Err(refusal) => Err(refusal),
    }
}

fn page(stranger: Stranger, status: StatusCode, next: String, errors: Errors) -> Reply {
    let page = SignInCodePage {
        title: if errors.is_empty() { "Sign in: code" } else { "Error: Sign in: code" },
        theme: stranger.theme,
        assets: stranger.assets,
        form: stranger.mark,
        code: TextField {
            hint: "The six digits of your authenticator app, or a recovery code.",
            autocomplete: "one-time-code",
            ..TextField::new("code", "Code", "")
        },
        errors,
        next,
    };
    let mut response = html(status, &page)?;
    if let Some(cookie) = stranger.cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}
