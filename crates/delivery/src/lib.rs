//! The engine: claims what is due, signs it, dials with care, sends, judges, records.
//!
//! The store is the only hand-over. A delivery is leased before its attempt and recorded after it;
//! no transaction is open in between.

mod address_book;
mod attempt;
mod client;
mod dispatcher;
mod engine;
mod measure;
mod notifier;
mod recorder;
#[cfg(test)]
mod recorder_tests;
mod request;
mod scheduler;
mod shortage;
#[cfg(test)]
mod simulation;
mod unrecorded;
mod upkeep;

pub use address_book::{AddressBook, LookupResult, ResolveError, SystemResolver};
pub use client::{Client, ClientOptions, EgressProxy, Guard, SendError};
pub use engine::{Engine, EngineFailed, EngineOptions};
