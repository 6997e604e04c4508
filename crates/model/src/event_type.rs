//! Event types (`invoice.paid`) and patterns for subscriptions (`invoice.*`).

use std::{fmt, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Maximum length of a type or pattern, in characters.
pub const LENGTH_MAX: usize = 100;

/// Nouns of Gancho's own events: only patterns with these nouns match them.
const OWN_NOUNS: [&str; 2] = ["endpoint", "source"];

/// An event's type: `noun.verb`, each part `[a-z][a-z0-9_]*`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventType(Arc<str>);

/// A subscription: a type, or one with `*` for any run of characters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pattern(Arc<str>);

/// The text is not an event type or pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadType {
    /// Not a valid type.
    #[error(
        "must be like invoice.paid: parts of a-z, 0-9 and _ that start with a letter, joined by dots, at most {LENGTH_MAX} characters"
    )]
    Type,
    /// Not a valid pattern.
    #[error(
        "must be an event type such as invoice.paid, or a pattern such as invoice.* or *, at most {LENGTH_MAX} characters"
    )]
    Pattern,
}

impl EventType {
    /// Parses a type.
    ///
    /// # Errors
    /// [`BadType::Type`] states the format.
    pub fn parse(text: &str) -> Result<Self, BadType> {
        let good_part = |part: &str| {
            part.starts_with(|first: char| first.is_ascii_lowercase())
                && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        };
        let good = text.len() <= LENGTH_MAX && text.contains('.') && text.split('.').all(good_part);
        good.then(|| Self(text.into())).ok_or(BadType::Type)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether only Gancho itself makes events of this type.
    pub fn is_own(&self) -> bool {
        OWN_NOUNS.contains(&self.noun())
    }

    fn noun(&self) -> &str {
        self.0.split('.').next().unwrap_or_default()
    }

    fn is_snapshot(&self) -> bool {
        self.0.ends_with(".snapshot")
    }
}

impl Pattern {
    /// `*`
    pub fn everything() -> Self {
        Self("*".into())
    }

    /// Parses a pattern.
    ///
    /// # Errors
    /// [`BadType::Pattern`] states the format.
    pub fn parse(text: &str) -> Result<Self, BadType> {
        let star = text.contains('*');
        let letters = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_.*".contains(&byte);
        let good = if star {
            text.len() <= LENGTH_MAX
                && text.bytes().all(letters)
                && text.split('.').all(|part| !part.is_empty())
                && !text.contains("**")
        } else {
            EventType::parse(text).is_ok()
        };
        good.then(|| Self(text.into())).ok_or(BadType::Pattern)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it matches an event of this type. Gancho's own events and snapshots match only patterns that name them:
    /// `endpoint.*`, `invoice.snapshot`, never `*` or `invoice.*`.
    pub fn matches(&self, event: &EventType) -> bool {
        let named = if event.is_own() {
            self.0.split('.').next() == Some(event.noun())
        } else {
            !event.is_snapshot() || self.0.ends_with(".snapshot")
        };
        named && glob(self.0.as_bytes(), event.0.as_bytes())
    }
}

/// Whether the text matches, with `*` for one or more characters. Backtracks only to the last star, so the time is at
/// most pattern × text.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        if p < pattern.len() && pattern[p] == b'*' {
            retry = Some((p + 1, t + 1));
            (p, t) = (p + 1, t + 1);
        } else if p < pattern.len() && pattern[p] == text[t] {
            (p, t) = (p + 1, t + 1);
        } else if let Some((after_star, taken)) = retry {
            retry = Some((after_star, taken + 1));
            (p, t) = (after_star, taken + 1);
        } else {
            return false;
        }
        if t > text.len() {
            return false;
        }
    }
    p == pattern.len()
}

macro_rules! text {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
            }
        }
    };
}
text!(EventType);
text!(Pattern);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn matches(pattern: &str, event: &str) -> bool {
        Pattern::parse(pattern).expect(pattern).matches(&EventType::parse(event).expect(event))
    }

    #[test]
    fn what_a_type_is() {
        for good in ["invoice.paid", "a.b.c", "delivery_note.created", "x1.y_2"] {
            assert!(EventType::parse(good).is_ok(), "{good}");
        }
        let long = format!("a.{}", "b".repeat(LENGTH_MAX));
        for bad in
            ["", "invoice", "Invoice.paid", ".paid", "invoice.", "a..b", "1a.b", "a.b c", "ñ.b", "a.*", long.as_str()]
        {
            assert!(EventType::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_a_pattern_matches() {
        assert!(matches("*", "invoice.paid"));
        assert!(matches("invoice.*", "invoice.paid"));
        assert!(matches("invoice.*", "invoice.line.added"));
        assert!(matches("*.deleted", "supplier_invoice.deleted"));
        assert!(matches("*.line.*", "invoice.line.added"));
        assert!(!matches("invoice.*", "supplier_invoice.paid"));
        assert!(!matches("*.deleted", "invoice.created"));
        assert!(!matches("invoice.paid", "invoice.unpaid"));
        assert!(!matches("invoice.paid*", "invoice.paid"), "a star stands for at least one character");
        for bad in ["", "invoice", "a..*", "**", "Invoice.*", "a.*.", "*?"] {
            assert!(Pattern::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn own_events_and_snapshots_want_to_be_named() {
        assert!(matches("endpoint.*", "endpoint.failing"));
        assert!(matches("source.down", "source.down"));
        assert!(matches("invoice.snapshot", "invoice.snapshot"));
        assert!(matches("*.snapshot", "invoice.snapshot"));
        assert!(!matches("*", "endpoint.failing"));
        assert!(!matches("*.failing", "endpoint.failing"));
        assert!(!matches("*", "invoice.snapshot"));
        assert!(!matches("invoice.*", "invoice.snapshot"));
    }

    proptest! {
        #[test]
        fn agrees_with_a_slow_matcher(pattern in "[ab*]{1,8}", text in "[ab]{0,10}") {
            fn slow(p: &[u8], t: &[u8]) -> bool {
                match (p.split_first(), t.split_first()) {
                    (None, None) => true,
                    (Some((b'*', rest)), Some((_, tail))) => slow(rest, tail) || slow(p, tail),
                    (Some((a, rest)), Some((b, tail))) => a == b && slow(rest, tail),
                    _ => false,
                }
            }
            prop_assert_eq!(glob(pattern.as_bytes(), text.as_bytes()), slow(pattern.as_bytes(), text.as_bytes()));
        }
    }
}
