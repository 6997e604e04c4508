//! What fails for want of our own is no fault of the receiver's.

use std::{fs::File, io, net::SocketAddr};

/// No descriptor in this process, none in the system, no buffer, no memory (Linux's numbers).
const OURS: [i32; 4] = [24, 23, 105, 12];
/// No local port is left; but of IPv6, that this machine has no address to send from.
const NO_LOCAL_ADDRESS: i32 = 99;

/// Whether an error says that this machine, not the other, lacks something.
pub(crate) fn is_ours(error: &io::Error) -> bool {
    error.raw_os_error().is_some_and(|number| OURS.contains(&number))
}

/// The same of a connection to this address.
pub(crate) fn is_ours_to(address: SocketAddr, error: &io::Error) -> bool {
    is_ours(error) || address.is_ipv4() && error.raw_os_error() == Some(NO_LOCAL_ADDRESS)
}

/// Whether this process can open nothing more at this moment.
pub(crate) fn of_descriptors() -> bool {
    File::open("/dev/null").is_err_and(|error| is_ours(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_without_ipv6_lacks_nothing() {
        let error = io::Error::from_raw_os_error(NO_LOCAL_ADDRESS);
        assert!(is_ours_to("192.0.2.1:80".parse().unwrap(), &error));
        assert!(!is_ours_to("[2001:db8::1]:80".parse().unwrap(), &error));
        let full = io::Error::from_raw_os_error(24);
        assert!(is_ours_to("[2001:db8::1]:80".parse().unwrap(), &full));
    }
}
