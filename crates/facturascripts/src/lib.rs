//! facturascripts
