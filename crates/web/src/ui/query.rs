//! What stands in a page's address: filters that live there can be shared.

use std::{convert::Infallible, sync::Arc};

use axum::{extract::FromRequestParts, http::request::Parts};

use crate::App;

/// A page's query. Names stand once; of several the last counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    /// Of these values; empty ones are left out.
    pub fn of<'a>(values: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let given = values.filter(|(_, value)| !value.is_empty());
        Self(given.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    /// A value; nothing if it is not there or empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        let last = self.0.iter().rev().find(|(known, _)| known == name);
        last.map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
    }

    /// The same, empty if it is not there.
    pub fn text(&self, name: &str) -> &str {
        self.get(name).unwrap_or_default()
    }

    /// A value that can be read as something; what can't is as if it were not there.
    pub fn read<T>(&self, name: &str, read: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        self.get(name).and_then(read)
    }

    /// All values of a name.
    pub fn all(&self, name: &str) -> Vec<&str> {
        self.0.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str()).collect()
    }

    /// The query with some of its names only, and one more, as it stands in an address.
    pub fn with(&self, names: &[&str], more: Option<(&str, &str)>) -> String {
        let mut out = url::form_urlencoded::Serializer::new(String::new());
        for name in names {
            if let Some(value) = self.get(name) {
                out.append_pair(name, value);
            }
        }
        if let Some((name, value)) = more {
            out.append_pair(name, value);
        }
        out.finish()
    }
}

impl FromRequestParts<Arc<App>> for Query {
    type Rejection = Infallible;
    async fn from_request_parts(parts: &mut Parts, _: &Arc<App>) -> Result<Self, Infallible> {
        let query = parts.uri.query().unwrap_or_default();
        Ok(Self(url::form_urlencoded::parse(query.as_bytes()).into_owned().collect()))
    }
}
