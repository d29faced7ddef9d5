//! `/system/pause` and `/system/resume`: stops all sending for a while, and goes on.

use actix_web::http::StatusCode;
use askama::Template;

use super::{
    carry_out,
    field::TextField,
    form::Posted,
    notes::Note,
    page::{Errors, Frame, SYSTEM, see_other, see_other_with, show as show_page},
    visitor::Visitor,
};
use crate::{
    domain::ProblemKind,
    web::{
        State,
        problem::{Reply, status},
    },
};

#[derive(Template)]
#[template(path = "pause.html")]
struct PausePage {
    frame: Frame,
    errors: Errors,
    reason: TextField,
}

/// Asks for the reason.
pub async fn show(visitor: Visitor) -> Reply {
    if visitor.pause.is_some() {
        return Ok(see_other(SYSTEM));
    }
    page(&visitor, StatusCode::OK, "", Errors::default())
}

/// Pauses, or asks again.
pub async fn submit(state: State, visitor: Visitor, posted: Posted) -> Reply {
    let fields = posted.of(&visitor.key).fresh()?;
    let (service, actor, reason) = (state.service().clone(), visitor.actor.clone(), fields.get("reason").to_owned());
    match carry_out(async move { service.pause_sending(&actor, &reason).await }).await {
        Ok(()) => Ok(see_other_with(SYSTEM, Note::SendingPaused, visitor.secure)),
        Err(refusal) if refusal.problem.kind == ProblemKind::Invalid => {
            let errors = Errors::of(&refusal.problem, |_| Some("reason".to_owned()));
            page(&visitor, status(refusal.problem.kind), fields.get("reason"), errors)
        }
        Err(refusal) => Err(refusal),
    }
}

/// Goes on.
pub async fn resume(state: State, visitor: Visitor, posted: Posted) -> Reply {
    posted.of(&visitor.key).fresh()?;
    if visitor.pause.is_none() {
        // Somebody else was quicker; what was asked for is so.
        return Ok(see_other(SYSTEM));
    }
    let (service, actor) = (state.service().clone(), visitor.actor.clone());
    carry_out(async move { service.resume_sending(&actor).await }).await?;
    Ok(see_other_with(SYSTEM, Note::SendingResumed, visitor.secure))
}

fn page(visitor: &Visitor, status: StatusCode, reason: &str, errors: Errors) -> Reply {
    let reason = TextField {
        hint: "Everybody who signs in sees it, for example: ERP migration.",
        fault: errors.at("reason"),
        ..TextField::new("reason", "Reason", reason)
    };
    let frame = Frame::new(visitor, SYSTEM, "Pause all sending").under("Pause all sending", "").with_errors(&errors);
    show_page(visitor, status, &PausePage { frame, errors, reason })
}
