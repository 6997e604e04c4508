//! The engine: claims due deliveries, signs them, connects to checked addresses, sends, decides and records.
//!
//! Deliveries reach the engine only through the store. A delivery is leased before its attempt and recorded after it;
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
