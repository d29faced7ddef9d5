//! Small pieces that many pages show. Each is a template of its own and writes safe HTML, so that
//! a page writes `{{ row.at }}` and no filter.

use std::fmt;

use askama::{Template, filters::HtmlSafe};

use super::text::display_line;
use crate::domain::{Health, Status};

/// A time.
#[derive(Template, Debug, Clone, PartialEq, Eq)]
#[template(source = r#"<time datetime="{{ machine }}" title="{{ title }}">{{ text }}</time>"#, ext = "html")]
pub struct Moment {
    /// As people read it.
    pub text: String,
    /// RFC 3339 in UTC.
    pub machine: String,
    /// The exact time in UTC.
    pub title: String,
}

/// A name from outside: on its own in the direction of writing, unseen characters marked.
#[derive(Template, Debug, Clone, PartialEq, Eq)]
#[template(source = r#"<bdi>{{ text }}</bdi>"#, ext = "html")]
pub struct Name {
    /// The name as it is shown.
    pub text: String,
}

impl Name {
    /// The name `text`.
    pub fn new(text: &str) -> Name {
        Name { text: display_line(text).into_owned() }
    }
}

/// A picture of one colour. It says nothing that the word beside it does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Icon {
    /// The product.
    Hook,
    /// Done, healthy.
    Tick,
    /// Failed.
    Cross,
    /// Waiting.
    Clock,
    /// Off.
    Dash,
    /// New.
    Dot,
    /// Something to know.
    Info,
    /// Something to see to.
    Warning,
    /// Nothing here.
    Tray,
}

impl Icon {
    fn paths(self) -> &'static str {
        match self {
            Icon::Hook => r#"<path d="M11.4 5.2v5a3.9 3.9 0 1 1-7.8 0V9l2 2"/><circle cx="11.4" cy="3.4" r="1.5"/>"#,
            Icon::Tick => r#"<path d="M3 8.5l3.2 3.2L13 5"/>"#,
            Icon::Cross => r#"<path d="M4 4l8 8M12 4l-8 8"/>"#,
            Icon::Clock => r#"<circle cx="8" cy="8" r="5.6"/><path d="M8 5v3.2l2 1.2"/>"#,
            Icon::Dash => r#"<path d="M4 8h8"/>"#,
            Icon::Dot => r#"<circle cx="8" cy="8" r="3"/>"#,
            Icon::Info => r#"<circle cx="8" cy="8" r="6"/><path d="M8 7.5v3.2M8 5v.1"/>"#,
            Icon::Warning => r#"<path d="M8 2.5l6 11H2zM8 6.5v3M8 11.6v.1"/>"#,
            Icon::Tray => r#"<path d="M2.5 9.5l2-6h7l2 6v3.5h-11zM2.5 9.5h3l1 1.5h3l1-1.5h3"/>"#,
        }
    }
}

impl fmt::Display for Icon {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, r#"<svg class="icon" viewBox="0 0 16 16" aria-hidden="true">{}</svg>"#, self.paths())
    }
}

/// How good something is; decides its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// As it should be.
    Good,
    /// Not as it should be.
    Bad,
    /// Under way.
    Wait,
    /// Neither.
    Calm,
}

impl Tone {
    /// Its class in the style sheet.
    pub fn class(self) -> &'static str {
        match self {
            Tone::Good => "good",
            Tone::Bad => "bad",
            Tone::Wait => "wait",
            Tone::Calm => "calm",
        }
    }
}

/// Icon, word and colour.
#[derive(Template, Debug, Clone, Copy, PartialEq, Eq)]
#[template(source = r#"<span class="status {{ tone.class() }}">{{ icon }} {{ word }}</span>"#, ext = "html")]
pub struct Badge {
    /// The colour.
    pub tone: Tone,
    /// The icon.
    pub icon: Icon,
    /// The word.
    pub word: &'static str,
}

impl From<Status> for Badge {
    fn from(status: Status) -> Self {
        let (tone, icon) = match status {
            Status::Success => (Tone::Good, Icon::Tick),
            Status::Failed => (Tone::Bad, Icon::Cross),
            Status::Pending => (Tone::Wait, Icon::Clock),
        };
        Badge { tone, icon, word: status.word() }
    }
}

impl From<Health> for Badge {
    fn from(health: Health) -> Self {
        let (tone, icon) = match health {
            Health::Healthy => (Tone::Good, Icon::Tick),
            Health::Failing => (Tone::Bad, Icon::Cross),
            Health::Off => (Tone::Calm, Icon::Dash),
            Health::New => (Tone::Calm, Icon::Dot),
        };
        Badge { tone, icon, word: health.word() }
    }
}

/// A value to copy: a read-only field that selects itself, and a button for those with a script.
#[derive(Template, Debug, Clone, PartialEq, Eq)]
#[template(path = "parts/copy.html")]
pub struct CopyValue {
    /// Id of the field, unique on its page.
    pub id: &'static str,
    /// What the field holds, for those who cannot see it.
    pub label: &'static str,
    /// The value.
    pub value: String,
}

impl HtmlSafe for Moment {}
impl HtmlSafe for Name {}
impl HtmlSafe for Icon {}
impl HtmlSafe for Badge {}
impl HtmlSafe for CopyValue {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_text() {
        let name = Name::new("<script>alert(1)</script>\u{202E}&\"'");
        assert_eq!(name.to_string(), "<bdi>&#60;script&#62;alert(1)&#60;/script&#62;⟦U+202E⟧&#38;&#34;&#39;</bdi>");
    }

    #[test]
    fn a_status_is_an_icon_a_word_and_a_colour() {
        let shown = Badge::from(Status::Failed).to_string();
        assert!(shown.starts_with(r#"<span class="status bad"><svg class="icon""#), "{shown}");
        assert!(shown.ends_with("</svg> Failed</span>"), "{shown}");
    }
}
