use serde::{Deserialize, Serialize};

use crate::{DeliveryId, EndpointId, ErrorKind, EventId, EventType, Timestamp};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $word)] $variant),+ }

        impl $name {
            /// All values.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];
            /// The name in the API and the store.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
            /// Parses the name.
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.as_str() == text)
            }
        }
    };
}

words! {
    /// The state of a delivery.
    State {
        /// It waits for its first or next attempt.
        Pending = "pending",
        /// The receiver answered 2xx.
        Delivered = "delivered",
        /// All attempts failed, or it expired.
        Failed = "failed",
        /// A user cancelled it.
        Cancelled = "cancelled",
        /// It was never sent, for the reason given.
        Skipped = "skipped",
    }
}

words! {
    /// Why a delivery ended, if its last attempt does not explain it.
    Reason {
        /// It was pending for longer than the retention.
        Expired = "expired",
        /// The event's body exceeds the limit.
        TooLarge = "too_large",
        /// A user cancelled it.
        Cancelled = "cancelled",
        /// Its endpoint was removed.
        EndpointRemoved = "endpoint_removed",
        /// The endpoint's condition is false.
        Condition = "condition",
        /// The endpoint's condition could not be evaluated.
        ConditionError = "condition_error",
        /// The endpoint's template yielded no body.
        TemplateError = "template_error",
        /// It comes from an origin that the endpoint ignores.
        Origin = "origin",
        /// It belongs to a company that the endpoint does not include.
        Company = "company",
    }
}

words! {
    /// What a pending delivery waits for.
    WaitingFor {
        /// Its attempt is under way or scheduled.
        Attempt = "attempt",
        /// Its endpoint is failing: it is probed only.
        EndpointFailing = "endpoint_failing",
        /// Its endpoint is paused.
        EndpointPaused = "endpoint_paused",
        /// Its endpoint is disabled.
        EndpointDisabled = "endpoint_disabled",
        /// Its endpoint's rate limit.
        Rate = "rate",
        /// Free slots, used by other deliveries of the same or other endpoints.
        Slot = "slot",
        /// An earlier event of the same object.
        Order = "order",
    }
}

words! {
    /// The queue of a delivery.
    Priority {
        /// New events.
        Live = "live",
        /// Resent events: they don't delay live ones and don't affect the endpoint's health.
        Replay = "replay",
        /// A sample sent by a user: it is sent even to a disabled endpoint.
        Test = "test",
    }
}

/// The delivery of one event to one endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// `dlv_…`
    pub id: DeliveryId,
    /// The event.
    pub event_id: EventId,
    /// Its type.
    pub event: EventType,
    /// The event's display name, such as a document's number.
    pub label: Option<String>,
    /// The endpoint.
    pub endpoint_id: EndpointId,
    /// The endpoint's current URL.
    pub url: String,
    /// Its state.
    pub state: State,
    /// Why it ended, if no attempt explains it.
    pub reason: Option<Reason>,
    /// Its queue.
    pub lane: Priority,
    /// Number of attempts made.
    pub attempts: u32,
    /// Maximum attempts.
    pub max_attempts: u32,
    /// While pending: what it waits for.
    pub waiting_for: Option<WaitingFor>,
    /// While pending: when its next attempt is due, by the wall clock; `None` if unknown.
    pub next_attempt_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// A summary of the last attempt.
    pub last: Option<LastAttempt>,
}

/// A summary of a delivery's last attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastAttempt {
    /// When it began.
    pub at: Timestamp,
    /// The response's status.
    pub status_code: Option<u16>,
    /// Why it failed.
    pub error: Option<ErrorKind>,
    /// How long it took.
    pub duration_ms: u32,
}
