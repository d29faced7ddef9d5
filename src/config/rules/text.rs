//! Rules for text that has a form, and for secrets.

use std::ops::RangeInclusive;

use super::{Given, Refusal, Rule};
use crate::{config::secret::Password, domain::Secret};

/// Text that `parse` understands; where it does not, it may say why.
pub(in crate::config) struct Text<T> {
    pub(super) allowed: &'static str,
    pub(super) parse: fn(&str) -> Result<T, String>,
}

impl<T> Rule<T> for Text<T> {
    fn allowed(&self) -> String {
        self.allowed.to_owned()
    }

    fn read(&self, given: &Given<'_>) -> Result<T, Refusal> {
        let text = given.value.text().ok_or_else(|| given.refused(""))?;
        (self.parse)(text).map_err(|why| given.refused(why))
    }
}

/// An email address. Only its outline is checked: whether mail arrives there is not for us to say.
pub(in crate::config) fn email() -> Text<String> {
    Text {
        allowed: "an email address such as admin@example.com, of at most 254 characters",
        parse: |text| match text.split_once('@') {
            Some((name, host))
                if !name.is_empty()
                    && !host.is_empty()
                    && !host.contains('@')
                    && text.chars().count() <= 254
                    && !text.contains(|character: char| character.is_whitespace() || character.is_control()) =>
            {
                Ok(text.to_owned())
            }
            _ => Err(String::new()),
        },
    }
}

/// A secret of so many characters, taken exactly as given, or empty for none. It is never repeated.
pub(in crate::config) struct SecretText {
    pub(in crate::config) characters: RangeInclusive<usize>,
}

impl Rule<Option<Password>> for SecretText {
    fn allowed(&self) -> String {
        format!("text of {} to {} characters, or empty for none", self.characters.start(), self.characters.end())
    }

    fn read(&self, given: &Given<'_>) -> Result<Option<Password>, Refusal> {
        let refused = |told: String| Refusal { told, why: String::new() };
        match given.value.text() {
            None => Err(refused("not text".to_owned())),
            Some("") => Ok(None),
            Some(text) => match text.chars().count() {
                count if self.characters.contains(&count) => Ok(Some(Password::new(text))),
                count => Err(refused(format!("a text of {count} characters"))),
            },
        }
    }
}

/// What a webhook is signed with, or empty for none. It is never repeated.
pub(in crate::config) struct SigningSecret;

impl Rule<Option<Secret>> for SigningSecret {
    fn allowed(&self) -> String {
        "text of 16 to 256 characters, base64 after whsec_ if it begins so, or empty for none".to_owned()
    }

    fn read(&self, given: &Given<'_>) -> Result<Option<Secret>, Refusal> {
        let refused = |why: &str| Refusal { told: "no Secret".to_owned(), why: why.trim_end_matches('.').to_owned() };
        match given.value.text() {
            None => Err(refused("it is not text")),
            Some("") => Ok(None),
            Some(text) => Secret::parse(text).map(Some).map_err(|fault| refused(&fault.message)),
        }
    }
}
