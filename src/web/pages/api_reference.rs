//! `/developers/api`: the reference, made from the same document that programs read.

use actix_web::http::StatusCode;
use askama::Template;
use serde_json::Value;

use super::{
    page::{API_REFERENCE, Frame, show as show_page},
    visitor::Visitor,
};
use crate::web::{openapi, problem::Reply};

/// Methods in the order they are shown.
const METHODS: [&str; 4] = ["get", "post", "patch", "delete"];

#[derive(Template)]
#[template(path = "api_reference.html")]
struct ApiReferencePage {
    frame: Frame,
    description: String,
    groups: Vec<Group>,
}

struct Group {
    name: String,
    description: String,
    operations: Vec<Operation>,
}

struct Operation {
    method: String,
    path: String,
    summary: String,
    description: String,
    parameters: Vec<Parameter>,
    body: String,
    answers: Vec<(String, String)>,
}

struct Parameter {
    name: String,
    place: String,
    description: String,
}

/// Shows it.
pub async fn show(visitor: Visitor) -> Reply {
    let document: Value = serde_json::from_str(openapi::document()).unwrap_or_default();
    let page = ApiReferencePage {
        frame: Frame::new(&visitor, API_REFERENCE, "API reference"),
        description: text(&document["info"], "description"),
        groups: groups(&document),
    };
    show_page(&visitor, StatusCode::OK, &page)
}

fn groups(document: &Value) -> Vec<Group> {
    let tags = document["tags"].as_array().map(Vec::as_slice).unwrap_or_default();
    let group = |tag: &Value| Group {
        name: text(tag, "name"),
        description: text(tag, "description"),
        operations: operations(document, &text(tag, "name")),
    };
    tags.iter().map(group).collect()
}

fn operations(document: &Value, tag: &str) -> Vec<Operation> {
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for method in METHODS {
            let operation = &item[method];
            let tags = operation["tags"].as_array().into_iter().flatten();
            if tags.filter_map(Value::as_str).any(|each| each == tag) {
                operations.push(shown(path, method, operation));
            }
        }
    }
    operations
}

fn shown(path: &str, method: &str, operation: &Value) -> Operation {
    let parameter = |parameter: &Value| Parameter {
        name: text(parameter, "name"),
        place: text(parameter, "in"),
        description: text(parameter, "description"),
    };
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let answers = operation["responses"].as_object().into_iter().flatten();
    Operation {
        method: method.to_uppercase(),
        path: path.to_owned(),
        summary: text(operation, "summary"),
        description: text(operation, "description"),
        parameters: parameters.map(parameter).collect(),
        body: example(&operation["requestBody"]["content"]["application/json"]),
        answers: answers.map(|(status, answer)| (status.clone(), text(answer, "description"))).collect(),
    }
}

fn example(content: &Value) -> String {
    let example = &content["example"];
    if example.is_null() { String::new() } else { serde_json::to_string_pretty(example).unwrap_or_default() }
}

fn text(value: &Value, member: &str) -> String {
    value[member].as_str().unwrap_or_default().to_owned()
}
