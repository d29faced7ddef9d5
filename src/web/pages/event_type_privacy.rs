//! `/integration/event-types/{name}/privacy`: which fields of an event type are shown as stars, and
//! whether its payloads are deleted once they have arrived.

use actix_web::{HttpRequest, http::StatusCode};
use askama::Template;

use super::{
    carry_out,
    event_type_remove::find,
    field::TextField,
    form::Posted,
    notes::Note,
    page::{EVENT_TYPES, Errors, FieldError, Frame, see_other_with, show as show_page},
    parts::Name,
    visitor::Visitor,
};
use crate::{
    domain::{EventTypeInfo, MaskedFields},
    service::EventTypeChange,
    web::{State, problem::Reply},
};

#[derive(Template)]
#[template(path = "event_type_privacy.html")]
struct EventTypePrivacyPage {
    frame: Frame,
    errors: Errors,
    name: String,
    label: Name,
    fields: TextField,
    forgets: bool,
}

/// Shows how it is.
pub async fn show(state: State, request: HttpRequest, visitor: Visitor) -> Reply {
    let info = find(&state, &request, &visitor).await?;
    let typed = info.masked.as_slice().join("\n");
    page(&visitor, StatusCode::OK, &info, &typed, info.forget_after_success, Errors::default())
}

/// Changes it.
pub async fn submit(state: State, request: HttpRequest, visitor: Visitor, posted: Posted) -> Reply {
    let info = find(&state, &request, &visitor).await?;
    let form = posted.of(&visitor.key);
    let (typed, forgets) = (form.fields.get("masked_fields").to_owned(), form.fields.ticked("forget_after_success"));
    if !form.fresh {
        return page(&visitor, StatusCode::FORBIDDEN, &info, &typed, forgets, Errors::expired());
    }
    let masked = match read(&typed) {
        Ok(masked) => masked,
        Err(errors) => return page(&visitor, StatusCode::UNPROCESSABLE_ENTITY, &info, &typed, forgets, errors),
    };
    let change =
        EventTypeChange { masked: Some(masked), forget_after_success: Some(forgets), ..EventTypeChange::default() };
    let (service, actor) = (state.service().clone(), visitor.actor.clone());
    let name = info.name.clone();
    carry_out(async move { service.change_event_type(&actor, name.as_str(), change).await }).await?;
    Ok(see_other_with(&format!("{EVENT_TYPES}#{}", info.name), Note::EventTypePrivacySaved, visitor.secure))
}

/// The fields as they were typed, one a line.
pub fn read(typed: &str) -> Result<MaskedFields, Errors> {
    let lines: Vec<String> = typed.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
    MaskedFields::parse(lines.clone()).map_err(|faults| {
        let told = faults.into_iter().map(|fault| {
            let line = fault.pointer.trim_start_matches('/').parse().ok().and_then(|line: usize| lines.get(line));
            let message = match line {
                Some(line) => format!("“{line}”: {}", fault.message),
                None => fault.message,
            };
            FieldError { field: "masked_fields".to_owned(), message }
        });
        Errors { of_fields: told.collect(), ..Errors::default() }
    })
}

/// The field for them.
pub fn field(typed: &str, errors: &Errors) -> TextField {
    TextField {
        hint: "Fields of data whose values are shown as *** on pages, in the API and in files, one a line, such as \
               contact.email. * is any key; lists are looked through. Receivers get every value.",
        fault: errors.at("masked_fields"),
        ..TextField::new("masked_fields", "Masked fields", typed)
    }
}

fn page(
    visitor: &Visitor,
    status: StatusCode,
    info: &EventTypeInfo,
    typed: &str,
    forgets: bool,
    errors: Errors,
) -> Reply {
    let page = EventTypePrivacyPage {
        frame: Frame::new(visitor, EVENT_TYPES, "Privacy").under(info.name.as_str(), "").with_errors(&errors),
        name: info.name.to_string(),
        label: Name::new(&info.label),
        fields: field(typed, &errors),
        forgets,
        errors,
    };
    show_page(visitor, status, &page)
}
