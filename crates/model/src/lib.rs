//! What Gancho's things are, and what is decided about them. Pure: no runtime, no database, no
//! network, no clock. Time and randomness come in as arguments.

pub mod address;
mod ambient;
mod attempt;
pub mod canonical;
mod change;
mod delivery;
mod endpoint;
mod event;
pub mod event_type;
mod head;
pub mod header;
mod health;
mod hearing;
mod id;
pub mod json;
pub mod limits;
pub mod mask;
mod plan;
mod source;
pub mod target;
mod time;
mod token;
mod user;
mod verdict;

pub use ambient::Ambient;
pub use attempt::{Attempt, ErrorKind, Failure, Phases, Reply};
pub use change::{Change, Operation, Record};
pub use delivery::{Delivery, Lane, LastAttempt, Reason, State};
pub use endpoint::{Endpoint, SigningSecrets};
pub use event::{Event, ObjectKey, Payload, render_body};
pub use event_type::{EventType, Pattern};
pub use gancho_receiver::Secret;
pub use head::Head;
pub use health::{FAILING_AFTER, Health, HealthState, Turn};
pub use hearing::{Finding, Hearing, Standing};
pub use id::{BadId, DeliveryId, EndpointId, EventId, SourceId, TokenId, UserId};
pub use plan::Plan;
pub use source::{Source, SourceKind};
pub use time::Timestamp;
pub use token::{Caller, Scope, Token};
pub use user::{Role, User};
pub use verdict::{Verdict, judge, retry_after_ms};
