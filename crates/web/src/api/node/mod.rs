//! Nodes: servers that work on one database.

pub mod list;
mod view;
