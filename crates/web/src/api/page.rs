//! Paginated lists, and their queries.

use std::sync::Arc;

use axum::{
    extract::{FromRequestParts, Path},
    http::request::Parts,
};
use gancho_model::Message;
use gancho_service::input::{self, Input, Rules, Whole};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::problem::Problem;
use crate::App;

/// Default number of items per page.
const LIMIT: usize = 50;

/// Number of items per page.
pub(crate) type Limit = Whole<1, 500>;

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

gancho_service::input! {
    /// The query of a list that is all on one page.
    pub struct WholeListQuery {
        /// At most so many; all are on one page.
        pub limit: Option<Limit>,
    }
}

/// A request's query as its input type; names must be unique and known.
pub(crate) struct Query<T>(pub T);

impl<T: Input> FromRequestParts<Arc<App>> for Query<T> {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, _: &Arc<App>) -> Result<Self, Problem> {
        let mut query = Map::new();
        for (name, value) in form_pairs(parts.uri.query().unwrap_or_default()) {
            // FacturaScripts' API writes conditions like this.
            let name = name.strip_prefix("filter[").and_then(|name| name.strip_suffix(']')).unwrap_or(&name).to_owned();
            if query.insert(name.clone(), Value::String(value)).is_some() {
                return Err(Problem::field(name, Message::new("error-twice")));
            }
        }
        let rules = Rules { are_texts: true, ..Rules::default() };
        Ok(Self(input::read(Value::Object(query), rules)?))
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

/// The number of items per page.
pub(crate) fn limit(given: Option<Limit>) -> usize {
    given.map_or(LIMIT, |limit| limit.small() as usize)
}

/// An id in the path; an invalid one yields 404.
pub(crate) struct Id<T>(pub T);

impl<T: std::str::FromStr> FromRequestParts<Arc<App>> for Id<T> {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let Path(text): Path<String> = Path::from_request_parts(parts, app).await.map_err(|_| Problem::unnamed())?;
        text.parse().map(Self).map_err(|_| Problem::unnamed())
    }
}
