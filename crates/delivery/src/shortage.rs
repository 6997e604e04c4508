//! What fails for want of our own is no fault of the receiver's.

use std::{fs::File, io};

/// No descriptor in this process, none in the system, no buffer, no memory, no local port (Linux's numbers).
const OURS: [i32; 5] = [24, 23, 105, 12, 99];

/// Whether an error says that this machine, not the other, lacks something.
pub(crate) fn is_ours(error: &io::Error) -> bool {
    error.raw_os_error().is_some_and(|number| OURS.contains(&number))
}

/// Whether this process can open nothing more at this moment.
pub(crate) fn of_descriptors() -> bool {
    File::open("/dev/null").is_err_and(|error| is_ours(&error))
}
