//! Changes of the ERP's rows.

pub mod hand_over;
pub mod send;
pub mod send_shown;
