//! A pause of all sending. Events are taken meanwhile and wait; nothing counts as a failure.

use serde::{Deserialize, Serialize};

use super::{Fault, Timestamp, WebhookState};

/// Longest reason, in characters.
const MAX_REASON_CHARS: usize = 200;

/// All sending is paused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Since when.
    pub at: Timestamp,
    /// Who paused it.
    pub by: String,
    /// Why.
    pub reason: String,
}

impl Pause {
    /// Reads a reason as a person types it: one line, not empty.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn reason(text: &str) -> Result<String, Fault> {
        let text = text.trim();
        let fault = |message: &str| Err(Fault::new("invalid_reason", message).at("/reason"));
        match text.chars().count() {
            0 => fault("Enter the reason. Everybody who signs in will see it."),
            count if count > MAX_REASON_CHARS => fault("Use at most 200 characters for the reason."),
            _ if text.chars().any(char::is_control) => fault("The reason must be one line."),
            _ => Ok(text.to_owned()),
        }
    }

    /// The moment that webhooks are judged at: while nothing is sent, none of them grows worse.
    pub fn judged_at(pause: Option<&Pause>, now: Timestamp) -> Timestamp {
        pause.map_or(now, |pause| pause.at.min(now))
    }

    /// Takes the pause, which ends at `now`, out of a spell of failure.
    pub fn leave_out(&self, state: &mut WebhookState, now: Timestamp) {
        state.failing_since = state.failing_since.map(|since| self.later(since, now));
    }

    /// A moment that something is counted from, moved by as much of the pause as lay behind it.
    pub fn later(&self, since: Timestamp, now: Timestamp) -> Timestamp {
        since.plus(now - self.at.max(since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000)
    }

    #[test]
    fn a_pause_does_not_lengthen_a_spell_of_failure() {
        let pause = Pause { at: at(100), by: String::new(), reason: String::new() };
        for (since, moved, story) in [
            (Some(40), Some(340), "60 s of failing before the pause are 60 s after it"),
            (Some(150), Some(400), "what failed in it, begun before, has failed since its end"),
            (None, None, "all is well"),
        ] {
            let mut state = WebhookState { failing_since: since.map(at), ..WebhookState::default() };
            pause.leave_out(&mut state, at(400));
            assert_eq!(state.failing_since, moved.map(at), "{story}");
        }
        assert_eq!(Pause::judged_at(Some(&pause), at(400)), at(100));
        assert_eq!(Pause::judged_at(None, at(400)), at(400));
    }

    #[test]
    fn a_reason_is_one_line() {
        assert_eq!(Pause::reason("  ERP migration "), Ok("ERP migration".to_owned()));
        for bad in ["", "  ", "a\nb", &"x".repeat(201)] {
            assert_eq!(Pause::reason(bad).unwrap_err().pointer, "/reason", "{bad:?}");
        }
    }
}
