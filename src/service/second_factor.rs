//! Switching a second factor on and off.

use super::{Service, access::random_bytes};
use crate::{
    domain::{Actor, Fault, Need, Problem, SecondFactor, TotpSeed, User, UserId},
    store::EndSessions,
};

impl Service {
    /// A seed for somebody who wants a second factor. Nothing is kept until a code proves that their
    /// phone has it.
    pub fn new_seed(&self) -> TotpSeed {
        TotpSeed::new(random_bytes(&*self.random))
    }

    /// Asks for a second factor from now on. Every other session ends: whoever has one was not asked.
    /// Answers with the recovery codes, of which only hashes are kept.
    ///
    /// # Errors
    /// `people_only`, `wrong_password`, `rate_limited`, `invalid` if the code does not fit, `conflict`
    /// if there is one already, `cannot_write`.
    pub async fn enrol_second_factor(
        &self,
        actor: &Actor,
        token: &str,
        seed: TotpSeed,
        code: &str,
        password: String,
    ) -> Result<Vec<String>, Problem> {
        let user = self.prove_password(actor, password).await?;
        let now = self.clock.wall();
        let plain: String = code.chars().filter(|c| !c.is_whitespace()).collect();
        let step = seed.step_of(&plain, now).ok_or_else(|| {
            let message = "This is not the code of now. Check the time of your phone, and type the newest code.";
            Problem::invalid(vec![Fault::new("wrong_code", message).at("/code")])
        })?;
        let code = |_| SecondFactor::recovery_code(random_bytes(&*self.random));
        let codes: Vec<String> = (0..SecondFactor::RECOVERY_CODES).map(code).collect();
        let factor = SecondFactor::new(seed, &codes, step, self.now());
        let update = Box::new(move |user: &mut User| match user.second_factor {
            Some(_) => Err(Problem::conflict("There is a second factor already. Remove it first.")),
            None => {
                user.second_factor = Some(factor);
                Ok(())
            }
        });
        let audit = self.audit(actor, "user.second_factor_enrolled", &user.email);
        let end = EndSessions::AllBut(super::access::sha256(token));
        self.store.update_user(user.id, update, end, audit).await?;
        Ok(codes)
    }

    /// Asks for one's own second factor no more.
    ///
    /// # Errors
    /// `people_only`, `wrong_password`, `rate_limited`, `cannot_write`.
    pub async fn remove_second_factor(&self, actor: &Actor, password: String) -> Result<(), Problem> {
        let user = self.prove_password(actor, password).await?;
        self.drop_second_factor(actor, user, EndSessions::None).await
    }

    /// Takes a person's second factor away, for one who has lost phone and recovery codes. Their
    /// sessions end.
    ///
    /// # Errors
    /// `read_only`, `not_found`, `cannot_write`.
    pub async fn reset_second_factor(&self, actor: &Actor, id: UserId) -> Result<(), Problem> {
        actor.may(Need::Admin)?;
        let user = self.known_user(id)?;
        self.drop_second_factor(actor, user, EndSessions::All).await
    }

    async fn drop_second_factor(&self, actor: &Actor, user: User, end: EndSessions) -> Result<(), Problem> {
        let update = Box::new(|user: &mut User| {
            user.second_factor = None;
            Ok(())
        });
        let audit = self.audit(actor, "user.second_factor_removed", user.email);
        self.store.update_user(user.id, update, end, audit).await.map(drop)
    }
}
