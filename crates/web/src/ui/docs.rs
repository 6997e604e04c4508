//! Help: the documents, and the API reference generated from the OpenAPI document.

use std::sync::Arc;

use askama::Template;
use axum::{extract::State, response::Response};
use serde_json::Value;

use super::{current_user::CurrentUser, guide, page, page_context::PageContext};
use crate::{App, api};

/// A call of the API.
struct Call {
    method: String,
    path: String,
    summary: String,
    parameters: Vec<(String, String, String)>,
    body: Vec<(String, String, String)>,
    answers: Vec<(String, String)>,
}

#[derive(Template)]
#[template(path = "docs.html")]
struct DocsPage {
    context: PageContext,
    contents: Vec<guide::Entry>,
    groups: Vec<(String, Vec<Call>)>,
}

pub(crate) async fn show(State(app): State<Arc<App>>, visitor: CurrentUser) -> Response {
    let context = PageContext::new(&app, &visitor, "docs", "docs-title");
    let contents = guide::contents(&context.base, context.words.language());
    page(&DocsPage { context, contents, groups: groups() })
}

fn groups() -> Vec<(String, Vec<Call>)> {
    let document: Value = serde_json::from_str(&api::document()).unwrap_or_default();
    let mut groups: Vec<(String, Vec<Call>)> = vec![];
    for (path, methods) in document["paths"].as_object().into_iter().flatten() {
        for (method, call) in methods.as_object().into_iter().flatten() {
            let tag = call["tags"][0].as_str().unwrap_or("other").to_owned();
            let call = read(&document, method, path, call);
            match groups.iter_mut().find(|(known, _)| *known == tag) {
                Some((_, calls)) => calls.push(call),
                None => groups.push((tag, vec![call])),
            }
        }
    }
    groups
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn read(document: &Value, method: &str, path: &str, call: &Value) -> Call {
    let summary = [text(&call["summary"]), text(&call["description"])].join(" ").trim().to_owned();
    let parameters = call["parameters"].as_array().into_iter().flatten();
    let parameter = |one: &Value| (text(&one["name"]), text(&one["in"]), text(&one["description"]));
    let schema = &call["requestBody"]["content"]["application/json"]["schema"];
    let answers = call["responses"].as_object().into_iter().flatten();
    Call {
        method: method.to_uppercase(),
        path: path.to_owned(),
        summary,
        parameters: parameters.map(parameter).collect(),
        body: fields(document, schema),
        answers: answers.map(|(status, answer)| (status.clone(), text(&answer["description"]))).collect(),
    }
}

/// The object of a schema, or one of its variants; for a list, its items.
fn object<'a>(document: &'a Value, schema: &'a Value) -> Option<&'a Value> {
    if let Some(path) = schema["$ref"].as_str() {
        return object(document, document.pointer(path.trim_start_matches('#'))?);
    }
    if schema["properties"].is_object() {
        return Some(schema);
    }
    let choices = ["oneOf", "anyOf"].into_iter().filter_map(|name| schema[name].as_array()).flatten();
    choices.chain(schema.get("items")).find_map(|one| object(document, one))
}

/// The fields of a body: name, type, meaning.
fn fields(document: &Value, schema: &Value) -> Vec<(String, String, String)> {
    let schema = object(document, schema).unwrap_or(schema);
    let kind = |field: &Value| match &field["type"] {
        Value::String(kind) => kind.clone(),
        Value::Array(kinds) => kinds.iter().map(text).collect::<Vec<_>>().join(" | "),
        _ => String::new(),
    };
    let properties = schema["properties"].as_object().into_iter().flatten();
    properties.map(|(name, field)| (name.clone(), kind(field), text(&field["description"]))).collect()
}
