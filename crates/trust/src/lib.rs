//! Whom this process believes in TLS: one store for webhooks, the ERP's API, databases and mail. Built-in
//! authorities, those of the system, and what the setting `tls_ca_file` names.

mod explain;
mod listed;
mod store;

pub use explain::{explain, is_of_tls, with_openssl_line};
pub use store::{Trust, TrustError, get, install};
