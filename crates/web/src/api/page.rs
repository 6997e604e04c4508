//! Lists in pages, and their queries.

use std::sync::Arc;

use axum::{
    extract::{FromRequestParts, Path},
    http::request::Parts,
};
use gancho_model::Message;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{
    fields::{Errors, Fields},
    problem::Problem,
    read,
};
use crate::App;

const LIMIT: i64 = 50;
const LIMIT_MAX: i64 = 500;

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct List<T> {
    /// What is on it.
    pub data: Vec<T>,
    /// Give it as `after` for the next page; null on the last.
    pub next: Option<String>,
}

impl<T> List<T> {
    pub fn whole(data: Vec<T>) -> Self {
        Self { data, next: None }
    }
}

/// A request's query, each name once.
pub(crate) struct Query(Value);

impl Query {
    /// Reads it with `read`; unknown names are wrong.
    pub fn read<T>(self, read: impl FnOnce(&mut Fields<'_>) -> T) -> Result<T, Problem> {
        let mut errors = Errors::default();
        let read = Fields::of(self.0, "", &mut errors).map(|mut fields| {
            let value = read(&mut fields);
            fields.end();
            value
        });
        errors.finish(read)
    }
}

impl FromRequestParts<Arc<App>> for Query {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, _: &Arc<App>) -> Result<Self, Problem> {
        let mut query = Map::new();
        for (name, value) in form_pairs(parts.uri.query().unwrap_or_default()) {
            if query.insert(name.clone(), Value::String(value)).is_some() {
                return Err(Problem::field(name, Message::new("error-twice")));
            }
        }
        Ok(Self(Value::Object(query)))
    }
}

fn form_pairs(query: &str) -> impl Iterator<Item = (String, String)> {
    let pairs: axum::extract::Query<Vec<(String, String)>> = format!("http://x/?{query}")
        .parse()
        .ok()
        .and_then(|uri| axum::extract::Query::try_from_uri(&uri).ok())
        .unwrap_or_default();
    pairs.0.into_iter()
}

/// `?limit=`
pub(crate) fn limit(fields: &mut Fields<'_>) -> usize {
    let limit = fields.optional("limit", whole(1, LIMIT_MAX)).unwrap_or(LIMIT);
    usize::try_from(limit).unwrap_or(1)
}

/// A whole number in a query.
pub(crate) fn whole(least: i64, most: i64) -> impl Fn(Value) -> Result<i64, Message> {
    move |value| {
        let number: Option<i64> = value.as_str().and_then(|text| text.parse().ok());
        read::number(least, most)(number.map_or(Value::Null, Value::from))
    }
}

/// `true` or `false` in a query.
pub(crate) fn flag(value: Value) -> Result<bool, Message> {
    let flag: Option<bool> = value.as_str().and_then(|text| text.parse().ok());
    read::flag(flag.map_or(Value::Null, Value::from))
}

/// An id in the path; one that is none of ours names nothing: 404.
pub(crate) struct Id<T>(pub T);

impl<T: std::str::FromStr> FromRequestParts<Arc<App>> for Id<T> {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let missing = || Problem::missing("thing: the id in the address is not known");
        let Path(text): Path<String> = Path::from_request_parts(parts, app).await.map_err(|_| missing())?;
        text.parse().map(Self).map_err(|_| missing())
    }
}
