use std::net::IpAddr;

use gancho_model::{ErrorKind, address::Allowed};

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

    /// Judges addresses of a host together: one refused address among them refuses all, since somebody is trying
    /// something.
    ///
    /// # Errors
    /// `blocked`, naming the address and the setting that allows it.
    pub fn check(&self, host: &str, addresses: &[IpAddr]) -> Result<(), SendError> {
        for address in addresses {
            if let Err(why) = self.allowed.check(host, *address) {
                let message = format!(
                    "{address} is not called: it is {why}. If it is yours, add {host} to the setting allow_hosts"
                );
                return Err(SendError::new(ErrorKind::Blocked, message));
            }
        }
        Ok(())
    }
}
