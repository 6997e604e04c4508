//! The engine: claims what is due, signs it, dials with care, sends, judges, records.
//!
//! The store is the only hand-over. A delivery is leased before its attempt and recorded after it;
//! no transaction is open in between.

mod address_book;
mod attempt;
mod bell;
mod client;
mod engine;
mod measure;
mod recorder;
mod request;
#[cfg(test)]
mod simulation;
mod upkeep;
mod window;

pub use address_book::{AddressBook, ResolveError, SystemResolver};
pub use client::{Client, ClientOptions, Guard, SendError, TlsOptions};
pub use engine::{Engine, EngineOptions};
