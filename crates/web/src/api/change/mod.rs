//! Changes: what happened to rows of the ERP.

pub mod send;
