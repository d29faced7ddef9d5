//! `/system/delete-payloads`: deletes the payloads of a whole account, for privacy requests.

use std::time::Duration;

use actix_web::http::StatusCode;
use askama::Template;

use super::{
    carry_out,
    field::TextField,
    form::Posted,
    page::{Errors, FieldError, Frame, SETTINGS, show as show_page},
    text::count,
    visitor::Visitor,
};
use crate::{
    domain::AccountId,
    service::AccountCleared,
    web::{State, problem::Reply},
};

/// How long one press of the button works before it says how far it is.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Template)]
#[template(path = "delete_payloads.html")]
struct DeletePayloadsPage {
    frame: Frame,
    errors: Errors,
    account: TextField,
    confirmed: bool,
    done: Vec<String>,
}

/// Asks whose.
pub async fn show(visitor: Visitor) -> Reply {
    page(&visitor, StatusCode::OK, "default", false, Errors::default(), Vec::new())
}

/// Deletes them.
pub async fn submit(state: State, visitor: Visitor, posted: Posted) -> Reply {
    let form = posted.of(&visitor.key);
    let (typed, confirmed) = (form.fields.get("account").trim().to_owned(), form.fields.ticked("confirm"));
    if !form.fresh {
        return page(&visitor, StatusCode::FORBIDDEN, &typed, false, Errors::expired(), Vec::new());
    }
    let mut errors = Errors::default();
    let mut wrong = |field: &str, message: String| {
        errors.of_fields.push(FieldError { field: field.to_owned(), message });
    };
    let account = AccountId::parse(&typed).map_err(|fault| wrong("account", fault.message)).ok();
    if !confirmed {
        wrong("confirm", "Tick that they cannot be brought back.".to_owned());
    }
    let Some(account) = account.filter(|_| confirmed) else {
        return page(&visitor, StatusCode::UNPROCESSABLE_ENTITY, &typed, confirmed, errors, Vec::new());
    };
    let (service, actor) = (state.service().clone(), visitor.actor.clone());
    let cleared = carry_out(async move { service.delete_payloads_of(&actor, account, PATIENCE).await }).await?;
    page(&visitor, StatusCode::OK, &typed, !cleared.complete, errors, words(cleared))
}

/// What came of it.
fn words(cleared: AccountCleared) -> Vec<String> {
    let mut words = vec![format!("Deleted {}.", count(cleared.deleted, "payload", "payloads"))];
    if cleared.pending > 0 {
        let events = count(cleared.pending, "event", "events");
        words.push(format!("Left {events} that are still to be sent: wait for them, or delete their webhooks."));
    }
    if !cleared.complete {
        words.push("There is more. Press the button again to go on.".to_owned());
    }
    words
}

fn page(
    visitor: &Visitor,
    status: StatusCode,
    typed: &str,
    confirmed: bool,
    errors: Errors,
    done: Vec<String>,
) -> Reply {
    let page = DeletePayloadsPage {
        frame: Frame::new(visitor, SETTINGS, "Delete payloads").with_errors(&errors),
        account: TextField {
            hint: "Every event of this account loses its payload, and every answer to it its body.",
            fault: errors.at("account"),
            mono: true,
            ..TextField::new("account", "Account", typed)
        },
        confirmed,
        errors,
        done,
    };
    show_page(visitor, status, &page)
}
