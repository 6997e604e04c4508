//! The TLS trust store of this process, shared by webhooks, the ERP's API, databases and mail: built-in authorities,
//! those of the system, and the file of the setting `tls_ca_file`.

mod explain;
mod listed;
mod store;

pub use explain::{explain, is_of_tls, with_openssl_line};
pub use store::{Trust, TrustError, get, install};
