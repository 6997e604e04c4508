//! What people read: sentences from Fluent files, and times, numbers and money, in the reader's
//! language and zone. Pure.

mod bundle;
mod delivery;
mod event;
mod fold;
mod language;
mod number;
mod time;

use std::sync::LazyLock;

use gancho_model::{Arg, Message};
use jiff::tz::TimeZone;

pub use fold::fold;
pub use language::Language;

/// The zone of those who name none.
pub const ZONE: &str = "Europe/Madrid";

/// One reader's language and zone.
#[derive(Clone, Debug)]
pub struct Words {
    language: Language,
    zone: TimeZone,
    /// For programs and logs: what the systems below said is part of the sentence.
    is_raw: bool,
}

impl Words {
    /// For a reader in this IANA zone; an unknown one is [`ZONE`].
    pub fn new(language: Language, zone: &str) -> Self {
        let zone = TimeZone::get(zone).or_else(|_| TimeZone::get(ZONE)).unwrap_or(TimeZone::UTC);
        Self { language, zone, is_raw: false }
    }

    /// English and UTC: what programs and logs get.
    pub fn english() -> &'static Self {
        static ENGLISH: LazyLock<Words> =
            LazyLock::new(|| Words { language: Language::En, zone: TimeZone::UTC, is_raw: true });
        &ENGLISH
    }

    /// The reader's language.
    pub fn language(&self) -> Language {
        self.language
    }

    /// The IANA name of the reader's zone.
    pub fn zone(&self) -> &str {
        self.zone.iana_name().unwrap_or(ZONE)
    }

    /// The text of this name; the name itself if there is none, which a test rules out.
    pub fn get(&self, id: &str) -> String {
        bundle::text(self.language, id, &[])
    }

    /// Whether there is a text of this name.
    pub fn has(&self, id: &str) -> bool {
        bundle::has(self.language, id)
    }

    /// A text with a number in it, named `count`.
    pub fn count(&self, id: &str, count: u64) -> String {
        bundle::text(self.language, id, &[("count", Arg::Number(i64::try_from(count).unwrap_or(i64::MAX)))])
    }

    /// A text with facts in it.
    pub fn with(&self, id: &str, facts: &[(&'static str, Arg)]) -> String {
        bundle::text(self.language, id, facts)
    }

    /// A message in the reader's words; for programs and logs, with [`Words::raw`] behind it.
    pub fn message(&self, message: &Message) -> String {
        let text = bundle::text(self.language, message.id, &message.args);
        match self.raw(message).filter(|_| self.is_raw) {
            // Last, and nothing after it: it may be a command to copy.
            Some(raw) => format!("{}: {raw}", text.trim_end_matches('.')),
            None => text,
        }
    }

    /// What a system below said in its own words (a database, TLS, a name server), where the message carries that: people
    /// find it behind "details". It is the attribute `.raw` of the text.
    pub fn raw(&self, message: &Message) -> Option<String> {
        let own = bundle::attribute_with(self.language, message.id, "raw", &message.args);
        own.or_else(|| {
            message.args.iter().find_map(|(_, arg)| match arg {
                Arg::Message(inner) => self.raw(inner),
                _ => None,
            })
        })
    }
}

#[cfg(test)]
mod tests;
