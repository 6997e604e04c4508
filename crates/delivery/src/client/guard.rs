use std::net::{IpAddr, SocketAddr};

use gancho_model::{ErrorKind, address::Allowed};
use url::{Host, Url};

use super::SendError;
use crate::AddressBook;

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

    /// The addresses of a URL, each of which passed. A name with one refused address among its
    /// answers is refused as a whole: somebody is trying something.
    ///
    /// # Errors
    /// `dns` when the name has no address, `blocked` when one of them is refused.
    pub async fn addresses(&self, url: &Url, book: &dyn AddressBook) -> Result<Vec<SocketAddr>, SendError> {
        let (Some(host), Some(port)) = (url.host(), url.port_or_known_default()) else {
            return Err(SendError::new(ErrorKind::Connect, "the URL has no host"));
        };
        let text = url.host_str().unwrap_or_default();
        let found: Vec<IpAddr> = match host {
            Host::Ipv4(address) => vec![address.into()],
            Host::Ipv6(address) => vec![address.into()],
            Host::Domain(name) => {
                book.look_up(name).await.map_err(|error| SendError::new(ErrorKind::Dns, error.to_string()))?
            }
        };
        if found.is_empty() {
            return Err(SendError::new(ErrorKind::Dns, "the name has no address"));
        }
        for address in &found {
            if let Err(why) = self.allowed.check(text, *address) {
                let message = format!(
                    "{address} is not called: it is {why}. If it is yours, add {text} to the setting allow_hosts"
                );
                return Err(SendError::new(ErrorKind::Blocked, message));
            }
        }
        Ok(found.into_iter().map(|address| SocketAddr::new(address, port)).collect())
    }
}
