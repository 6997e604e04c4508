use serde::{Deserialize, Serialize};

use crate::{DeliveryId, EndpointId, ErrorKind, EventId, EventType, Timestamp};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $word)] $variant),+ }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];
            /// The word that the API and the store use.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
            /// Reads the word.
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.as_str() == text)
            }
        }
    };
}

words! {
    /// Where a delivery stands.
    State {
        /// It waits for its first or next attempt.
        Pending = "pending",
        /// The receiver answered 2xx.
        Delivered = "delivered",
        /// All attempts failed, or it waited too long.
        Failed = "failed",
        /// A person stopped it.
        Cancelled = "cancelled",
        /// It was never sent, for the reason given.
        Skipped = "skipped",
    }
}

words! {
    /// Why a delivery ended without a last attempt that explains it.
    Reason {
        /// It waited longer than the retention.
        Expired = "expired",
        /// The event's body is over the limit.
        TooLarge = "too_large",
        /// A person cancelled it.
        Cancelled = "cancelled",
        /// Its endpoint was removed.
        EndpointRemoved = "endpoint_removed",
        /// The endpoint's condition does not hold.
        Condition = "condition",
        /// The endpoint's condition could not be worked out.
        ConditionError = "condition_error",
        /// The endpoint's template made no body.
        TemplateError = "template_error",
        /// It comes from an origin that the endpoint ignores.
        Origin = "origin",
        /// It is of a company that the endpoint did not ask for.
        Company = "company",
    }
}

words! {
    /// What a delivery that waits is waiting for.
    WaitingFor {
        /// Its attempt is under way, or planned for later.
        Attempt = "attempt",
        /// Its endpoint fails: one probe at a time goes.
        EndpointFailing = "endpoint_failing",
        /// Its endpoint is paused.
        EndpointPaused = "endpoint_paused",
        /// Its endpoint is disabled.
        EndpointDisabled = "endpoint_disabled",
        /// Its endpoint's limit of attempts a second.
        Rate = "rate",
        /// Earlier deliveries of the same endpoint, or of others, that take up the places.
        Slot = "slot",
        /// An earlier event of the same object.
        Order = "order",
    }
}

words! {
    /// Which queue of its endpoint a delivery waits in.
    Priority {
        /// Events as they come.
        Live = "live",
        /// Events sent again: they don't hold the live ones up and don't touch the endpoint's health.
        Replay = "replay",
        /// A sample sent by a person: it goes even to a disabled endpoint.
        Test = "test",
    }
}

/// One event on its way to one endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// `dlv_…`
    pub id: DeliveryId,
    /// The event.
    pub event_id: EventId,
    /// Its type.
    pub event: EventType,
    /// What people call its event, such as a document's number.
    pub label: Option<String>,
    /// The endpoint.
    pub endpoint_id: EndpointId,
    /// The endpoint's URL, as it is now.
    pub url: String,
    /// Where it stands.
    pub state: State,
    /// Why it ended, if no attempt says so.
    pub reason: Option<Reason>,
    /// Which queue.
    pub lane: Priority,
    /// Attempts made.
    pub attempts: u32,
    /// Attempts that it may have.
    pub max_attempts: u32,
    /// While pending: what it waits for.
    pub waiting_for: Option<WaitingFor>,
    /// While pending: when its next attempt may go, by the wall clock; nothing while that is not known.
    pub next_attempt_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// The last attempt, in short.
    pub last: Option<LastAttempt>,
}

/// A delivery's last attempt, in short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastAttempt {
    /// When it began.
    pub at: Timestamp,
    /// The answer's status.
    pub status_code: Option<u16>,
    /// Why it failed.
    pub error: Option<ErrorKind>,
    /// How long it took.
    pub duration_ms: u32,
}
