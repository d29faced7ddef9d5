//! The description of the API, OpenAPI 3.1, made from the types that answer.

mod limits;

use std::{borrow::Cow, sync::LazyLock};

use utoipa::{
    Modify, OpenApi,
    openapi::{
        self, Ref, RefOr, ResponseBuilder, SecurityRequirement,
        content::ContentBuilder,
        security::{Http, HttpAuthScheme, SecurityScheme},
    },
};

use super::{api, problem};

static DOCUMENT: LazyLock<String> =
    LazyLock::new(|| Document::openapi().to_pretty_json().expect("a description is texts and lists"));

/// The description as JSON.
pub fn document() -> &'static str {
    &DOCUMENT
}

/// The description of a server that is reached below a path; an empty one is the root.
pub fn document_below(path: &str) -> Cow<'static, str> {
    if path.is_empty() {
        return Cow::Borrowed(document());
    }
    let mut described = Document::openapi();
    described.servers = Some(vec![openapi::Server::new(path)]);
    Cow::Owned(described.to_pretty_json().expect("a description is texts and lists"))
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Hookstead",
        description = "Post what happened; Hookstead sends it to every webhook that selected it, signed, and retries \
                       until it arrives. Bodies are UTF-8 JSON objects. Every answer carries Request-Id; every \
                       refusal is application/problem+json with all faults at once.",
        license(name = "MIT"),
    ),
    servers((url = "/")),
    tags(
        (name = "Events", description = "What happened"),
        (name = "Event types", description = "What can happen"),
        (name = "Webhooks", description = "Who is told"),
        (name = "Logs", description = "What was sent, and what came of it"),
        (name = "Access and system", description = "The key in use, and the server"),
    ),
    paths(
        api::events::list,
        api::events::publish,
        api::events::batch::publish,
        api::events::one::show,
        api::events::payload::show,
        api::account_payloads::delete_payloads,
        api::event_types::list,
        api::event_types::create,
        api::event_types::one::show,
        api::event_types::one::change,
        api::event_types::one::remove,
        api::webhooks::list,
        api::webhooks::create,
        api::webhooks::one::show,
        api::webhooks::one::change,
        api::webhooks::one::remove,
        api::webhooks::enable::enable,
        api::webhooks::disable::disable,
        api::webhooks::test::test,
        api::webhooks::rotate_secret::rotate,
        api::webhooks::secret::show,
        api::webhooks::stats::show,
        api::logs::list,
        api::logs::one::show,
        api::logs::payload::show,
        api::logs::resend::resend,
        api::bulk_resends::start,
        api::bulk_resends::one::show,
        api::bulk_resends::one::cancel,
        api::me::show,
        api::stats::show,
        api::openapi_json::show,
    ),
    components(schemas(problem::ProblemBody)),
    modifiers(&Refusals),
)]
struct Document;

/// What every operation shares: the key, and how it refuses.
struct Refusals;

const PROBLEM_JSON: &str = "application/problem+json";
const KEY: &str = "api_key";
const WITHOUT_KEY: &str = "/api/v1/openapi.json";

impl Modify for Refusals {
    fn modify(&self, document: &mut openapi::OpenApi) {
        let mut bearer = Http::new(HttpAuthScheme::Bearer);
        bearer.description = Some("An API key, hsk_…".to_owned());
        let components = document.components.get_or_insert_default();
        components.add_security_scheme(KEY, SecurityScheme::Http(bearer));
        limits::limit_bodies(components);
        for (path, item) in &mut document.paths.paths {
            let operations = [&mut item.get, &mut item.post, &mut item.patch, &mut item.delete];
            for operation in operations.into_iter().flatten() {
                limits::limit_operation(operation);
                if path != WITHOUT_KEY {
                    operation.security = Some(vec![SecurityRequirement::new(KEY, [""; 0])]);
                }
                // Refusals that an operation names itself have the media type of all others.
                for (status, response) in &mut operation.responses.responses {
                    if let (true, RefOr::T(response)) = (status.starts_with('4'), response) {
                        let contents = std::mem::take(&mut response.content).into_values();
                        response.content = contents.map(|content| (PROBLEM_JSON.to_owned(), content)).collect();
                    }
                }
                operation.responses.responses.insert("default".to_owned(), RefOr::T(refusal()));
            }
        }
    }
}

