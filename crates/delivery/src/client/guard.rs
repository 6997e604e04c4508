use std::net::IpAddr;

use gancho_model::{ErrorKind, address::Allowed};
use url::Url;

use super::SendError;

/// Decides which addresses may be dialled. Nothing is dialled that did not pass here.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    allowed: Allowed,
}

impl Guard {
    /// Refuses what must not be called, but for what a person allowed.
    pub fn new(allowed: Allowed) -> Self {
        Self { allowed }
    }

    /// Whether this is the URL of a bin of our own: what is sent there shares no connection with anything else here.
    pub(super) fn is_own_bin(&self, url: &Url) -> bool {
        self.allowed.is_own_bin(url)
    }

    /// Judges addresses of a URL's host together: one refused address among them refuses all, since somebody is trying
    /// something.
    ///
    /// # Errors
    /// `blocked`, naming the address and the setting that allows it.
    pub fn check(&self, url: &Url, addresses: &[IpAddr]) -> Result<(), SendError> {
        for address in addresses {
            if let Err(why) = self.allowed.check_url(url, *address) {
                let host = url.host_str().unwrap_or_default();
                let message = format!(
                    "{address} is not called: it is {why}. If it is yours, add {host} to the setting allow_hosts"
                );
                return Err(SendError::new(ErrorKind::Blocked, message));
            }
        }
        Ok(())
    }
}
