//! The origin of a change: who or what made it in the ERP.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The kind of an origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OriginKind {
    /// A user in the ERP's pages.
    User,
    /// A program with a key of the ERP's API.
    Api,
    /// A scheduled task of the ERP.
    Cron,
    /// An SQL statement from outside the ERP.
    Sql,
}

impl OriginKind {
    /// All values.
    pub const ALL: &'static [Self] = &[Self::User, Self::Api, Self::Cron, Self::Sql];

    /// The name in bodies.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Api => "api",
            Self::Cron => "cron",
            Self::Sql => "sql",
        }
    }

    /// Parses the name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == text)
    }
}

/// The origin of a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The kind.
    pub kind: OriginKind,
    /// The id: a user's nick or an API key's number; a text or a number.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub id: Value,
    /// Its display name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl Origin {
    /// The origin shared by all of these; `None` if they differ or one is unknown, since a change that involves another
    /// origin must not be ignored.
    pub fn shared<'a>(origins: impl IntoIterator<Item = Option<&'a Self>>) -> Option<Self> {
        let mut origins = origins.into_iter();
        let first = origins.next()??;
        let is_same = |other: Option<&Self>| other.is_some_and(|other| other.reference() == first.reference());
        origins.all(is_same).then(|| first.clone())
    }

    /// The short form: `api:3`, `cron`.
    pub fn reference(&self) -> OriginReference {
        let id = match &self.id {
            Value::String(id) => format!(":{id}"),
            Value::Null => String::new(),
            id => format!(":{id}"),
        };
        OriginReference(format!("{}{id}", self.kind.as_str()))
    }

    /// Its form in a body: `kind`, then `id` and `name` if known.
    pub fn to_json(&self) -> Value {
        json!(self)
    }

    /// Parses its form in a body.
    pub fn of_body(body: &Value) -> Option<Self> {
        serde_json::from_value(body.get("origin")?.clone()).ok()
    }
}

/// The short form of an origin: `kind:id`, or a kind alone for all of that kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OriginReference(String);

impl OriginReference {
    /// Maximum length in characters.
    pub const LENGTH_MAX: usize = 120;

    /// Parses `kind:id` or `kind`.
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, id) = text.split_once(':').map_or((text, None), |(kind, id)| (kind, Some(id)));
        OriginKind::parse(kind)?;
        let is_good = |id: &str| !id.is_empty() && id.trim() == id && !id.contains(char::is_control);
        (text.chars().count() <= Self::LENGTH_MAX && id.is_none_or(is_good)).then(|| Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether an origin matches.
    pub fn is_of(&self, origin: &Origin) -> bool {
        self.0 == origin.kind.as_str() || *self == origin.reference()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(kind: OriginKind, id: Value) -> Origin {
        Origin { kind, id, name: None }
    }

    #[test]
    fn a_reference_names_a_kind_or_one_of_it() {
        let (shop, ana) = (origin(OriginKind::Api, json!(3)), origin(OriginKind::User, json!("ana")));
        let read = |text| OriginReference::parse(text).expect("good");
        assert!(read("api:3").is_of(&shop) && read("api").is_of(&shop) && !read("api:33").is_of(&shop));
        assert!(read("api:3").is_of(&origin(OriginKind::Api, json!("3"))), "a number and its text are one");
        assert!(read("user:ana").is_of(&ana) && !read("user:ana").is_of(&shop));
        for bad in ["", "nobody", "api:", "api: 3", "user:a\n", "API:3"] {
            assert_eq!(OriginReference::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_another_had_a_part_in_has_no_origin() {
        let (shop, ana) = (origin(OriginKind::Api, json!(3)), origin(OriginKind::User, json!("ana")));
        assert_eq!(Origin::shared([Some(&shop), Some(&shop)]), Some(shop.clone()));
        assert_eq!(Origin::shared([Some(&shop), Some(&ana)]), None);
        assert_eq!(Origin::shared([Some(&shop), None]), None);
        assert_eq!(Origin::shared([]), None);
    }
}
