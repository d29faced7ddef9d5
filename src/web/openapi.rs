//! The description of the API, OpenAPI 3.1, made from the types that answer.

use std::sync::LazyLock;

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
        for (path, item) in &mut document.paths.paths {
            let operations = [&mut item.get, &mut item.post, &mut item.patch, &mut item.delete];
            for operation in operations.into_iter().flatten() {
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
