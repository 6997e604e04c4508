//! Webhooks: what the API calls endpoints.

pub mod act;
pub mod change;
pub mod create;
mod fill;
pub mod list;
pub mod look;
pub mod remove;
pub mod replay;
pub mod show;
pub(crate) mod tree;

use gancho_model::{DeliveryId, Endpoint, EndpointId, LastAttempt, State};
use gancho_store::{DeliveryFilter, StoreError};

use crate::App;

/// Deliveries among which the last failure is looked for.
const LOOKED_AT: usize = 20;

/// The endpoint's last attempt that failed, among its newest deliveries.
pub(crate) async fn last_failure(app: &App, endpoint: EndpointId) -> Result<Option<LastAttempt>, StoreError> {
    let mut found = vec![];
    for state in [State::Pending, State::Failed] {
        let filter = DeliveryFilter { endpoint: Some(endpoint), state: Some(state), ..DeliveryFilter::default() };
        let page = app.store.deliveries(None::<DeliveryId>, filter, LOOKED_AT).await?;
        found.extend(page.items.into_iter().filter_map(|delivery| delivery.last).filter(|last| last.error.is_some()));
    }
    Ok(found.into_iter().max_by_key(|last| last.at))
}

/// What people call it, and its host.
pub(crate) fn names(endpoint: &Endpoint) -> (String, String) {
    let url = url::Url::parse(&endpoint.url).ok();
    let host = url.as_ref().and_then(|url| url.host_str()).unwrap_or_default().to_owned();
    let port = url.as_ref().and_then(url::Url::port).map(|port| format!(":{port}")).unwrap_or_default();
    let host = format!("{host}{port}");
    (endpoint.name.clone().unwrap_or_else(|| host.clone()), host)
}
