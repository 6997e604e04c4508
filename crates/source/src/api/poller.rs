//! The state of polling one ERP, and its persistent marks.

use std::{collections::HashMap, sync::Arc};

use gancho_intake::{Intake, digest};
use gancho_model::{Message, Source};
use gancho_store::Store;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{Base, ErpClient, PollingOptions, seen::SeenRecords, source_error::SourceError};
use crate::report::Report;

/// Polls one source's API.
pub(crate) struct ApiPoller {
    /// The source.
    pub source: Source,
    /// The store of snapshots.
    pub store: Arc<dyn Store>,
    /// Receives its changes.
    pub intake: Arc<Intake>,
    /// Receives its status.
    pub report: Report,
    /// Options of polling.
    pub options: PollingOptions,
    /// Inactivity of a database connection of the ERP after which its changes form one group, milliseconds.
    pub quiet_ms: i64,
    /// Notified when the cause of a stop was fixed.
    pub again: Arc<Notify>,
    /// Cancelled to stop it.
    pub stop: CancellationToken,
}

/// A client for a source's API.
///
/// # Errors
/// If its address or key is missing or invalid.
pub(crate) fn client(source: &Source, per_s: u32) -> Result<ErpClient, Message> {
    let base = Base::of(source)?;
    let key = source.key.clone().ok_or_else(|| Message::new("error-erp-key"))?;
    ErpClient::new(base, key, per_s).map_err(|error| error.message())
}

/// The mark that identifies the polled ERP: snapshots of another one don't apply.
pub(super) const ERP: &str = "erp";
/// The mark that the plugin's outbox was fetched: polling in addition would report everything twice.
pub(super) const FETCHED: &str = "fetched";
/// The mark of a key that may not fetch the outbox, to avoid another refusal.
pub(super) const NOT_FETCHED: &str = "not-fetched";
/// The mark of a refusal: the same key is not used again, not even after a restart.
pub(super) const REFUSED: &str = "refused";

impl ApiPoller {
    /// The marks of polling; empty if another ERP was polled.
    pub async fn settle(&self, seen: &SeenRecords) -> Result<HashMap<String, String>, SourceError> {
        let marks = seen.marks().await?;
        if marks.get(ERP) == Some(&self.erp_mark()) {
            return Ok(marks);
        }
        seen.forget().await?;
        seen.set_mark(ERP, self.erp_mark()).await?;
        Ok(HashMap::from([(ERP.to_owned(), self.erp_mark())]))
    }

    /// Identifies the ERP, without secret parts of its address.
    pub fn erp_mark(&self) -> String {
        short(Base::of(&self.source).map_or_else(|_| String::new(), |base| base.to("", None).to_string()).as_bytes())
    }

    /// Identifies the key.
    pub fn key_mark(&self) -> String {
        short(self.source.key.as_ref().map_or("", |key| key.expose()).as_bytes()) + " "
    }
}

fn short(bytes: &[u8]) -> String {
    digest(bytes).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
