//! `/system/users/new`: adds somebody who may sign in.

use actix_web::http::StatusCode;
use askama::Template;

use super::{
    account_password::{errors_of, new_password},
    carry_out,
    field::TextField,
    form::Posted,
    notes::Note,
    page::{Errors, FieldError, Frame, USERS, see_other_with, show as show_page},
    visitor::Visitor,
};
use crate::{
    domain::{ProblemKind, Role},
    web::{
        State,
        problem::{Reply, status},
    },
};

#[derive(Template)]
#[template(path = "user_new.html")]
struct UserNewPage {
    frame: Frame,
    errors: Errors,
    email: TextField,
    password: TextField,
    roles: Vec<RoleChoice>,
}

/// A role to choose.
pub struct RoleChoice {
    /// Its name in the form.
    pub code: &'static str,
    /// Its name.
    pub word: &'static str,
    /// What it allows.
    pub meaning: &'static str,
    /// Whether it is chosen.
    pub is_chosen: bool,
}

/// Every role, `chosen` being chosen.
pub fn roles(chosen: Role) -> Vec<RoleChoice> {
    let choice = |role: Role| RoleChoice {
        code: role.code(),
        word: role.word(),
        meaning: role.meaning(),
        is_chosen: role == chosen,
    };
    Role::ALL.map(choice).into()
}

/// Shows the empty form. Who may least is chosen: more is a decision.
pub async fn show(visitor: Visitor) -> Reply {
    page(&visitor, StatusCode::OK, "", Role::ReadOnly, Errors::default())
}

/// Adds them.
pub async fn submit(state: State, visitor: Visitor, posted: Posted) -> Reply {
    let form = posted.of(&visitor.key);
    let fields = &form.fields;
    let (email, password) = (fields.get("email").to_owned(), fields.get("password").to_owned());
    let Some(role) = Role::from_code(fields.get("role")) else {
        let of_fields = vec![FieldError { field: "role".to_owned(), message: "Choose a role.".to_owned() }];
        let errors = Errors { general: Vec::new(), of_fields };
        return page(&visitor, StatusCode::UNPROCESSABLE_ENTITY, &email, Role::ReadOnly, errors);
    };
    if !form.fresh {
        return page(&visitor, StatusCode::FORBIDDEN, &email, role, Errors::expired());
    }
    let (mark, actor, name) = (form.mark().to_owned(), visitor.actor.clone(), email.clone());
    let made = carry_out(async move {
        let make = async {
            let id = state.service().create_user(&actor, &name, password, role, false).await?;
            Ok(format!("{USERS}/{id}"))
        };
        state.desk().used_forms.once(&mark, make).await
    });
    match made.await {
        Ok(address) => Ok(see_other_with(&address, Note::UserAdded, visitor.secure)),
        Err(refusal)
            if matches!(refusal.problem.kind, ProblemKind::Invalid | ProblemKind::Conflict | ProblemKind::TooMany) =>
        {
            page(&visitor, status(refusal.problem.kind), &email, role, errors_of(&refusal.problem))
        }
        Err(refusal) => Err(refusal),
    }
}

fn page(visitor: &Visitor, status: StatusCode, email: &str, role: Role, errors: Errors) -> Reply {
    let page = UserNewPage {
        frame: Frame::new(visitor, USERS, "Add user").under("Add", "").with_errors(&errors),
        email: TextField { kind: "email", fault: errors.at("email"), ..TextField::new("email", "Email", email) },
        password: new_password("Password", &errors),
        roles: roles(role),
        errors,
    };
    show_page(visitor, status, &page)
}
