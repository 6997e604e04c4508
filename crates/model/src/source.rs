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

    /// Whether Gancho watches it. A plugin sends by itself.
    pub fn is_watched(self) -> bool {
        self != Self::Plugin
    }

    /// Reads the word.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Plugin, Self::Api, Self::Database].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// One ERP installation, and how we read it.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// `src_…`
    pub id: SourceId,
    /// What people call it.
    pub name: String,
    /// How it is connected.
    pub kind: SourceKind,
    /// Where the ERP or its database is. Secret: passwords stand in it.
    pub url: Option<Secret>,
    /// The key of its API.
    pub key: Option<Secret>,
    /// The zone of its timestamps, an IANA name.
    pub time_zone: String,
    /// Watched models; those of the catalogue if none are named.
    pub models: Option<Vec<String>>,
    /// Whether a person stopped it: nothing is taken from the ERP.
    pub paused: bool,
    /// When its last change or event came.
    pub heard_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
}
