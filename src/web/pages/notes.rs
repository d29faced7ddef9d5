//! The one message a page shows after something was done. It travels in a cookie as a code, so
//! that nobody can make a link that puts words of their own on our pages.

use actix_web::{HttpResponse, http::header};

use super::cookies::{Cookie, Reached};

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
    /// Every selected delivery was put into the queue again.
    SelectedResent,
    /// Some of the selected ones were.
    SomeResent,
    /// None of the selected ones could be.
    NoneResent,
    /// No entry was selected.
    NothingSelected,
    /// A payload was deleted.
    PayloadDeleted,
    /// Everything that waits for a webhook is tried.
    TryingNow,
    /// An event type was added.
    EventTypeAdded,
    /// An event type that nothing used is gone.
    EventTypeDeleted,
    /// An event type is not offered any more.
    EventTypeRetired,
    /// A retired event type is offered again.
    EventTypeOffered,
    /// What of an event type is shown and kept was changed.
    EventTypePrivacySaved,
    /// An API key was revoked.
    KeyRevoked,
    /// The test receiver answers in another way.
    ReceiverAnswers,
    /// The test receiver checks signatures with another Secret.
    ReceiverCheck,
    /// The test receiver forgot what came.
    ReceiverCleared,
    /// Zone and theme are remembered.
    SettingsSaved,
    /// All sending is paused.
    SendingPaused,
    /// Sending goes on.
    SendingResumed,
    /// The first admin was made.
    AdminCreated,
    /// Somebody signed out.
    SignedOut,
    /// Some sessions ended.
    SessionsEnded,
    /// Somebody set their own password.
    PasswordChanged,
    /// Somebody's password was set.
    PasswordReset,
    /// Somebody has another role.
    RoleChanged,
    /// Somebody was added.
    UserAdded,
    /// Somebody was removed.
    UserDeleted,
    /// A second factor was removed.
    SecondFactorRemoved,
}

impl Note {
    const ALL: [Note; 37] = [
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
        Note::SelectedResent,
        Note::SomeResent,
        Note::NoneResent,
        Note::NothingSelected,
        Note::PayloadDeleted,
        Note::TryingNow,
        Note::EventTypeAdded,
        Note::EventTypeDeleted,
        Note::EventTypeRetired,
        Note::EventTypeOffered,
        Note::EventTypePrivacySaved,
        Note::KeyRevoked,
        Note::ReceiverAnswers,
        Note::ReceiverCheck,
        Note::ReceiverCleared,
        Note::SettingsSaved,
        Note::SendingPaused,
        Note::SendingResumed,
        Note::AdminCreated,
        Note::SignedOut,
        Note::SessionsEnded,
        Note::PasswordChanged,
        Note::PasswordReset,
        Note::RoleChanged,
        Note::UserAdded,
        Note::UserDeleted,
        Note::SecondFactorRemoved,
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
            Note::SelectedResent => "selected-resent",
            Note::SomeResent => "some-resent",
            Note::NoneResent => "none-resent",
            Note::NothingSelected => "nothing-selected",
            Note::PayloadDeleted => "payload-deleted",
            Note::TryingNow => "trying-now",
            Note::EventTypeAdded => "event-type-added",
            Note::EventTypeDeleted => "event-type-deleted",
            Note::EventTypeRetired => "event-type-retired",
            Note::EventTypeOffered => "event-type-offered",
            Note::EventTypePrivacySaved => "event-type-privacy-saved",
            Note::KeyRevoked => "key-revoked",
            Note::ReceiverAnswers => "receiver-answers",
            Note::ReceiverCheck => "receiver-check",
            Note::ReceiverCleared => "receiver-cleared",
            Note::SettingsSaved => "settings-saved",
            Note::SendingPaused => "sending-paused",
            Note::SendingResumed => "sending-resumed",
            Note::AdminCreated => "admin-created",
            Note::SignedOut => "signed-out",
            Note::SessionsEnded => "sessions-ended",
            Note::PasswordChanged => "password-changed",
            Note::PasswordReset => "password-reset",
            Note::RoleChanged => "role-changed",
            Note::UserAdded => "user-added",
            Note::UserDeleted => "user-deleted",
            Note::SecondFactorRemoved => "second-factor-removed",
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
            Note::SelectedResent => "Sending the selected entries again now.",
            Note::SomeResent => {
                "Sending again what can be sent. Tests, and entries whose webhook is off or deleted or whose \
                 payload was deleted, were passed over."
            }
            Note::NoneResent => {
                "Nothing was sent again: these are tests, or their webhook is off or deleted, or their payload was \
                 deleted."
            }
            Note::NothingSelected => "Nothing was selected. Tick the entries to send again.",
            Note::PayloadDeleted => "Payload deleted. The entry itself stays.",
            Note::TryingNow => "The waiting deliveries are being tried now, oldest first.",
            Note::EventTypeAdded => "Event type added.",
            Note::EventTypeDeleted => "Event type deleted. Nothing used it.",
            Note::EventTypeRetired => "Event type retired. It is not offered any more; who selected it still gets it.",
            Note::EventTypeOffered => "Event type offered again.",
            Note::EventTypePrivacySaved => "Saved. Masked fields are masked in older events too.",
            Note::KeyRevoked => "API key revoked. It stopped working at once.",
            Note::ReceiverAnswers => "Saved. The test receiver answers so from now on.",
            Note::ReceiverCheck => "Signatures are checked so from now on.",
            Note::ReceiverCleared => "Cleared.",
            Note::SettingsSaved => "Settings saved in this browser.",
            Note::SendingPaused => "All sending is paused. Events are taken and wait.",
            Note::SendingResumed => "Sending goes on.",
            Note::AdminCreated => "Admin created. Sign in with that email and password.",
            Note::SignedOut => "You are signed out.",
            Note::SessionsEnded => "Sessions ended; who had them has to sign in again.",
            Note::PasswordChanged => "Password changed. Every other browser was signed out.",
            Note::PasswordReset => "Password set. Every session of that user has ended.",
            Note::RoleChanged => "Role saved.",
            Note::UserAdded => "User added. Tell them their password by a way of your own.",
            Note::UserDeleted => "User deleted.",
            Note::SecondFactorRemoved => "Second factor removed.",
        }
    }

    /// An answer that leads on, with this message for the page there.
    pub fn with(self, mut response: HttpResponse, secure: Reached) -> HttpResponse {
        response.headers_mut().append(header::SET_COOKIE, Cookie::Note.keep(self.code(), Some(60), secure));
        response
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
