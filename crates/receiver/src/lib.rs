//! Receive Gancho's webhooks: verify the signature, read the event, handle each one once.
//!
//! ```
//! use gancho_receiver::{Event, Secret, Verifier, once, inbox::MemoryInbox};
//!
//! let secret = Secret::new("whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=");
//! let verifier = Verifier::new(secret.clone());
//! let inbox = MemoryInbox::default();
//!
//! // What arrived: the raw body, exactly as it came, and the headers.
//! let body = br#"{"id":"evt_1","event":"invoice.paid","created":1709546400,"data":{"object":{"total":1000}},"source":null}"#;
//! let signature = gancho_receiver::sign::standard(&secret, "evt_1", 1709546400, body).unwrap();
//! let header = |name: &str| match name {
//!     "webhook-id" => Some("evt_1"),
//!     "webhook-timestamp" => Some("1709546400"),
//!     "webhook-signature" => Some(signature.as_str()),
//!     _ => None,
//! };
//!
//! verifier.verify(header, body, 1709546410).unwrap();
//! let event = Event::parse(body).unwrap();
//! once(&inbox, &event.id, 1709546410, || Ok::<_, std::io::Error>(println!("{}", event.event))).unwrap();
//! ```
//!
//! Nothing here reads a clock or a socket: `now` is given, in Unix seconds, and headers come
//! through a closure, so that any HTTP framework fits. The features `axum` (an extractor) and
//! `sqlite` (an inbox on disk) are optional.

mod event;
pub mod headers;
pub mod inbox;
mod secret;
pub mod sign;
mod verify;

#[cfg(feature = "axum")]
pub mod extract;

pub use event::{Data, Event, EventError};
pub use inbox::{Claim, Inbox, Once, OnceError, once};
pub use secret::Secret;
pub use verify::{Scheme, Verified, Verifier, VerifyError};
