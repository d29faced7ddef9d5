//! `/integration/event-types/new`: adds an event type of the operator's own.

use actix_web::http::StatusCode;
use askama::Template;
use serde_json::value::RawValue;

use super::{
    carry_out,
    field::TextField,
    fields::Fields,
    form::Posted,
    notes::Note,
    page::{EVENT_TYPES, Errors, FieldError, Frame, see_other_with, show as show_page},
    visitor::Visitor,
};
use crate::{
    domain::{EventType, MaskedFields, ProblemKind},
    service::EventTypeInput,
    web::{
        State,
        problem::{Reply, status},
    },
};

#[derive(Template)]
#[template(path = "event_type_new.html")]
struct EventTypeNewPage {
    frame: Frame,
    errors: Errors,
    fields: [TextField; 4],
    texts: [TextField; 2],
}

#[derive(Default)]
struct Typed {
    name: String,
    label: String,
    category: String,
    description: String,
    example: String,
    schema: String,
}

impl Typed {
    fn read(fields: &Fields) -> Typed {
        let line = |name: &str| fields.get(name).trim().to_owned();
        Typed {
            name: line("name"),
            label: line("label"),
            category: line("category"),
            description: line("description"),
            example: fields.get("example").to_owned(),
            schema: fields.get("schema").to_owned(),
        }
    }

    /// What is asked for, or what is wrong with it as far as its form goes.
    fn input(&self) -> Result<EventTypeInput, Errors> {
        let mut errors = Errors::default();
        let mut fault = |field: &str, message: String| {
            errors.of_fields.push(FieldError { field: field.to_owned(), message });
        };
        let name = EventType::parse_for_definition(&self.name).map_err(|found| fault("name", found.message));
        let example = json(&self.example).map_err(|message| fault("example", message));
        let schema = json(&self.schema).and_then(|text| match text {
            Some(text) if !text.starts_with('{') => Err("A JSON Schema is a JSON object.".to_owned()),
            text => Ok(text),
        });
        let schema = schema.map_err(|message| fault("schema", message));
        match (name, example, schema) {
            (Ok(name), Ok(example), Ok(schema)) => Ok(EventTypeInput {
                name,
                label: self.label.clone(),
                category: self.category.clone(),
                description: self.description.clone(),
                example,
                schema,
                masked: MaskedFields::default(),
                forget_after_success: false,
            }),
            _ => Err(errors),
        }
    }
}

/// JSON as it was typed; nothing if nothing was.
fn json(text: &str) -> Result<Option<String>, String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let raw = serde_json::from_str::<&RawValue>(text).map_err(|error| format!("This is not JSON: {error}."))?;
    Ok(Some(raw.get().to_owned()))
}

/// Shows the empty form.
pub async fn show(visitor: Visitor) -> Reply {
    page(&visitor, StatusCode::OK, &Typed::default(), Errors::default())
}

/// Adds it.
pub async fn submit(state: State, visitor: Visitor, posted: Posted) -> Reply {
    let form = posted.of(&visitor.key);
    let typed = Typed::read(&form.fields);
    if !form.fresh {
        return page(&visitor, StatusCode::FORBIDDEN, &typed, Errors::expired());
    }
    let input = match typed.input() {
        Ok(input) => input,
        Err(errors) => return page(&visitor, StatusCode::UNPROCESSABLE_ENTITY, &typed, errors),
    };
    let (mark, actor) = (form.mark().to_owned(), visitor.actor.clone());
    let address = format!("{EVENT_TYPES}#{}", input.name);
    let added = carry_out(async move {
        let add = async {
            state.service().create_event_type(&actor, input).await?;
            Ok(address)
        };
        state.desk().used_forms.once(&mark, add).await
    });
    match added.await {
        Ok(address) => Ok(see_other_with(&address, Note::EventTypeAdded, visitor.secure)),
        Err(refusal) if matches!(refusal.problem.kind, ProblemKind::Invalid | ProblemKind::Conflict) => {
            let errors = Errors::of(&refusal.problem, |pointer| {
                let name = pointer.split('/').nth(1)?;
                ["name", "label", "category", "description"].contains(&name).then(|| name.to_owned())
            });
            page(&visitor, status(refusal.problem.kind), &typed, errors)
        }
        Err(refusal) => Err(refusal),
    }
}

fn page(visitor: &Visitor, status: StatusCode, typed: &Typed, errors: Errors) -> Reply {
    let field = |name, label, value: &str, hint| TextField {
        hint,
        fault: errors.at(name),
        ..TextField::new(name, label, value)
    };
    let name =
        field("name", "Event type", &typed.name, "group.thing, such as invoice.paid. It cannot be changed later.");
    let description = field("description", "Description", &typed.description, "Triggered when …");
    let text = |name, label, value: &str, hint| TextField { optional: true, ..field(name, label, value, hint) };
    let page = EventTypeNewPage {
        frame: Frame::new(visitor, EVENT_TYPES, "Add event type").under("Add", "").with_errors(&errors),
        fields: [
            TextField { mono: true, ..name },
            field("label", "Name", &typed.label, "What people call it, such as Invoice paid."),
            field(
                "category",
                "Category",
                &typed.category,
                "The heading it stands under. A new one is made if need be.",
            ),
            TextField { optional: true, ..description },
        ],
        texts: [
            text("example", "Example of data", &typed.example, "JSON. Shown to whoever writes a receiver."),
            text(
                "schema",
                "JSON Schema",
                &typed.schema,
                "For receivers to download. Events are not checked against it.",
            ),
        ],
        errors,
    };
    show_page(visitor, status, &page)
}
