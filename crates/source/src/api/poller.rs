//! What it takes to ask one ERP, and what is noted of how far that has come.

use std::{collections::HashMap, sync::Arc};

use gancho_intake::{Intake, digest};
use gancho_model::{Message, Source};
use gancho_store::Store;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{Base, ErpClient, PollingOptions, seen::SeenRecords, source_error::SourceError};
use crate::report::Report;

/// Asks one source's API.
pub(crate) struct ApiPoller {
    /// The source.
    pub source: Source,
    /// Where what was seen is kept.
    pub store: Arc<dyn Store>,
    /// Where its changes go.
    pub intake: Arc<Intake>,
    /// Where it reports its state.
    pub report: Report,
    /// How it asks.
    pub options: PollingOptions,
    /// Inactivity of a database connection of the ERP after which its changes count as one act, milliseconds.
    pub quiet_ms: i64,
    /// Rung when somebody mended what made it stop polling.
    pub again: Arc<Notify>,
    /// When it ends.
    pub stop: CancellationToken,
}

/// A connection to a source's API.
///
/// # Errors
/// What its address or key lacks.
pub(crate) fn client(source: &Source, per_s: u32) -> Result<ErpClient, Message> {
    let base = Base::of(source)?;
    let key = source.key.clone().ok_or_else(|| Message::new("error-erp-key"))?;
    ErpClient::new(base, key, per_s).map_err(|error| error.message())
}

/// The mark of the ERP that was polled: of another one nothing is known.
pub(super) const ERP: &str = "erp";
/// The mark that the plugin's outbox was fetched: polling beside it would report everything twice.
pub(super) const FETCHED: &str = "fetched";
/// The mark of a key that may not fetch the outbox, and needs not be refused once more.
pub(super) const NOT_FETCHED: &str = "not-fetched";
/// The mark of a refusal: with the same key nothing is asked again, not even after a restart.
pub(super) const REFUSED: &str = "refused";

impl ApiPoller {
    /// How far polling has come; nothing if it was another ERP that was asked.
    pub async fn settle(&self, seen: &SeenRecords) -> Result<HashMap<String, String>, SourceError> {
        let marks = seen.marks().await?;
        if marks.get(ERP) == Some(&self.erp_mark()) {
            return Ok(marks);
        }
        seen.forget().await?;
        seen.set_mark(ERP, self.erp_mark()).await?;
        Ok(HashMap::from([(ERP.to_owned(), self.erp_mark())]))
    }

    /// Which ERP it is, without what may be secret in its address.
    pub fn erp_mark(&self) -> String {
        short(Base::of(&self.source).map_or_else(|_| String::new(), |base| base.to("", None).to_string()).as_bytes())
    }

    /// Which key it is.
    pub fn key_mark(&self) -> String {
        short(self.source.key.as_ref().map_or("", |key| key.expose()).as_bytes()) + " "
    }
}

fn short(bytes: &[u8]) -> String {
    digest(bytes).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
