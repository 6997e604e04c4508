//! Where a change came from: who, or what, wrote to the ERP.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What kind of writer it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OriginKind {
    /// A person in the ERP's pages.
    User,
    /// A program, by a key of the ERP's API.
    Api,
    /// The ERP's own scheduled work.
    Cron,
    /// A statement that no part of the ERP ran.
    Sql,
}

impl OriginKind {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::User, Self::Api, Self::Cron, Self::Sql];

    /// The word that receivers see.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Api => "api",
            Self::Cron => "cron",
            Self::Sql => "sql",
        }
    }

    /// Reads the word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == text)
    }
}

/// Where a change came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// What kind of writer.
    pub kind: OriginKind,
    /// The id: a user's nick or an API key's number; a text or a number.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub id: Value,
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl Origin {
    /// The one from which all of these come. Where another had a part, or is not known, there is none: what somebody
    /// else changed too is news to everybody.
    pub fn shared<'a>(origins: impl IntoIterator<Item = Option<&'a Self>>) -> Option<Self> {
        let mut origins = origins.into_iter();
        let first = origins.next()??;
        let is_same = |other: Option<&Self>| other.is_some_and(|other| other.reference() == first.reference());
        origins.all(is_same).then(|| first.clone())
    }

    /// The same in short: `api:3`, `cron`.
    pub fn reference(&self) -> OriginReference {
        let id = match &self.id {
            Value::String(id) => format!(":{id}"),
            Value::Null => String::new(),
            id => format!(":{id}"),
        };
        OriginReference(format!("{}{id}", self.kind.as_str()))
    }

    /// As it stands in a body: `kind`, then `id` and `name` where they are known.
    pub fn to_json(&self) -> Value {
        json!(self)
    }

    /// As it stands in a body.
    pub fn of_body(body: &Value) -> Option<Self> {
        serde_json::from_value(body.get("origin")?.clone()).ok()
    }
}

/// An origin in short, as people write it: `kind:id`, or a kind alone for all of that kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OriginReference(String);

impl OriginReference {
    /// The longest, in characters.
    pub const LENGTH_MAX: usize = 120;

    /// Reads `kind:id` or `kind`.
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

    /// Whether an origin is meant.
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
