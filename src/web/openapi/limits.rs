//! What the description says about the texts of requests: how long, and of which characters. A
//! client that is generated from it then refuses by itself most of what the server would refuse.
//! What only the server knows, such as which event types there are, no description can say.

use utoipa::openapi::{
    RefOr, Schema,
    extensions::Extensions,
    path::{Operation, Parameter, ParameterIn},
    request_body::RequestBody,
    schema::{AdditionalProperties, Array, ArrayItems, Components, Object, SchemaType, Type},
};

use crate::domain::Cause;

/// Bodies of requests. Members that they do not name are refused.
const BODIES: [&str; 11] = [
    "NewEvent",
    "NewEvents",
    "NewEventType",
    "EventTypePatch",
    "NewWebhook",
    "NewHeader",
    "WebhookPatch",
    "EnableWebhook",
    "NewTest",
    "RotateSecret",
    "NewBulkResend",
];

/// The filter of a bulk resend: query parameters as a body.
const FILTER: &str = "BulkFilter";

const EVENT_TYPE: Text = Text { least: 3, most: 128, pattern: r"^[a-z0-9_]+(\.[a-z0-9_]+){1,3}$" };
const ACCOUNT: Text = Text { least: 1, most: 64, pattern: "^[A-Za-z0-9_.:@-]+$" };
/// No control characters, and none that hide or reorder text.
const PRINTABLE: Text = Text {
    least: 1,
    most: 255,
    pattern: r"^[^\u0000-\u001F\u007F-\u009F\u200B-\u200F\u2028-\u202E\u2060-\u206F\uFEFF]+$",
};
/// Neither empty nor blank, and no control characters.
const LINE: &str = r"^[^\u0000-\u001F\u007F-\u009F]*[^\u0000-\u0020\u007F-\u00A0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000][^\u0000-\u001F\u007F-\u009F]*$";
const LINE_OR_NONE: &str = r"^[^\u0000-\u001F\u007F-\u009F]*$";
const HEADER_NAME: &str = "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$";
/// Keys joined by full stops, none of them empty.
const MASKED_FIELD: Text =
    Text { least: 1, most: 200, pattern: r"^[^.\u0000-\u001F\u007F-\u009F]+(\.[^.\u0000-\u001F\u007F-\u009F]+)*$" };
/// Most masked fields of an event type.
const MASKED_FIELDS: usize = 50;
/// Certificates in PEM. Their limit is in bytes, which are characters in what is PEM.
const CERTIFICATES: Text = Text { least: 1, most: 32_768, pattern: "-----BEGIN CERTIFICATE-----" };
const PRIVATE_KEY: Text = Text { least: 1, most: 32_768, pattern: "-----BEGIN (RSA |EC )?PRIVATE KEY-----" };

/// A rule for a text.
struct Text {
    least: usize,
    most: usize,
    pattern: &'static str,
}

impl Text {
    const fn new(least: usize, most: usize, pattern: &'static str) -> Text {
        Text { least, most, pattern }
    }

    fn hold(&self, object: &mut Object) {
        (object.min_length, object.max_length) = ((self.least > 0).then_some(self.least), Some(self.most));
        object.pattern = Some(self.pattern.to_owned());
    }
}

/// Says it of the schemas of requests.
pub fn limit_bodies(components: &mut Components) {
    for body in BODIES.into_iter().chain([FILTER]) {
        let Some(RefOr::T(Schema::Object(schema))) = components.schemas.get_mut(body) else { continue };
        schema.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
        for (member, of_member) in &mut schema.properties {
            match of_member {
                RefOr::T(Schema::Object(object)) if body == FILTER => filter_rule(member, object),
                RefOr::T(Schema::Object(object)) => body_rule(body, member, object),
                RefOr::T(Schema::Array(array)) => item_rule(member, array),
                _ => {}
            }
        }
    }
}

/// Says it of the parameters of an operation, and takes care of a body that may be left out.
pub fn limit_operation(operation: &mut Operation) {
    for parameter in operation.parameters.iter_mut().flatten() {
        match parameter {
            // An id or a name that is none is not found, whatever it looks like.
            RefOr::T(parameter) if parameter.parameter_in != ParameterIn::Path || parameter.name == "account" => {
                limit_parameter(parameter);
            }
            _ => {}
        }
    }
    if let Some(RefOr::T(body)) = &mut operation.request_body {
        not_null(body);
    }
}

fn limit_parameter(parameter: &mut Parameter) {
    if let Some(RefOr::T(Schema::Object(object))) = &mut parameter.schema {
        // A parameter is there or not; there is no null in a query.
        not_nullable(object);
        parameter_rule(&parameter.name, object);
    }
    if parameter.parameter_in == ParameterIn::Query {
        // Empty counts as left out, because a form sends its empty fields too.
        let empty = Extensions::from_iter([("allowEmptyValue", serde_json::Value::Bool(true))]);
        parameter.extensions.get_or_insert_default().merge(empty);
    }
}

