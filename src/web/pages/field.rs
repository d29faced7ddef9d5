//! A field of a form that takes one line of text, with its label, hint and fault.

use askama::{Template, filters::HtmlSafe};

/// A field for one line of text.
#[derive(Template, Debug, Clone)]
#[template(path = "parts/text_field.html")]
pub struct TextField {
    /// Its name, and its id on the page.
    pub name: &'static str,
    /// What it is.
    pub label: &'static str,
    /// `text`, `email` or `password`.
    pub kind: &'static str,
    /// What is in it.
    pub value: String,
    /// What to know before typing.
    pub hint: &'static str,
    /// What is wrong with it.
    pub fault: String,
    /// What a password manager may fill in; empty for nothing.
    pub autocomplete: &'static str,
    /// Whether it may be left empty.
    pub optional: bool,
    /// Whether its text is set in the even font.
    pub mono: bool,
}

impl TextField {
    /// A field that must be filled in.
    pub fn new(name: &'static str, label: &'static str, value: impl Into<String>) -> TextField {
        TextField {
            name,
            label,
            kind: "text",
            value: value.into(),
            hint: "",
            fault: String::new(),
            autocomplete: "off",
            optional: false,
            mono: false,
        }
    }

    /// The ids of what describes it, for those who cannot see it.
    fn described_by(&self) -> String {
        let parts = [("hint", !self.hint.is_empty()), ("fault", !self.fault.is_empty())];
        let ids = parts.iter().filter(|(_, there)| *there).map(|(part, _)| format!("{}-{part}", self.name));
        ids.collect::<Vec<_>>().join(" ")
    }
}

impl HtmlSafe for TextField {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_typed_stays_inside_its_field() {
        let field = TextField {
            fault: "Enter <it>.".into(),
            ..TextField::new("email", "Email", r#""><script>alert(1)</script>{{7*7}}"#)
        };
        let shown = field.to_string();
        assert!(shown.contains(r#"value="&#34;&#62;&#60;script&#62;alert(1)&#60;/script&#62;{{7*7}}""#), "{shown}");
        assert!(shown.contains(r#"aria-describedby="email-fault" aria-invalid="true""#), "{shown}");
        assert!(shown.contains("Enter &#60;it&#62;."), "{shown}");
    }
}
