//! `/sign-in`.

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
    notes::Note,
    page::{Errors, html, see_other},
    theme::Theme,
    visitor::Stranger,
};
use crate::{
    domain::ProblemKind,
    service::SignIn,
    web::{
        State,
        assets::Assets,
        peer,
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
    let address = peer::address(&request, state.trusted_proxies());
    let sign_in = SignIn {
        email: email.to_owned(),
        password: fields.get("password").to_owned(),
        // Without an address (a Unix socket) all are counted together.
        address: address.unwrap_or(std::net::IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED)),
    };
    let service = state.service().clone();
    let signed_in = match carry_out(async move { service.sign_in(sign_in).await }).await {
        Ok(signed_in) => signed_in,
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
    let seconds = (signed_in.expires_at - state.service().now()).as_secs();
    let mut response = see_other(&next);
    let session = Cookie::Session.keep(&signed_in.token, stay.then_some(seconds), stranger.secure);
    response.headers_mut().append(header::SET_COOKIE, session);
    response.headers_mut().append(header::SET_COOKIE, Cookie::Stranger.drop(stranger.secure));
    Ok(response)
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
fn own_path(next: &str) -> String {
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