fn refusal() -> openapi::Response {
    let problem = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    ResponseBuilder::new().description("Refused").content(PROBLEM_JSON, problem).build()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;
    use crate::web::{
        api_paths,
        json::Object,
        query::{EventQuery, LogQuery},
    };

    fn described() -> Value {
        serde_json::from_str(document()).expect("the document is JSON")
    }

    #[test]
    fn every_route_is_described_and_every_description_is_a_route() {
        let mut routes = BTreeSet::new();
        for path in api_paths() {
            let (path, methods) = path.parts();
            routes.extend(methods.iter().map(|method| format!("{method} /api/v1{path}")));
        }
        let mut descriptions = BTreeSet::new();
        for (path, item) in described()["paths"].as_object().unwrap() {
            descriptions.extend(item.as_object().unwrap().keys().map(|key| format!("{} {path}", key.to_uppercase())));
        }
        assert_eq!(routes, descriptions);
        assert_eq!(routes.len(), 32);
    }

    #[test]
    fn operations_have_names_of_their_own_words_and_refusals() {
        let document = described();
        let mut names = BTreeSet::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let name = operation["operationId"].as_str().unwrap();
                assert!(names.insert(name.to_owned()), "{name} is there twice");
                assert!(operation["summary"].is_string(), "{method} {path}");
                let refusal = &operation["responses"]["default"]["content"]["application/problem+json"];
                assert_eq!(refusal["schema"]["$ref"], "#/components/schemas/Problem");
                assert_eq!(operation["security"].is_array(), path != WITHOUT_KEY, "{path}");
            }
        }
        assert_eq!(document["openapi"], "3.1.0");
    }

    #[test]
    fn every_reference_leads_somewhere() {
        fn references(value: &Value, found: &mut BTreeSet<String>) {
            match value {
                Value::Object(members) => {
                    found.extend(members.get("$ref").and_then(Value::as_str).map(String::from));
                    members.values().for_each(|value| references(value, found));
                }
                Value::Array(elements) => elements.iter().for_each(|value| references(value, found)),
                _ => {}
            }
        }
        let document = described();
        let mut found = BTreeSet::new();
        references(&document, &mut found);
        for reference in found {
            assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
        }
    }

    /// The members of a request in the document are those that are read, and the same are required.
    #[track_caller]
    fn same_members<T>(schema: &str, build: impl Fn(&mut Object<'static>) -> Option<T>) {
        let schema = &described()["components"]["schemas"][schema];
        let described: BTreeSet<String> = schema["properties"].as_object().unwrap().keys().cloned().collect();
        let read: BTreeSet<String> = Object::names_read(&build).into_iter().map(String::from).collect();
        assert_eq!(described, read);
        let strings = |value: &Value| {
            value.as_array().into_iter().flatten().map(|name| format!("/{}", name.as_str().unwrap())).collect()
        };
        let required: BTreeSet<String> = strings(&schema["required"]);
        let missing: BTreeSet<String> = match Object::empty().read(build) {
            Ok(_) => BTreeSet::new(),
            Err(faults) => faults.into_iter().map(|fault| fault.pointer).collect(),
        };
        assert_eq!(required, missing);
    }

    #[test]
    fn what_is_described_is_what_is_read() {
        same_members("NewEvent", |input| api::events::read_event(input, &()));
        same_members("NewEventType", api::event_types::read_event_type);
        same_members("EventTypePatch", api::event_types::one::read_change);
        same_members("NewWebhook", |input| api::webhooks::read_webhook(input, &()));
        same_members("NewHeader", api::webhooks::read_header);
        same_members("WebhookPatch", |input| api::webhooks::read_change(input, &()));
        same_members("EnableWebhook", api::webhooks::enable::read_missed);
        same_members("NewTest", api::webhooks::test::read_test);
        same_members("RotateSecret", api::webhooks::rotate_secret::read_rotation);
        same_members("NewBulkResend", api::bulk_resends::read_request);
    }

    #[test]
    fn a_bulk_resend_is_filtered_by_the_names_of_the_log() {
        let document = described();
        let filter = document["components"]["schemas"]["BulkFilter"]["properties"].as_object().unwrap();
        let parameters = document["paths"]["/api/v1/logs"]["get"]["parameters"].as_array().unwrap();
        let names = parameters.iter().map(|parameter| parameter["name"].as_str().unwrap().to_owned());
        let names: BTreeSet<String> = names.filter(|name| !["limit", "cursor"].contains(&name.as_str())).collect();
        assert_eq!(filter.keys().cloned().collect::<BTreeSet<String>>(), names);
    }

    #[test]
    fn each_parameter_that_is_described_is_read() {
        let document = described();
        let names = |path: &str| -> Vec<String> {
            let parameters = document["paths"][path]["get"]["parameters"].as_array().unwrap();
            parameters.iter().map(|parameter| parameter["name"].as_str().unwrap().to_owned()).collect()
        };
        // A value that is empty counts as left out, so only the names are looked at.
        let query = |path| names(path).iter().map(|name| format!("{name}=")).collect::<Vec<_>>().join("&");
        assert_eq!(LogQuery::parse(&query("/api/v1/logs"), &[]).map(|query| query.limit), Ok(50));
        assert_eq!(EventQuery::parse(&query("/api/v1/events")).map(|query| query.limit), Ok(50));
        assert_eq!((names("/api/v1/logs").len(), names("/api/v1/events").len()), (12, 7));
    }
}
