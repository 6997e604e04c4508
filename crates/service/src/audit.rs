use std::sync::Arc;

use gancho_model::{AuditEntry, Environment};
use gancho_store::Store;
use serde_json::{Map, Value};

/// Writes the audit log.
#[derive(Clone)]
pub struct Audit {
    store: Arc<dyn Store>,
    environment: Arc<dyn Environment>,
}

impl Audit {
    /// An audit log in this store.
    pub fn new(store: Arc<dyn Store>, environment: Arc<dyn Environment>) -> Self {
        Self { store, environment }
    }

    /// Records an action. The action is done already: a failure to record it is only logged.
    pub async fn record(&self, who: &str, action: &str, object: &impl ToString, name: String) {
        self.record_details(who, action, object, name, Map::new()).await;
    }

    /// The same with changes: old and new values by field, secrets masked.
    pub async fn record_details(
        &self,
        who: &str,
        action: &str,
        object: &impl ToString,
        name: String,
        details: Map<String, Value>,
    ) {
        let object = object.to_string();
        tracing::info!(who, action, object, "somebody changed something");
        let (who, action, at) = (who.to_owned(), action.to_owned(), self.environment.now());
        if let Err(error) = self.store.note(AuditEntry { at, who, action, object, name, details }).await {
            tracing::warn!(%error, "an audit entry could not be stored");
        }
    }
}

/// A count as the details of an entry.
pub(crate) fn count_details(count: u64) -> Map<String, Value> {
    [("count".to_owned(), count.into())].into_iter().collect()
}
