//! Accounts and the CRM's own ids for events: short texts that come from outside.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Fault;

/// The customer of the CRM that owns events and webhooks; `default` if none is named.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AccountId(String);

impl AccountId {
    /// Most characters of an account's name.
    pub const MAX_CHARS: usize = 64;

    /// Letters, digits and `_ . : @ -`, 1 to 64 of them.
    ///
    /// # Errors
    /// Any other text.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_.:@-".contains(&byte);
        if (1..=Self::MAX_CHARS).contains(&text.len()) && text.bytes().all(allowed) {
            return Ok(AccountId(text.to_owned()));
        }
        Err(Fault::new("invalid_account", "An account is 1 to 64 letters, digits and the characters _ . : @ and -."))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for AccountId {
    fn default() -> Self {
        AccountId("default".to_owned())
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The caller's own id of an event, unique within its account.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ExternalId(String);

impl ExternalId {
    /// Most characters of a caller's id.
    pub const MAX_CHARS: usize = 255;

    /// 1 to 255 printable characters.
    ///
    /// # Errors
    /// Empty or longer text, control characters, or characters that hide or reorder text.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let count = text.chars().count();
        if (1..=Self::MAX_CHARS).contains(&count) && !text.chars().any(|c| c.is_control() || is_invisible(c)) {
            return Ok(ExternalId(text.to_owned()));
        }
        Err(Fault::new("invalid_id", "An id of your own is 1 to 255 printable characters."))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ExternalId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Marks that change the direction of text, zero-width characters and line separators.
pub(super) fn is_invisible(character: char) -> bool {
    matches!(character, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_short_plain_names() {
        for good in ["default", "acme-1", "a.b:c@d_e", &"x".repeat(64)] {
            assert_eq!(AccountId::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", " ", "a b", "é", "a/b", &"x".repeat(65)] {
            assert!(AccountId::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_callers_id_is_printable() {
        for good in ["crm-000123", "Zürich 7", "客户", &"x".repeat(255)] {
            assert_eq!(ExternalId::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "a\nb", "a\u{0}", "a\u{202E}b", &"x".repeat(256)] {
            assert!(ExternalId::parse(bad).is_err(), "{bad:?}");
        }
    }
}
