//! On whose behalf something is done, and whether they may.

use std::net::IpAddr;

use super::{AccountId, ApiKey, Need, Problem, ProblemKind, Role, Scope, User, UserId};

/// How the configuration is named as an actor.
const CONFIGURATION: &str = "configuration:";

/// On whose behalf something is done. Every service function takes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// What the audit log and "started by" show: a person's email or `key:NAME`.
    pub name: String,
    scopes: Vec<Scope>,
    account: Option<AccountId>,
    /// A person's role; a program has none.
    role: Option<Role>,
    /// Which person.
    user: Option<UserId>,
    /// Where they are, for the audit log.
    address: Option<IpAddr>,
}

impl Actor {
    /// A signed-in admin, who may do everything.
    pub fn admin(email: impl Into<String>) -> Self {
        Actor::person(email, Role::Admin)
    }

    /// Somebody who signed in.
    pub fn user(user: &User) -> Self {
        Actor { user: Some(user.id), ..Actor::person(&user.email, user.role) }
    }

    /// The operator at the command line.
    pub fn operator() -> Self {
        Actor::admin("command line")
    }

    /// The configuration, for what it sets up under that name. No person and no key is called so.
    pub fn configuration(name: &str) -> Self {
        Actor::admin(format!("{CONFIGURATION}{name}"))
    }

    /// Whether it is the configuration.
    pub fn is_configuration(&self) -> bool {
        self.name.starts_with(CONFIGURATION)
    }

    /// A program with an API key.
    pub fn key(key: &ApiKey) -> Self {
        Actor {
            name: format!("key:{}", key.name),
            scopes: key.scopes.clone(),
            account: key.account.clone(),
            role: None,
            user: None,
            address: None,
        }
    }

    fn person(email: impl Into<String>, role: Role) -> Self {
        let scopes = role.scopes().to_vec();
        Actor { name: email.into(), scopes, account: None, role: Some(role), user: None, address: None }
    }

    /// The same actor, and where they are.
    pub fn at(self, address: Option<IpAddr>) -> Self {
        Actor { address, ..self }
    }

    /// Where they are, if that is known.
    pub fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// Which person it is; `None` for a program and for the operator.
    pub fn user_id(&self) -> Option<UserId> {
        self.user
    }

    /// What it may do.
    pub fn scopes(&self) -> &[Scope] {
        &self.scopes
    }

    /// The only account it may see; all of them if `None`.
    pub fn account(&self) -> Option<&AccountId> {
        self.account.as_ref()
    }

    /// Fails unless the actor has `scope`.
    ///
    /// # Errors
    /// `missing_scope`, naming it; `read_only` for a person who may only look.
    pub fn require(&self, scope: Scope) -> Result<(), Problem> {
        if self.scopes.contains(&scope) {
            return Ok(());
        }
        if let Some(role) = self.role {
            role.may(Need::Admin)?;
        }
        let detail = format!("This API key lacks the scope {}.", scope.code());
        Err(Problem::new(ProblemKind::Forbidden, "missing_scope", detail))
    }

    /// Fails unless the actor has `scope` and may see every account: what it changes is everybody's.
    ///
    /// # Errors
    /// `missing_scope`, `read_only`; `wrong_account` for a key that is limited to one account.
    pub fn require_for_all(&self, scope: Scope) -> Result<(), Problem> {
        self.require(scope)?;
        if self.account.is_none() {
            return Ok(());
        }
        let detail = "This API key is limited to one account, and this belongs to all of them.";
        Err(Problem::new(ProblemKind::Forbidden, "wrong_account", detail))
    }

    /// Fails unless the actor has one of `scopes`.
    ///
    /// # Errors
    /// `missing_scope`, naming the first; `read_only`.
    pub fn require_one(&self, scopes: &[Scope]) -> Result<(), Problem> {
        match scopes.iter().any(|scope| self.scopes.contains(scope)) {
            true => Ok(()),
            false => scopes.iter().try_for_each(|scope| self.require(*scope)),
        }
    }

    /// Fails unless the actor is a person whose role allows what is needed.
    ///
    /// # Errors
    /// `read_only` for a person who may only look, `people_only` for a program.
    pub fn may(&self, need: Need) -> Result<(), Problem> {
        match self.role {
            Some(role) => role.may(need),
            None => Err(Problem::new(ProblemKind::Forbidden, "people_only", "An API key cannot do this.")),
        }
    }

    /// The account a request is about: the one it names, or the actor's own, or `default`.
    ///
    /// # Errors
    /// `wrong_account` if the actor may see another account only.
    pub fn resolve_account(&self, named: Option<AccountId>) -> Result<AccountId, Problem> {
        match (named, &self.account) {
            (None, own) => Ok(own.clone().unwrap_or_default()),
            (Some(named), None) => Ok(named),
            (Some(named), Some(own)) if named == *own => Ok(named),
            (Some(_), Some(_)) => Err(Problem::new(
                ProblemKind::Forbidden,
                "wrong_account",
                "This API key is limited to another account.",
            )),
        }
    }

    /// The account that lists are limited to: the one it names or the actor's own; `None` for all.
    ///
    /// # Errors
    /// `wrong_account` as for [`Actor::resolve_account`].
    pub fn limit_account(&self, named: Option<AccountId>) -> Result<Option<AccountId>, Problem> {
        match named {
            Some(named) => self.resolve_account(Some(named)).map(Some),
            None => Ok(self.account.clone()),
        }
    }

    /// Whether things of `account` exist for this actor. To others they are "not found".
    pub fn sees(&self, account: &AccountId) -> bool {
        self.account.as_ref().is_none_or(|own| own == account)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limited_to(account: &str) -> Actor {
        let account = Some(AccountId::parse(account).unwrap());
        let name = "key:test".to_owned();
        Actor { name, scopes: vec![Scope::EventsWrite], account, role: None, user: None, address: None }
    }

    #[test]
    fn a_key_of_one_account_neither_names_nor_sees_another() {
        let actor = limited_to("acme");
        let other = AccountId::parse("other").unwrap();
        assert_eq!(actor.resolve_account(None).unwrap().as_str(), "acme");
        assert_eq!(actor.resolve_account(Some(other.clone())).unwrap_err().code, "wrong_account");
        assert_eq!(actor.limit_account(None).unwrap().unwrap().as_str(), "acme");
        assert!(!actor.sees(&other));
        assert_eq!(actor.require_for_all(Scope::EventsWrite).unwrap_err().code, "wrong_account");
        assert_eq!(Actor::operator().require_for_all(Scope::EventsWrite), Ok(()));
    }

    #[test]
    fn a_missing_scope_is_named() {
        let problem = limited_to("acme").require(Scope::LogsRead).unwrap_err();
        assert_eq!((problem.kind, problem.code), (ProblemKind::Forbidden, "missing_scope"));
        assert!(problem.detail.contains("logs:read"));
    }

    #[test]
    fn a_read_only_person_looks_and_a_program_is_no_person() {
        let reader = Actor::person("r@acme.example", Role::ReadOnly);
        assert_eq!(reader.require(Scope::LogsRead), Ok(()));
        for scope in [Scope::WebhooksWrite, Scope::SecretsRead, Scope::LogsResend] {
            let problem = reader.require(scope).unwrap_err();
            assert_eq!((problem.code, &*problem.detail), ("read_only", "You can look but not change. Ask an admin."));
        }
        assert_eq!(limited_to("acme").may(Need::Look).unwrap_err().code, "people_only");
        assert_eq!(Actor::operator().may(Need::Admin), Ok(()));
    }
}
