//! The one message a page shows after something was done. It travels in a cookie as a code, so
//! that nobody can make a link that puts words of their own on our pages.

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Note {
    /// A webhook was made.
    WebhookCreated,
    /// A webhook was changed.
    WebhookSaved,
    /// A webhook was switched off.
    WebhookDisabled,
    /// A webhook was switched on.
    WebhookEnabled,
    /// A webhook was switched on, and what it missed is sent.
    MissedSent,
    /// A webhook was switched on, and what it missed is skipped.
    MissedSkipped,
    /// A webhook was deleted.
    WebhookDeleted,
    /// A secret was rotated.
    SecretRotated,
    /// The old secrets sign no more.
    OldSecretsEnded,
    /// A delivery was put into the queue again.
    Resent,
    /// Everything that waits for a webhook is tried.
    TryingNow,
    /// An API key was revoked.
    KeyRevoked,
    /// The first admin was made.
    AdminCreated,
    /// Somebody signed out.
    SignedOut,
}

impl Note {
    const ALL: [Note; 14] = [
        Note::WebhookCreated,
        Note::WebhookSaved,
        Note::WebhookDisabled,
        Note::WebhookEnabled,
        Note::MissedSent,
        Note::MissedSkipped,
        Note::WebhookDeleted,
        Note::SecretRotated,
        Note::OldSecretsEnded,
        Note::Resent,
        Note::TryingNow,
        Note::KeyRevoked,
        Note::AdminCreated,
        Note::SignedOut,
    ];

    /// The code in the cookie.
    pub fn code(self) -> &'static str {
        match self {
            Note::WebhookCreated => "webhook-created",
            Note::WebhookSaved => "webhook-saved",
            Note::WebhookDisabled => "webhook-disabled",
            Note::WebhookEnabled => "webhook-enabled",
            Note::MissedSent => "missed-sent",
            Note::MissedSkipped => "missed-skipped",
            Note::WebhookDeleted => "webhook-deleted",
            Note::SecretRotated => "secret-rotated",
            Note::OldSecretsEnded => "old-secrets-ended",
            Note::Resent => "resent",
            Note::TryingNow => "trying-now",
            Note::KeyRevoked => "key-revoked",
            Note::AdminCreated => "admin-created",
            Note::SignedOut => "signed-out",
        }
    }

    /// The message.
    pub fn words(self) -> &'static str {
        match self {
            Note::WebhookCreated => "Webhook created.",
            Note::WebhookSaved => "Changes saved.",
            Note::WebhookDisabled => "Disabled. Events from now on are kept but not sent.",
            Note::WebhookEnabled => "Enabled. Events are sent again.",
            Note::MissedSent => "Enabled. The missed events are being sent, oldest first.",
            Note::MissedSkipped => "Enabled. The missed events were skipped.",
            Note::WebhookDeleted => "Webhook deleted. Its log entries stay until they expire.",
            Note::SecretRotated => "Secret rotated. Give the new one to the receiver.",
            Note::OldSecretsEnded => "Only the newest secret is in use now.",
            Note::Resent => "Sending again now.",
            Note::TryingNow => "The waiting deliveries are being tried now, oldest first.",
            Note::KeyRevoked => "API key revoked. It stopped working at once.",
            Note::AdminCreated => "Admin created. Sign in with that email and password.",
            Note::SignedOut => "You are signed out.",
        }
    }

    /// The note with that code.
    pub fn from_code(code: &str) -> Option<Note> {
        Note::ALL.into_iter().find(|note| note.code() == code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_note_comes_back_from_its_code() {
        for note in Note::ALL {
            assert_eq!(Note::from_code(note.code()), Some(note));
            assert!(note.words().ends_with('.'));
        }
        assert_eq!(Note::from_code("<b>"), None);
    }
}
