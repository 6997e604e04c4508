//! Decides what may be resent.

use crate::{Mismatch, Priority, State};

/// Which events a replay resends to an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplayScope {
    /// Those with a failed delivery.
    Failed,
    /// Those that it would have received if it had been enabled with its current rules.
    Missed,
    /// All.
    All,
}

impl ReplayScope {
    /// Reads the word.
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "failed" => Self::Failed,
            "missed" => Self::Missed,
            "all" => Self::All,
            _ => return None,
        })
    }
}

/// A replay's action for one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplayAction {
    /// None: it does not match, is pending already, or can't be sent.
    Nothing,
    /// Resend its delivery.
    Requeue,
    /// Create a delivery.
    Insert,
}

/// Decides a replay's action for an event whose delivery to the endpoint has this state, or that has none; `mismatch`
/// and `fits` (its rules and the limits accept it) state whether it would get one now.
pub fn replay_action(scope: ReplayScope, known: Option<State>, mismatch: Option<Mismatch>, fits: bool) -> ReplayAction {
    // A disabled endpoint gets no new events, but requested ones are stored for it.
    let is_asked = matches!(mismatch, None | Some(Mismatch::Disabled));
    match known {
        Some(State::Pending) => ReplayAction::Nothing,
        // Its earlier rules excluded it; the current ones accept it.
        Some(State::Skipped) if scope != ReplayScope::Failed && fits && is_asked => ReplayAction::Requeue,
        Some(State::Skipped) => ReplayAction::Nothing,
        Some(state) if scope == ReplayScope::All || (scope == ReplayScope::Failed && state == State::Failed) => {
            ReplayAction::Requeue
        }
        None if scope != ReplayScope::Failed && fits && is_asked => ReplayAction::Insert,
        _ => ReplayAction::Nothing,
    }
}

/// Whether a bulk action may resend a delivery: it failed, and is no test. `is_chosen`: a user selected this one, even
/// if it was delivered.
pub fn may_resend(state: State, priority: Priority, is_chosen: bool) -> bool {
    let ended_badly = matches!(state, State::Failed | State::Cancelled);
    (ended_badly || (is_chosen && state == State::Delivered)) && priority != Priority::Test
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_of_a_replay() {
        use ReplayAction::{Insert, Nothing, Requeue};
        use ReplayScope::{All, Failed, Missed};
        for (scope, known, mismatch, fits, action) in [
            (Failed, Some(State::Failed), None, true, Requeue),
            (Failed, Some(State::Failed), Some(Mismatch::Type), true, Requeue),
            (Failed, Some(State::Delivered), None, true, Nothing),
            (Failed, None, None, true, Nothing),
            (Missed, Some(State::Failed), None, true, Nothing),
            (Missed, None, None, true, Insert),
            (Missed, None, Some(Mismatch::Disabled), true, Insert),
            (Missed, None, Some(Mismatch::Type), true, Nothing),
            (Missed, None, Some(Mismatch::Source), true, Nothing),
            (Missed, None, None, false, Nothing),
            (All, Some(State::Delivered), None, true, Requeue),
            (All, Some(State::Cancelled), None, true, Requeue),
            (All, Some(State::Pending), None, true, Nothing),
            (All, Some(State::Skipped), None, true, Requeue),
            (Missed, Some(State::Skipped), None, true, Requeue),
            (Missed, Some(State::Skipped), None, false, Nothing),
            (Failed, Some(State::Skipped), None, true, Nothing),
            (Missed, Some(State::Skipped), Some(Mismatch::Disabled), true, Requeue),
            (Missed, Some(State::Skipped), Some(Mismatch::Type), true, Nothing),
            (All, Some(State::Skipped), Some(Mismatch::Source), true, Nothing),
            (All, None, None, true, Insert),
        ] {
            let decided = replay_action(scope, known, mismatch, fits);
            assert_eq!(decided, action, "{scope:?} {known:?} {mismatch:?} {fits}");
        }
    }

    #[test]
    fn only_what_ended_badly_is_resent() {
        for state in State::ALL {
            for priority in Priority::ALL {
                let expected = ["failed", "cancelled"].contains(&state.as_str()) && priority.as_str() != "test";
                assert_eq!(may_resend(*state, *priority, false), expected);
                let chosen = expected || (*state == State::Delivered && *priority != Priority::Test);
                assert_eq!(may_resend(*state, *priority, true), chosen);
            }
        }
    }
}
