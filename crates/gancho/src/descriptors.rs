//! File descriptors: raises the limit, and divides it so that clients leave some for deliveries.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// For the database, logs, name servers, connections to ERPs, mail.
const OWN: u64 = 64;
/// Maximum client connections, whatever the system allows.
const CLIENTS_MAX: u64 = 16_384;

/// The division of descriptors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Unauthenticated client connections.
    pub strangers: usize,
    /// All client connections.
    pub clients: usize,
    /// Concurrent attempts.
    pub attempts: u32,
}

impl Budget {
    /// Divides a limit. An attempt needs one descriptor, and more while it resolves a name and dials.
    pub fn of(limit: u64) -> Self {
        let left = limit.saturating_sub(OWN).max(8);
        let strangers = (left / 4).clamp(2, CLIENTS_MAX);
        let clients = (left * 3 / 8).clamp(3, CLIENTS_MAX + CLIENTS_MAX / 2);
        let attempts = ((left - left * 3 / 8) * 7 / 8).max(1);
        let narrow = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
        Self {
            strangers: narrow(strangers),
            clients: narrow(clients),
            attempts: u32::try_from(attempts).unwrap_or(u32::MAX),
        }
    }
}

/// Raises the soft limit to the hard one (systemd's soft one is 1024), and divides it.
pub fn raise() -> Budget {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum {
        // If it can't be raised, the lower limit applies.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    }
    // No number means no limit.
    Budget::of(getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX / 8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_something_left_for_everybody() {
        for (limit, strangers, attempts) in [(256, 48, 105), (1024, 240, 525), (65_536, 16_368, 35_805)] {
            let budget = Budget::of(limit);
            assert_eq!((budget.strangers, budget.attempts), (strangers, attempts), "{limit}");
            assert!(budget.strangers < budget.clients);
            assert!(budget.clients as u64 + u64::from(budget.attempts) + OWN <= limit, "{limit}");
        }
        for limit in [0, 1, 64, 70, 100, u64::MAX / 8] {
            let budget = Budget::of(limit);
            assert!(budget.strangers > 0 && budget.clients > budget.strangers && budget.attempts > 0, "{limit}");
        }
    }
}
