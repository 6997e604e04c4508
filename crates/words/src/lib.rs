//! Localization: messages from Fluent files, and times, numbers and money, in the reader's language and time zone.
//! Pure.

mod bundle;
mod delivery;
mod event;
mod language;
mod number;
mod time;

use std::sync::LazyLock;

use gancho_model::{Arg, Message};
use jiff::tz::TimeZone;

pub use gancho_model::fold;
pub use language::Language;

/// The default time zone.
pub const ZONE: &str = "Europe/Madrid";

/// One reader's language and zone.
#[derive(Clone, Debug)]
pub struct Words {
    language: Language,
    zone: TimeZone,
    /// For programs and logs: messages include the raw messages of underlying systems.
    is_raw: bool,
}

impl Words {
    /// For a reader in this IANA time zone; an unknown one becomes [`ZONE`].
    pub fn new(language: Language, zone: &str) -> Self {
        let zone = TimeZone::get(zone).or_else(|_| TimeZone::get(ZONE)).unwrap_or(TimeZone::UTC);
        Self { language, zone, is_raw: false }
    }

    /// English and UTC, for programs and logs.
    pub fn english() -> &'static Self {
        static ENGLISH: LazyLock<Words> =
            LazyLock::new(|| Words { language: Language::En, zone: TimeZone::UTC, is_raw: true });
        &ENGLISH
    }

    /// The reader's language.
    pub fn language(&self) -> Language {
        self.language
    }

    /// The IANA name of the reader's time zone.
    pub fn zone(&self) -> &str {
        self.zone.iana_name().unwrap_or(ZONE)
    }

    /// The message with this id; the id itself if there is none, which a test rules out.
    pub fn get(&self, id: &str) -> String {
        bundle::text(self.language, id, &[])
    }

    /// Whether a message with this id exists.
    pub fn has(&self, id: &str) -> bool {
        bundle::has(self.language, id)
    }

    /// A message with the argument `count`.
    pub fn count(&self, id: &str, count: u64) -> String {
        bundle::text(self.language, id, &[("count", Arg::Number(i64::try_from(count).unwrap_or(i64::MAX)))])
    }

    /// A message with arguments.
    pub fn with(&self, id: &str, facts: &[(&'static str, Arg)]) -> String {
        bundle::text(self.language, id, facts)
    }

    /// A localized message; for programs and logs, followed by [`Words::raw`].
    pub fn message(&self, message: &Message) -> String {
        let text = bundle::text(self.language, message.id, &message.args);
        match self.raw(message).filter(|_| self.is_raw) {
            // At the end, with nothing after it: it may be a command to copy.
            Some(raw) => format!("{}: {raw}", text.trim_end_matches('.')),
            None => text,
        }
    }

    /// The raw message of an underlying system (a database, TLS, a name server), if the message has one; pages show it
    /// under "details". It is the attribute `.raw` of the message.
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
