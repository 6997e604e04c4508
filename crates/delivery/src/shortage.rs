//! Errors caused by a lack of resources on this machine, not by the receiver.

use std::{fs::File, io, net::SocketAddr};

/// No descriptor in this process or in the system, no buffer, no memory (Linux errno values).
const OURS: [i32; 4] = [24, 23, 105, 12];
/// No local port is left; for IPv6, it means that this machine has no source address.
const NO_LOCAL_ADDRESS: i32 = 99;

/// Whether an error means that this machine lacks a resource.
pub(crate) fn is_ours(error: &io::Error) -> bool {
    error.raw_os_error().is_some_and(|number| OURS.contains(&number))
}

/// The same for a connection to this address.
pub(crate) fn is_ours_to(address: SocketAddr, error: &io::Error) -> bool {
    is_ours(error) || address.is_ipv4() && error.raw_os_error() == Some(NO_LOCAL_ADDRESS)
}

/// Whether this process has no descriptors left at the moment.
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
