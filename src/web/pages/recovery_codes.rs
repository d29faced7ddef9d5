//! `/account/recovery-codes`: the recovery codes of a new second factor, shown once.

use actix_web::http::StatusCode;
use askama::Template;

use super::{
    page::{ACCOUNT, Frame, see_other, show as show_page},
    visitor::Visitor,
};
use crate::web::{State, problem::Reply};

/// Its address.
pub const ADDRESS: &str = "/account/recovery-codes";
/// What the codes are kept under until they are shown.
pub const SUBJECT: &str = "recovery codes";

#[derive(Template)]
#[template(path = "recovery_codes.html")]
struct RecoveryCodesPage {
    frame: Frame,
    codes: String,
}

/// Shows them; whoever comes again is led to the account.
pub async fn show(state: State, visitor: Visitor) -> Reply {
    let Some(codes) = state.desk().shown_once.take(&visitor.token, SUBJECT) else {
        return Ok(see_other(ACCOUNT));
    };
    let frame = Frame::new(&visitor, ACCOUNT, "Recovery codes").under("Your account", ACCOUNT);
    show_page(&visitor, StatusCode::OK, &RecoveryCodesPage { frame, codes })
}
