//! The colours a person chose. The choice is a cookie and is written into the page on the server,
//! so that no page flashes in the other colours first.

use actix_web::HttpRequest;

use super::cookies::{Cookie, Reached};

/// Which colours a page has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Theme {
    /// As the system is set.
    #[default]
    System,
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

impl Theme {
    /// Every theme.
    pub const ALL: [Theme; 3] = [Theme::System, Theme::Light, Theme::Dark];

    /// The theme that a request's cookie names.
    pub fn of(request: &HttpRequest, secure: Reached) -> Theme {
        let code = Cookie::Theme.read(request.headers(), secure);
        code.and_then(|code| Theme::from_code(&code)).unwrap_or_default()
    }

    /// The theme with that code.
    pub fn from_code(code: &str) -> Option<Theme> {
        Theme::ALL.into_iter().find(|theme| theme.code() == code)
    }

    /// Its code, in the cookie and in the form.
    pub fn code(self) -> &'static str {
        match self {
            Theme::System => "system",
            Theme::Light => "light",
            Theme::Dark => "dark",
        }
    }

    /// Its name on the page.
    pub fn words(self) -> &'static str {
        match self {
            Theme::System => "System",
            Theme::Light => "Light",
            Theme::Dark => "Dark",
        }
    }

    /// What the page is marked with; nothing leaves it to the system.
    pub fn mark(self) -> Option<&'static str> {
        (self != Theme::System).then(|| self.code())
    }
}
