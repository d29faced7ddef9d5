//! `/developers/api-keys/new`: makes an API key.

use std::time::Duration;

use actix_web::http::StatusCode;
use askama::Template;

use super::{
    carry_out,
    field::TextField,
    fields::Fields,
    form::Posted,
    page::{API_KEYS, Errors, FieldError, Frame, see_other, show as show_page},
    visitor::Visitor,
};
use crate::{
    domain::{AccountId, ProblemKind, Scope},
    service::KeyInput,
    web::{
        State,
        problem::{Reply, status},
    },
};

/// When a key may stop working: days, words.
const EXPIRIES: [(u64, &str); 4] =
    [(0, "Never"), (30, "After 30 days"), (90, "After 90 days"), (365, "After 365 days")];
/// What a CRM needs to post events.
const USUAL: [Scope; 1] = [Scope::EventsWrite];

#[derive(Template)]
#[template(path = "api_key_new.html")]
struct ApiKeyNewPage {
    frame: Frame,
    errors: Errors,
    name: TextField,
    account: TextField,
    scopes: Vec<ScopeShown>,
    scopes_fault: String,
    expiries: Vec<Expiry>,
}

struct ScopeShown {
    code: &'static str,
    meaning: &'static str,
    is_chosen: bool,
}

struct Expiry {
    days: u64,
    words: &'static str,
    is_chosen: bool,
}

struct Typed {
    name: String,
    account: String,
    scopes: Vec<Scope>,
    days: u64,
}

impl Typed {
    fn read(fields: &Fields) -> Typed {
        let days = fields.get("expires").parse().unwrap_or(0);
        Typed {
            name: fields.get("name").to_owned(),
            account: fields.get("account").trim().to_owned(),
            scopes: fields.all("scope").filter_map(Scope::from_code).collect(),
            days: if EXPIRIES.iter().any(|(known, _)| *known == days) { days } else { 0 },
        }
    }
}

/// Shows the empty form.
pub async fn show(visitor: Visitor) -> Reply {
    let typed = Typed { name: String::new(), account: String::new(), scopes: USUAL.to_vec(), days: 0 };
    page(&visitor, StatusCode::OK, &typed, Errors::default())
}

/// Makes the key and leads to the page that shows it once.
pub async fn submit(state: State, visitor: Visitor, posted: Posted) -> Reply {
    let form = posted.of(&visitor.key);
    let typed = Typed::read(&form.fields);
    if !form.fresh {
        return page(&visitor, StatusCode::FORBIDDEN, &typed, Errors::expired());
    }
    let account = match typed.account.as_str() {
        "" => None,
        text => match AccountId::parse(text) {
            Ok(account) => Some(account),
            Err(fault) => {
                let of_fields = vec![FieldError { field: "account".to_owned(), message: fault.message }];
                let errors = Errors { general: Vec::new(), of_fields };
                return page(&visitor, StatusCode::UNPROCESSABLE_ENTITY, &typed, errors);
            }
        },
    };
    let day = Duration::from_secs(86_400);
    let input = KeyInput {
        name: typed.name.clone(),
        scopes: typed.scopes.clone(),
        account,
        expires_at: (typed.days > 0).then(|| visitor.now.plus(day * typed.days as u32)),
    };
    let (mark, actor, token) = (form.mark().to_owned(), visitor.actor.clone(), visitor.token.clone());
    let made = carry_out(async move {
        let make = async {
            let created = state.service().create_key(&actor, input).await?;
            let id = created.key.id.to_string();
            state.desk().shown_once.keep(&token, &id, &created.secret);
            Ok(format!("{API_KEYS}/{id}/created"))
        };
        state.desk().used_forms.once(&mark, make).await
    });
    match made.await {
        Ok(address) => Ok(see_other(&address)),
        Err(refusal) if matches!(refusal.problem.kind, ProblemKind::Invalid | ProblemKind::Conflict) => {
            let errors = Errors::of(&refusal.problem, |pointer| {
                let name = pointer.split('/').nth(1)?;
                ["name", "scopes"].contains(&name).then(|| name.to_owned())
            });
            page(&visitor, status(refusal.problem.kind), &typed, errors)
        }
        Err(refusal) => Err(refusal),
    }
}

fn page(visitor: &Visitor, status: StatusCode, typed: &Typed, errors: Errors) -> Reply {
    let page = ApiKeyNewPage {
        frame: Frame::new(visitor, API_KEYS, "Add API key").under("Add", "").with_errors(&errors),
        name: TextField {
            hint: "What it is for, such as crm-production.",
            fault: errors.at("name"),
            ..TextField::new("name", "Name", &typed.name)
        },
        account: TextField {
            hint: "Limits the key to one account. Leave empty for all.",
            fault: errors.at("account"),
            optional: true,
            ..TextField::new("account", "Account", &typed.account)
        },
        scopes: Scope::ALL
            .into_iter()
            .map(|scope| ScopeShown {
                code: scope.code(),
                meaning: scope.meaning(),
                is_chosen: typed.scopes.contains(&scope),
            })
            .collect(),
        scopes_fault: errors.at("scopes"),
        expiries: EXPIRIES.iter().map(|&(days, words)| Expiry { days, words, is_chosen: days == typed.days }).collect(),
        errors,
    };
    show_page(visitor, status, &page)
}
