//! What people may do. Every question whether a person may do something ends in [`Role::may`].

use serde::{Deserialize, Serialize};

use super::{Problem, ProblemKind, Scope};

/// What a person may do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// Everything.
    #[default]
    #[serde(rename = "admin")]
    Admin,
    /// Look at webhooks, events and the log; no secrets, no set-up, no changes.
    #[serde(rename = "read-only")]
    ReadOnly,
}

/// What somebody needs to be allowed for a page or a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// To look at what everybody who signs in may see.
    Look,
    /// To see to their own account and browser.
    Own,
    /// To change something, or to see what only admins see.
    Admin,
}

impl Role {
    /// Every role.
    pub const ALL: [Role; 2] = [Role::Admin, Role::ReadOnly];

    /// Fails unless the role allows what is needed.
    ///
    /// # Errors
    /// `read_only`.
    pub fn may(self, need: Need) -> Result<(), Problem> {
        match (self, need) {
            (Role::Admin, _) | (Role::ReadOnly, Need::Look | Need::Own) => Ok(()),
            (Role::ReadOnly, Need::Admin) => {
                let detail = "You can look but not change. Ask an admin.";
                Err(Problem::new(ProblemKind::Forbidden, "read_only", detail))
            }
        }
    }

    /// What of the API's scopes it comes to.
    pub fn scopes(self) -> &'static [Scope] {
        match self {
            Role::Admin => &Scope::ALL,
            Role::ReadOnly => &[Scope::EventsRead, Scope::LogsRead, Scope::WebhooksRead],
        }
    }

    /// Its name, in forms and commands.
    pub fn code(self) -> &'static str {
        match self {
            Role::Admin => "admin",
            Role::ReadOnly => "read-only",
        }
    }

    /// Its name, for people.
    pub fn word(self) -> &'static str {
        match self {
            Role::Admin => "Admin",
            Role::ReadOnly => "Read-only",
        }
    }

    /// What it allows, in one line.
    pub fn meaning(self) -> &'static str {
        match self {
            Role::Admin => "Sees and changes everything, secrets and users too",
            Role::ReadOnly => "Looks at webhooks, events and logs; changes nothing and sees no secrets",
        }
    }

    /// The role of that name.
    pub fn from_code(code: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.code() == code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_each_role_may() {
        for need in [Need::Look, Need::Own, Need::Admin] {
            assert_eq!(Role::Admin.may(need), Ok(()), "{need:?}");
            assert_eq!(Role::ReadOnly.may(need).is_ok(), need != Need::Admin, "{need:?}");
        }
        let changing = Role::ReadOnly.scopes().iter().find(|scope| !scope.code().ends_with(":read"));
        assert_eq!(changing, None);
        assert!(!Role::ReadOnly.scopes().contains(&Scope::SecretsRead));
        for role in Role::ALL {
            assert_eq!(Role::from_code(role.code()), Some(role));
        }
        assert_eq!(Role::from_code("root"), None);
    }
}
