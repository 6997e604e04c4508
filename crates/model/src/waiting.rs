//! Determines what a delivery waits for, and until when.

use crate::{Health, MonoTime, Priority, WaitingFor};

/// The state of a pending delivery and its endpoint.
#[derive(Clone, Copy, Debug)]
pub struct Pending<'a> {
    /// Its queue.
    pub lane: Priority,
    /// When it is due; while leased, the end of the lease.
    pub due: MonoTime,
    /// Whether a node has leased it: its attempt is under way or about to begin.
    pub leased: bool,
    /// Whether its endpoint is enabled.
    pub enabled: bool,
    /// Whether its endpoint is paused.
    pub paused: bool,
    /// Whether its endpoint has a rate limit.
    pub rated: bool,
    /// Its endpoint's health.
    pub health: &'a Health,
}

impl Pending<'_> {
    /// What it waits for, and until when if known: the first applicable reason in the order of CONTRACT §2. Tests are
    /// sent to any endpoint.
    pub fn waiting(&self, now: MonoTime) -> (WaitingFor, Option<MonoTime>) {
        let test = self.lane == Priority::Test;
        if !test && !self.enabled {
            return (WaitingFor::EndpointDisabled, None);
        }
        if !test && self.paused {
            return (WaitingFor::EndpointPaused, None);
        }
        if !test && self.health.is_failing() {
            let requested = self.health.is_probe_requested().then_some(now);
            return (WaitingFor::EndpointFailing, requested.or(self.health.probe_at));
        }
        let reason = match () {
            () if self.leased || self.due > now => WaitingFor::Attempt,
            () if self.rated => WaitingFor::Rate,
            () => WaitingFor::Slot,
        };
        (reason, Some(self.due))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timestamp;

    #[test]
    fn the_first_that_holds() {
        let (now, later) = (MonoTime::from_ms(1_000), MonoTime::from_ms(9_000));
        let well = Health::default();
        let failing = Health { failing_since: Some(Timestamp::from_s(0)), probe_at: Some(later), ..Health::default() };
        let asked = Health { probe_requests: 1, ..failing };
        let one = Pending {
            lane: Priority::Live,
            due: now,
            leased: false,
            enabled: true,
            paused: false,
            rated: true,
            health: &well,
        };
        let shut = Pending { enabled: false, paused: true, health: &failing, leased: true, ..one };
        for (pending, expected) in [
            (shut, (WaitingFor::EndpointDisabled, None)),
            (Pending { enabled: true, ..shut }, (WaitingFor::EndpointPaused, None)),
            (Pending { enabled: true, paused: false, ..shut }, (WaitingFor::EndpointFailing, Some(later))),
            (Pending { health: &asked, ..one }, (WaitingFor::EndpointFailing, Some(now))),
            (Pending { leased: true, ..one }, (WaitingFor::Attempt, Some(now))),
            (Pending { due: later, ..one }, (WaitingFor::Attempt, Some(later))),
            (one, (WaitingFor::Rate, Some(now))),
            (Pending { rated: false, ..one }, (WaitingFor::Slot, Some(now))),
            (Pending { lane: Priority::Test, ..shut }, (WaitingFor::Attempt, Some(now))),
        ] {
            assert_eq!(pending.waiting(now), expected, "{pending:?}");
        }
    }
}