/// A body that may be left out may not be `null`.
fn not_null(body: &mut RequestBody) {
    for content in body.content.values_mut() {
        let RefOr::T(content) = content else { continue };
        let Some(RefOr::T(Schema::OneOf(either))) = &content.schema else { continue };
        let real = either.items.iter().find(|item| matches!(item, RefOr::Ref(_)));
        content.schema = real.cloned();
    }
}

fn body_rule(body: &str, member: &str, object: &mut Object) {
    let text = match (body, member) {
        (_, "account") => ACCOUNT,
        ("NewEventType", "name") | (_, "type") => EVENT_TYPE,
        ("NewEvent", "id" | "ordering_key") => PRINTABLE,
        ("NewHeader", "name") => Text::new(1, 4096, HEADER_NAME),
        (_, "hub_signature_header" | "timestamped_signature_header") => Text::new(1, 256, HEADER_NAME),
        (_, "tls_ca" | "tls_client_certificate") => CERTIFICATES,
        (_, "tls_client_key") => PRIVATE_KEY,
        ("NewHeader", "value") => Text::new(0, 4096, r"^[^\u0000-\u0008\u000A-\u001F\u007F-\u009F]*$"),
        (_, "secret") => Text::new(16, 256, LINE_OR_NONE),
        (_, "label" | "category") => Text::new(1, 80, LINE),
        ("NewEventType" | "EventTypePatch", "description") => Text::new(0, 500, LINE_OR_NONE),
        (_, "description") => Text::new(0, 200, LINE_OR_NONE),
        (_, "request_url") => Text::new(1, 2048, "^[Hh][Tt][Tt][Pp][Ss]?://"),
        ("EnableWebhook", "missed") => return one_of(object, &["send", "skip"]),
        _ => return,
    };
    text.hold(object);
}

fn parameter_rule(name: &str, object: &mut Object) {
    let text = match name {
        "account" => ACCOUNT,
        "type" | "event_type" => EVENT_TYPE,
        "external_id" | "Idempotency-Key" => PRINTABLE,
        "webhook_id" => Text::new(30, 30, "^whk_[0-7][0-9A-HJKMNP-TV-Z]{25}$"),
        "event_id" => Text::new(30, 30, "^evt_[0-7][0-9A-HJKMNP-TV-Z]{25}$"),
        "http_status" => Text::new(3, 4, "^([1-5][0-9][0-9]|[1-5]xx|none)$"),
        "q" => {
            object.max_length = Some(200);
            return;
        }
        "status" => return one_of(object, &["pending", "success", "failed", "success_after_retry"]),
        "cause" => return one_of(object, &Cause::ALL.map(|cause| cause.code())),
        _ => return,
    };
    text.hold(object);
}

/// As in the query; a number is welcome too where one is meant.
fn filter_rule(member: &str, object: &mut Object) {
    parameter_rule(member, object);
    match member {
        "http_status" => {
            object.schema_type = SchemaType::from_iter([Type::String, Type::Integer]);
            (object.minimum, object.maximum) = (Some(100_u64.into()), Some(599_u64.into()));
        }
        "q" => object.min_length = Some(1),
        _ => {}
    }
}

fn item_rule(member: &str, array: &mut Array) {
    let ArrayItems::RefOrSchema(items) = &mut array.items else { return };
    let RefOr::T(Schema::Object(object)) = &mut **items else { return };
    match member {
        "events" => {
            let pattern = r"^(\*|[a-z0-9_]+(\.[a-z0-9_]+){0,2}\.\*|[a-z0-9_]+(\.[a-z0-9_]+){1,3})$";
            Text::new(1, 128, pattern).hold(object);
        }
        "masked_fields" => {
            MASKED_FIELD.hold(object);
            array.max_items = Some(MASKED_FIELDS);
        }
        "retry_schedule_s" => {
            (object.minimum, object.maximum) = (Some(1_u64.into()), Some(604_800_u64.into()));
        }
        _ => {}
    }
}

fn one_of(object: &mut Object, values: &[&str]) {
    let mut values: Vec<serde_json::Value> = values.iter().map(|value| (*value).into()).collect();
    if let SchemaType::Array(types) = &object.schema_type
        && types.contains(&Type::Null)
    {
        values.push(serde_json::Value::Null);
    }
    object.enum_values = Some(values);
}

fn not_nullable(object: &mut Object) {
    if let SchemaType::Array(types) = &mut object.schema_type {
        types.retain(|each| *each != Type::Null);
        if let [only] = types.as_slice() {
            object.schema_type = SchemaType::Type(only.clone());
        }
    }
}
