//! Knowledge of FacturaScripts. Pure.
//!
//! Records are normalized regardless of their source ([`shape`]), changes of one burst are folded ([`fold`]), and
//! changes are interpreted as business events ([`understand`]).

pub mod catalogue;
pub mod columns;
mod diff;
pub mod event_types;
pub mod facts;
pub mod fold;
pub mod ignored;
mod label;
pub mod reference_data;
pub mod resource;
mod rules;
mod search_text;
pub mod secrets;
pub mod shape;
pub mod text;
mod understand;

pub use label::label;
pub use reference_data::{ReferenceData, ReferenceRow};
pub use search_text::search_text;
pub use understand::{Understood, Watched, understand};
