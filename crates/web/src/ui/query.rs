//! Query parameters of pages: filters in the URL can be shared.

use std::{convert::Infallible, sync::Arc};

use axum::{extract::FromRequestParts, http::request::Parts};
use gancho_model::{Pattern, Timestamp};
use gancho_words::Words;

use crate::App;

/// A page's query. Names are unique; of duplicates the last counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query(Vec<(String, String)>);

/// An invalid filter: its name.
pub(crate) struct Unreadable(pub &'static str);

impl Query {
    /// With these values, without empty ones.
    pub fn of<'a>(values: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let given = values.filter(|(_, value)| !value.is_empty());
        Self(given.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    /// A value; `None` if missing or empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        let last = self.0.iter().rev().find(|(known, _)| known == name);
        last.map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
    }

    /// The same, empty if missing.
    pub fn text(&self, name: &str) -> &str {
        self.get(name).unwrap_or_default()
    }

    /// A parsed value; an invalid one counts as missing.
    pub fn read<T>(&self, name: &str, read: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        self.get(name).and_then(read)
    }

    /// A parsed value; an invalid one is an error.
    pub fn must<T>(&self, name: &'static str, read: impl FnOnce(&str) -> Option<T>) -> Result<Option<T>, Unreadable> {
        self.get(name).map(|text| read(text).ok_or(Unreadable(name))).transpose()
    }

    /// Event patterns, separated by commas.
    pub fn patterns(&self, name: &'static str) -> Result<Vec<Pattern>, Unreadable> {
        let parts = self.text(name).split(',').map(str::trim).filter(|part| !part.is_empty());
        parts.map(|part| Pattern::parse(part).map_err(|_| Unreadable(name))).collect()
    }

    /// The time range: from `from` to `to` in the reader's zone, or since `hours` ago.
    pub fn range(&self, words: &Words, now: Timestamp) -> Result<(Option<Timestamp>, Option<Timestamp>), Unreadable> {
        let hours = |text: &str| text.parse::<i64>().ok().filter(|hours| (1..=24 * 366).contains(hours));
        let hours = self.must("hours", hours)?.map(|hours| now.plus_ms(-hours * 3_600_000));
        let from = self.must("from", |text| words.parse_time(text))?;
        // The last minute is included.
        let to = self.must("to", |text| words.parse_time(text))?.map(|to| to.plus_ms(60_000));
        Ok((from.or(hours), to))
    }

    /// With all values of a name joined by commas.
    #[must_use]
    pub fn joined(mut self, name: &str) -> Self {
        let all = self.all(name).join(",");
        self.0.retain(|(known, _)| known != name);
        self.0.push((name.to_owned(), all));
        self
    }

    /// All values of a name.
    pub fn all(&self, name: &str) -> Vec<&str> {
        self.0.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str()).collect()
    }

    /// The query string with only these names, and an additional value.
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
