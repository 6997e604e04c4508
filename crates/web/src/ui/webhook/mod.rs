//! Webhooks: endpoints in the API.

pub mod act;
pub mod backfill;
pub mod change;
pub mod create;
mod evidence;
mod fill;
pub mod list;
pub mod look;
mod origins;
pub mod remove;
pub mod replay;
pub mod show;
pub(crate) mod tree;

use gancho_model::Endpoint;

/// Its display name, and its host.
pub(crate) fn names(endpoint: &Endpoint) -> (String, String) {
    let url = url::Url::parse(&endpoint.url).ok();
    let host = url.as_ref().and_then(|url| url.host_str()).unwrap_or_default().to_owned();
    let port = url.as_ref().and_then(url::Url::port).map(|port| format!(":{port}")).unwrap_or_default();
    let host = format!("{host}{port}");
    (endpoint.name.clone().unwrap_or_else(|| host.clone()), host)
}
