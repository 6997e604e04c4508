//! Adds the statuses that all routes of a kind can return to those that a route declares itself.

use utoipa::openapi::{
    Content, OpenApi, PathItem, Ref, RefOr, Response, ResponseBuilder,
    path::{Operation, Parameter, ParameterIn},
};

/// For all routes.
const ALWAYS: &[(u16, &str)] = &[
    (400, "the request is malformed: no Host header, or several"),
    (401, "no token, or one that is not known"),
    (500, "the store is damaged"),
    (503, "the store is busy: try again after `Retry-After`"),
];
/// For routes that need a scope.
const SCOPED: (u16, &str) = (403, "the token's scope does not allow it");
/// For routes with an id in the path.
const NAMED: (u16, &str) = (404, "what the address names is not there: it may have been removed");
/// For routes with a query.
const QUERIED: (u16, &str) = (422, "wrong fields: `errors` names each");
/// For routes with a body.
const WITH_BODY: &[(u16, &str)] = &[
    (400, "the body is no JSON that can be kept exactly"),
    (408, "the body did not come in time"),
    (413, "the body is too large"),
    (415, "the body is not declared as JSON"),
    (422, "wrong fields: `errors` names each"),
];
/// The only route for any token, if only for its own source: others are not found.
const ANY_TOKEN: (&str, &str) = ("/api/v1/sources/{id}", "get");
/// The only body that is read regardless of its content type.
const UNDECLARED: &str = "/api/v1/outbox";

/// Adds the statuses of each route's kind, and the body of every error.
pub(super) fn complete(document: &mut OpenApi) {
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in operations(item) {
            for (status, description) in implied(path, method, operation) {
                let responses = &mut operation.responses.responses;
                responses.entry(status.to_string()).or_insert_with(|| described(description).into());
            }
            for (status, response) in &mut operation.responses.responses {
                if let RefOr::T(response) = response
                    && status.starts_with(['4', '5'])
                {
                    response.content.insert("application/problem+json".into(), problem().into());
                }
            }
        }
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    let PathItem { get, post, patch, delete, .. } = item;
    let all = [("get", get), ("post", post), ("patch", patch), ("delete", delete)];
    all.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

fn implied(path: &str, method: &str, operation: &Operation) -> Vec<(u16, &'static str)> {
    let mut implied = vec![];
    if operation.request_body.is_some() {
        implied.extend(WITH_BODY.iter().filter(|(status, _)| *status != 415 || path != UNDECLARED));
    }
    implied.extend(ALWAYS);
    if (path, method) != ANY_TOKEN {
        implied.push(SCOPED);
    }
    if path.contains('{') {
        implied.push(NAMED);
    }
    let parameters = operation.parameters.iter().flatten();
    let is_query =
        |parameter: &RefOr<Parameter>| matches!(parameter, RefOr::T(one) if one.parameter_in == ParameterIn::Query);
    if parameters.into_iter().any(is_query) {
        implied.push(QUERIED);
    }
    implied
}

fn described(description: &str) -> Response {
    ResponseBuilder::new().description(description).build()
}

fn problem() -> Content {
    Content::new(Some(Ref::from_schema_name("ProblemBody")))
}
