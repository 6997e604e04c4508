//! Stylesheet and scripts: embedded in the binary, cached forever under a name that contains their version.

use std::sync::LazyLock;

use axum::{
    extract::Path,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use sha2::{Digest, Sha256};

const FILES: [(&str, &str, &[u8]); 3] = [
    ("gancho.css", "text/css; charset=utf-8", include_bytes!("../../assets/gancho.css")),
    ("gancho.js", "text/javascript; charset=utf-8", include_bytes!("../../assets/gancho.js")),
    ("icon.svg", "image/svg+xml", include_bytes!("../../assets/icon.svg")),
];

/// A short text that changes with the files.
pub(crate) fn version() -> &'static str {
    static VERSION: LazyLock<String> = LazyLock::new(|| {
        let mut digest = Sha256::new();
        FILES.iter().for_each(|(_, _, bytes)| digest.update(bytes));
        digest.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect()
    });
    &VERSION
}

pub(crate) async fn show(Path(name): Path<String>) -> Response {
    match FILES.iter().find(|(known, _, _)| *known == name) {
        Some((_, kind, bytes)) => {
            ([("content-type", *kind), ("cache-control", "public, max-age=31536000, immutable")], *bytes)
                .into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
