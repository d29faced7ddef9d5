//! `/sign-in`.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
};
use askama::Template;

use super::{
    carry_out,
    cookies::{Cookie, Reached},
    field::TextField,
    form::{FormMark, Posted},
    notes::Note,
    page::{Errors, html, see_other},
    text,
    theme::Theme,
    visitor::{Stranger, browser},
};
use crate::{
    domain::ProblemKind,
    service::{SignIn, SignInStep, SignedIn},
    web::{
        State,
        assets::Assets,
        problem::{Reply, status},
        query::Query,
    },
};

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage {
    title: &'static str,
    theme: Theme,
    assets: &'static Assets,
    form: FormMark,
    note: Option<&'static str>,
    errors: Errors,
    email: TextField,
    password: TextField,
    stay: bool,
    next: String,
}

/// Shows the form.
pub async fn show(request: HttpRequest, stranger: Stranger) -> Reply {
    let next = own_path(&Query::parse(request.query_string()).take("next").unwrap_or_default());
    if stranger.signed_in {
        return Ok(see_other(&next));
    }
    let note = Cookie::Note.read(request.headers(), stranger.secure).and_then(|code| Note::from_code(&code));
    let secure = stranger.secure;
    let mut response = page(stranger, StatusCode::OK, "", true, next, note, Errors::default())?;
    if note.is_some() {
        response.headers_mut().append(header::SET_COOKIE, Cookie::Note.drop(secure));
    }
    Ok(response)
}

/// Signs in: a new session, whatever cookie came along.
pub async fn submit(state: State, request: HttpRequest, stranger: Stranger, posted: Posted) -> Reply {
    let form = posted.of(&stranger.key);
    let fields = &form.fields;
    let (email, next, stay) = (fields.get("email"), own_path(fields.get("next")), fields.ticked("stay"));
    if !form.fresh {
        return page(stranger, StatusCode::FORBIDDEN, email, stay, next, None, Errors::expired());
    }
    let browser = browser(&state, &request, stranger.token.clone());
    let sign_in = SignIn { email: email.to_owned(), password: fields.get("password").to_owned(), stay, browser };
    let service = state.service().clone();
    let step = match carry_out(async move { service.sign_in(sign_in).await }).await {
        Ok(step) => step,
        Err(refusal) if matches!(refusal.problem.kind, ProblemKind::Invalid | ProblemKind::TooMany) => {
            let problem = refusal.problem;
            let errors = Errors { general: vec![problem.detail], ..Errors::default() };
            let mut response = page(stranger, status(problem.kind), email, stay, next, None, errors)?;
            if let Some(seconds) = problem.retry_after_s {
                response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
            }
            return Ok(response);
        }
        Err(refusal) => return Err(refusal),
    };
    match step {
        SignInStep::Done(signed_in) => Ok(let_in(&state, &signed_in, &next, stranger.secure)),
        SignInStep::Code(token) => {
            let mut response = see_other(&format!("/sign-in/code?next={}", text::query_value(&next)));
            response.headers_mut().append(header::SET_COOKIE, Cookie::HalfWay.keep(&token, None, stranger.secure));
            Ok(response)
        }
    }
}

/// Leads on with the cookie of a new session.
pub fn let_in(state: &State, signed_in: &SignedIn, next: &str, secure: Reached) -> HttpResponse {
    let seconds = (signed_in.expires_at - state.service().now()).as_secs();
    let mut response = see_other(next);
    let session = Cookie::Session.keep(&signed_in.token, signed_in.stay.then_some(seconds), secure);
    for cookie in [session, Cookie::Stranger.drop(secure), Cookie::HalfWay.drop(secure)] {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

fn page(
    stranger: Stranger,
    status: StatusCode,
    email: &str,
    stay: bool,
    next: String,
    note: Option<Note>,
    errors: Errors,
) -> Reply {
    let page = SignInPage {
        title: if errors.is_empty() { "Sign in" } else { "Error: Sign in" },
        theme: stranger.theme,
        assets: stranger.assets,
        form: stranger.mark,
        note: note.map(Note::words),
        email: TextField { kind: "email", autocomplete: "username", ..TextField::new("email", "Email", email) },
        // A password is never sent back, not even to the one who typed it.
        password: TextField {
            kind: "password",
            autocomplete: "current-password",
            ..TextField::new("password", "Password", "")
        },
        errors,
        stay,
        next,
    };
    let mut response = html(status, &page)?;
    if let Some(cookie) = stranger.cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// The address to go to after sign-in: a path of this server, or the first page.
pub fn own_path(next: &str) -> String {
    let is_ours = next.starts_with('/')
        && !next.starts_with("//")
        && !next.contains('\\')
        && !next.starts_with("/sign-")
        && next.len() <= 2_000
        && next.bytes().all(|byte| byte.is_ascii_graphic());
    if is_ours { next.to_owned() } else { "/".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::own_path;

    #[test]
    fn only_own_paths_are_gone_to() {
        for good in ["/", "/integration/webhook-logs?status=failed&q=a%20b"] {
            assert_eq!(own_path(good), good);
        }
        for bad in
            ["", "//evil", "https://evil", "/\\evil", "javascript:alert(1)", "/\t/evil", "/a\r\nb", "evil", "/sign-out"]
        {
            assert_eq!(own_path(bad), "/", "{bad:?}");
        }
    }
}
