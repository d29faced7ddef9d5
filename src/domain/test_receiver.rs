//! The built-in test receiver: what it is called, and when it takes requests.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::Timestamp;

/// How long set-up lasts: from the making of the first admin.
const SETUP: Duration = Duration::from_secs(72 * 3_600);

/// Whether the test receiver takes requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReceiverSwitch {
    /// The operator wants it.
    On,
    /// It belongs to set-up, which has not begun: there is no admin yet.
    BeforeSetup,
    /// It belongs to set-up, which lasts until then.
    OnUntil(Timestamp),
    /// Set-up ended then, and the operator did not ask for it.
    OffSince(Timestamp),
    /// The operator does not want it.
    Off,
}

impl ReceiverSwitch {
    /// What holds at `now`, by the operator's word and by when the first admin was made.
    pub fn at(setting: Option<bool>, first_admin_at: Option<Timestamp>, now: Timestamp) -> ReceiverSwitch {
        match (setting, first_admin_at.map(|at| at.plus(SETUP))) {
            (Some(true), _) => ReceiverSwitch::On,
            (Some(false), _) => ReceiverSwitch::Off,
            (None, None) => ReceiverSwitch::BeforeSetup,
            (None, Some(end)) if now < end => ReceiverSwitch::OnUntil(end),
            (None, Some(end)) => ReceiverSwitch::OffSince(end),
        }
    }

    /// Whether requests are taken.
    pub fn is_on(self) -> bool {
        matches!(self, ReceiverSwitch::On | ReceiverSwitch::BeforeSetup | ReceiverSwitch::OnUntil(_))
    }
}

/// The last part of the test receiver's URL, which nobody can guess. It follows from the random
/// name that the data file has had since it was made, so it outlives restarts and moves along.
pub fn receiver_name(instance: &str) -> String {
    let mut hmac = Hmac::<Sha256>::new_from_slice(instance.as_bytes()).expect("HMAC takes a key of any length");
    hmac.update(b"test receiver");
    let bytes = hmac.finalize().into_bytes();
    format!("rcv_{}", URL_SAFE_NO_PAD.encode(&bytes[..12]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_there_for_set_up_unless_the_operator_decides() {
        let at = |hours: u64| Timestamp::from_millis(hours * 3_600_000);
        let cases = [
            (None, None, 500, ReceiverSwitch::BeforeSetup),
            (None, Some(at(1)), 72, ReceiverSwitch::OnUntil(at(73))),
            (None, Some(at(1)), 73, ReceiverSwitch::OffSince(at(73))),
            (Some(true), Some(at(1)), 500, ReceiverSwitch::On),
            (Some(false), None, 1, ReceiverSwitch::Off),
        ];
        for (setting, first, now, expected) in cases {
            assert_eq!(ReceiverSwitch::at(setting, first, at(now)), expected);
        }
        let on: Vec<_> = cases.iter().map(|case| case.3.is_on()).collect();
        assert_eq!(on, [true, true, false, true, false]);
    }

    #[test]
    fn its_name_is_the_same_for_the_same_data_file_alone() {
        let name = receiver_name("0123456789abcdef");
        assert_eq!(name, receiver_name("0123456789abcdef"));
        assert_ne!(name, receiver_name("0123456789abcdee"));
        assert!(name.starts_with("rcv_") && name.len() == 20, "{name}");
        assert!(!name.contains("0123"), "what it is made of does not show");
    }
}
