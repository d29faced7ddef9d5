//! What happens once: a form that creates something, and a page that shows a secret.
//!
//! Both are remembered in memory, the newest thousand of each. After a restart, or a thousand
//! forms later, a second click on an old form would create a second thing; nobody clicks that late.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

/// Forms and secrets remembered.
const MOST: usize = 1_000;

type Result<T, E> = std::result::Result<T, E>;
type Made = Arc<tokio::sync::Mutex<Option<String>>>;

/// Forms that were used, and what they made.
#[derive(Default)]
pub struct UsedForms(Mutex<VecDeque<(String, Made)>>);

impl UsedForms {
    /// Makes what the form with this mark asks for, unless that form has made it already. Two
    /// clicks at the same moment wait for each other. Answers with the address of what was made.
    ///
    /// # Errors
    /// What `make` fails with; the form can then be used again.
    pub async fn once<E>(&self, mark: &str, make: impl Future<Output = Result<String, E>>) -> Result<String, E> {
        let made = self.of(mark);
        let mut made = made.lock().await;
        if let Some(address) = &*made {
            return Ok(address.clone());
        }
        let address = make.await?;
        *made = Some(address.clone());
        Ok(address)
    }

    fn of(&self, mark: &str) -> Made {
        let mut forms = self.0.lock().expect("nothing panics while it looks a form up");
        if let Some((_, made)) = forms.iter().find(|(known, _)| known == mark) {
            return made.clone();
        }
        let made = Made::default();
        forms.push_back((mark.to_owned(), made.clone()));
        if forms.len() > MOST {
            forms.pop_front();
        }
        made
    }
}

/// Secrets that wait to be shown, each to the session that made it.
#[derive(Default)]
pub struct ShownOnce(Mutex<VecDeque<(String, String)>>);

impl ShownOnce {
    /// Keeps `secret` for the next page about `subject` in the session of `token`.
    pub fn keep(&self, token: &str, subject: &str, secret: &str) {
        let mut waiting = self.0.lock().expect("nothing panics while it keeps a secret");
        waiting.push_back((key(token, subject), secret.to_owned()));
        if waiting.len() > MOST {
            waiting.pop_front();
        }
    }

    /// Takes it out; the next one to ask gets nothing.
    pub fn take(&self, token: &str, subject: &str) -> Option<String> {
        let mut waiting = self.0.lock().expect("nothing panics while it takes a secret");
        let wanted = key(token, subject);
        let position = waiting.iter().position(|(known, _)| *known == wanted)?;
        waiting.remove(position).map(|(_, secret)| secret)
    }
}

fn key(token: &str, subject: &str) -> String {
    format!("{token} {subject}")
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    #[actix_web::test]
    async fn a_double_click_makes_one_thing() {
        let forms = UsedForms::default();
        let make = |address: &'static str| async move {
            tokio::task::yield_now().await;
            Ok::<_, Infallible>(address.to_owned())
        };
        let (first, second) = tokio::join!(forms.once("mark", make("/a")), forms.once("mark", make("/b")));
        assert_eq!((first.unwrap(), second.unwrap()), ("/a".to_owned(), "/a".to_owned()));
        assert_eq!(forms.once("other", make("/c")).await.unwrap(), "/c");
    }

    #[actix_web::test]
    async fn a_form_that_failed_can_be_used_again() {
        let forms = UsedForms::default();
        assert_eq!(forms.once("mark", async { Err("bad URL") }).await, Err("bad URL"));
        assert_eq!(forms.once("mark", async { Ok::<_, &str>("/a".to_owned()) }).await, Ok("/a".to_owned()));
    }

    #[test]
    fn a_secret_is_shown_once_and_to_its_own_session() {
        let secrets = ShownOnce::default();
        secrets.keep("mine", "key_1", "hsk_a");
        assert_eq!(secrets.take("other", "key_1"), None);
        assert_eq!(secrets.take("mine", "key_1").as_deref(), Some("hsk_a"));
        assert_eq!(secrets.take("mine", "key_1"), None);
    }
}
