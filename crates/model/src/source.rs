use crate::{Secret, SourceId, Timestamp};

/// How an ERP is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceKind {
    /// The plugin pushes.
    Plugin,
    /// Its REST API is polled.
    Api,
    /// Triggers in its database.
    Database,
}

impl SourceKind {
    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Plugin => "plugin",
            Self::Api => "api",
            Self::Database => "database",
        }
    }

    /// Whether Gancho watches it. A plugin pushes by itself.
    pub fn is_watched(self) -> bool {
        self != Self::Plugin
    }

    /// Reads the word.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Plugin, Self::Api, Self::Database].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// An ERP installation with its connection.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// `src_…`
    pub id: SourceId,
    /// Its display name.
    pub name: String,
    /// How it is connected.
    pub kind: SourceKind,
    /// The address of the ERP or its database. Secret: it may contain a password.
    pub url: Option<Secret>,
    /// The key of its API.
    pub key: Option<Secret>,
    /// The time zone of its timestamps, an IANA name.
    pub time_zone: String,
    /// Captured models; those of the catalogue if `None`.
    pub models: Option<Vec<String>>,
    /// Whether a user paused it: nothing is read from the ERP.
    pub paused: bool,
    /// Time of its last change or event.
    pub heard_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
}
