//! A source's status, as the node that watches it stores it for the others.

use gancho_model::{Message, Origin, Timestamp};
use gancho_service::{Pace, SourceStatus, outbox::PluginStatus};
use gancho_words::{Language, Words, ZONE};
use serde::{Deserialize, Serialize};

/// A [`SourceStatus`] with its error rendered in both languages.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SharedStatus {
    down: bool,
    asks: bool,
    lag_s: Option<f64>,
    backlog: Option<u64>,
    /// In Spanish and in English.
    last_error: Option<(String, String)>,
    down_since: Option<Timestamp>,
    plugin: Option<PluginStatus>,
    writers: Vec<Origin>,
    /// Seconds until new records are found, and until changes are.
    pace: Option<(u64, u64)>,
}

impl From<SourceStatus> for SharedStatus {
    fn from(status: SourceStatus) -> Self {
        let said = |error: &Message| (Words::new(Language::Es, ZONE).message(error), Words::english().message(error));
        Self {
            down: status.down,
            asks: status.asks,
            lag_s: status.lag_s,
            backlog: status.backlog,
            last_error: status.last_error.as_ref().map(said),
            down_since: status.down_since,
            plugin: status.plugin,
            writers: status.writers,
            pace: status.pace.map(|pace| (pace.new_s, pace.changes_s)),
        }
    }
}

impl From<SharedStatus> for SourceStatus {
    fn from(told: SharedStatus) -> Self {
        let said = |(spanish, english): (String, String)| {
            Message::new("remote-error").with("spanish", spanish).with("english", english)
        };
        Self {
            down: told.down,
            asks: told.asks,
            lag_s: told.lag_s,
            backlog: told.backlog,
            last_error: told.last_error.map(said),
            down_since: told.down_since,
            plugin: told.plugin,
            writers: told.writers,
            pace: told.pace.map(|(new_s, changes_s)| Pace { new_s, changes_s }),
        }
    }
}
