use std::net::IpAddr;

use gancho_model::{ErrorKind, address::Allowed};
use url::Url;

use super::SendError;

/// Decides which addresses may be dialled; every dial passes this check.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    allowed: Allowed,
}

impl Guard {
    /// Refuses forbidden addresses, except those that the configuration allows.
    pub fn new(allowed: Allowed) -> Self {
        Self { allowed }
    }

    /// Whether this is the URL of one of our bins: such requests share no connection with others to this host.
    pub(super) fn is_own_bin(&self, url: &Url) -> bool {
        self.allowed.is_own_bin(url)
    }

    /// Checks all addresses of a URL's host: one forbidden address refuses all, since that indicates an attack.
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
