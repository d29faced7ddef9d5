//! The page that says why there is no page.

use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;

use super::{parts::CopyValue, theme::Theme};
use crate::domain::{Problem, ProblemKind};
use crate::web::{
    assets::{Assets, assets},
    problem::{Refusal, Reply},
};

/// The page that says why there is no page.
#[derive(Template)]
#[template(path = "error.html")]
pub struct ErrorPage {
    title: &'static str,
    words: String,
    search: bool,
    code: Option<CopyValue>,
    status: StatusCode,
    theme: Theme,
    assets: &'static Assets,
}

impl ErrorPage {
    /// The page for a refusal of the request `id`.
    pub fn new(refusal: &Refusal, id: &str, theme: Theme) -> ErrorPage {
        let problem = &refusal.problem;
        let (title, words) = match (refusal.status, problem.code) {
            (StatusCode::NOT_FOUND, "setup_link") => ("This setup link is not valid", problem.detail.clone()),
            (StatusCode::NOT_FOUND, "no_page") => ("Not found", "There is no page at this address.".to_owned()),
            (StatusCode::NOT_FOUND, _) => ("Not found", problem.detail.clone()),
            (StatusCode::METHOD_NOT_ALLOWED, _) => {
                ("Not this way", "This address takes forms only. Go back and use the button there.".to_owned())
            }
            (_, "form_expired") => ("This form had expired", problem.detail.clone()),
            (StatusCode::FORBIDDEN, _) => ("Not allowed", problem.detail.clone()),
            (StatusCode::CONFLICT | StatusCode::PRECONDITION_FAILED, _) => {
                ("Changed meanwhile", problem.detail.clone())
            }
            (StatusCode::SERVICE_UNAVAILABLE, _) => ("Not possible at present", problem.detail.clone()),
            (StatusCode::TOO_MANY_REQUESTS, _) => ("Too many tries", problem.detail.clone()),
            (status, _) if status.is_server_error() => (
                "Something went wrong on our side",
                "Nothing was lost. The server's log has the cause under this code.".to_owned(),
            ),
            _ => ("Not understood", problem.detail.clone()),
        };
        let code = refusal.status.is_server_error().then(|| CopyValue {
            id: "code",
            label: "Code of this error",
            value: id.to_owned(),
        });
        let search = refusal.status == StatusCode::NOT_FOUND && problem.code != "setup_link";
        ErrorPage { title, words, search, code, status: refusal.status, theme, assets: assets() }
    }

    /// The answer.
    pub fn response(&self) -> HttpResponse {
        let body = self.render().unwrap_or_else(|_| self.title.to_owned());
        HttpResponse::build(self.status).content_type("text/html; charset=utf-8").body(body)
    }
}

/// Every address that has no page.
pub async fn no_page() -> Reply {
    Err(Problem::new(ProblemKind::NotFound, "no_page", "There is no page at this address.").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_ours_has_a_code_and_a_missing_page_a_search() {
        let ours = ErrorPage::new(&Problem::internal().into(), "req_1", Theme::System).to_string();
        assert!(ours.contains("Nothing was lost") && ours.contains("req_1"), "{ours}");
        let missing = ErrorPage::new(&Problem::not_found("log entry").into(), "req_2", Theme::Dark).to_string();
        assert!(missing.contains("There is no such log entry.") && missing.contains("Log ID"), "{missing}");
        assert!(!missing.contains("req_2") && missing.contains(r#"data-theme="dark""#));
        assert!(ours.contains(r#"data-copy="code""#) && !ours.contains("data-theme"));
    }
}
