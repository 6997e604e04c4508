use gancho_model::{Origin, Source, Timestamp, mask};
use gancho_words::Words;
use serde::Serialize;
use utoipa::ToSchema;

use crate::App;

/// A source. Its address and key are secret: the address is masked, the key left out.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SourceView {
    pub(crate) id: String,
    name: String,
    /// `plugin`, `api` or `database`.
    kind: &'static str,
    url: Option<String>,
    /// The zone of its timestamps.
    time_zone: String,
    /// Watched models; those of the catalogue if null.
    models: Option<Vec<String>>,
    /// `paused` by a user; `waiting` until the first change arrives, then `ok`; `down` while the ERP can't be read;
    /// `asks` if it looks like a copy of the ERP, until it is confirmed: `last_error` has the reason.
    state: &'static str,
    /// Whether a person stopped it.
    paused: bool,
    /// Seconds between the last change and its arrival, if known.
    lag_s: Option<f64>,
    /// Rows waiting at the source, if known.
    backlog: Option<u64>,
    last_error: Option<String>,
    /// Who may write there, as events name them in `origin`: users and keys of the ERP's API, as far as they are known.
    #[schema(value_type = Vec<gancho_service::input::Object>)]
    writers: Vec<Origin>,
    #[schema(value_type = Option<String>, format = DateTime)]
    heard_at: Option<Timestamp>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// The token by which it pushes; shown once, when it is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) token: Option<String>,
    /// Only where it was changed: `key`, if that was dropped because the address leads to another origin.
    #[schema(value_type = Vec<String>)]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) dropped: Vec<&'static str>,
}

impl SourceView {
    pub fn new(app: &App, source: &Source) -> Self {
        let status = app.services.sources.status(source.id).unwrap_or_default();
        let state = match (status.asks, status.down, source.heard_at) {
            _ if source.paused => "paused",
            (true, ..) => "asks",
            (false, true, _) => "down",
            (false, false, Some(_)) => "ok",
            (false, false, None) => "waiting",
        };
        Self {
            id: source.id.to_string(),
            name: source.name.clone(),
            kind: source.kind.as_str(),
            url: source.url.as_ref().map(|url| mask::url(url.expose())),
            time_zone: source.time_zone.clone(),
            models: source.models.clone(),
            state,
            paused: source.paused,
            lag_s: status.lag_s,
            backlog: status.backlog,
            last_error: status.last_error.map(|message| Words::english().message(&message)),
            writers: status.writers,
            heard_at: source.heard_at,
            created_at: source.created_at,
            token: None,
            dropped: vec![],
        }
    }

    pub fn with_token(self, token: String) -> Self {
        Self { token: Some(token), ..self }
    }
}
