//! Endpoints: registered webhook URLs.

mod create;
mod difference;
mod input;
mod preset;
mod preview;
mod remove;
mod replay;
mod retry;
mod rotate;
mod send;
mod solve;
mod summary;
mod test;
mod update;

use gancho_model::{Endpoint, Message, mask};

use crate::{ServiceError, ServiceResult};

pub use input::{EndpointPatch, NewEndpoint, RetryInput};
pub use preset::{PRESETS, Preset};
pub use preview::{Preview, PreviewInput};
pub use replay::ReplayInput;
pub use rotate::{OVERLAP_S, RotationInput};
pub use send::SendInput;
pub(crate) use send::noun_of;
pub use summary::{HealthFacts, health_summary};
pub use test::TestInput;

/// Refuses actions on a listener's endpoint, to which the server never sends.
pub(crate) fn refuse_listener(endpoint: &Endpoint) -> ServiceResult<()> {
    if endpoint.is_listener() {
        return Err(ServiceError::Conflict(Message::new("conflict-listener")));
    }
    Ok(())
}

/// An endpoint's display name: its name, otherwise its masked address.
pub fn display_name(endpoint: &Endpoint) -> String {
    endpoint.name.clone().unwrap_or_else(|| mask::url(&endpoint.url))
}
