//! Changes: what happened to rows of the ERP.

pub mod hand_over;
pub mod send;
pub mod send_shown;
