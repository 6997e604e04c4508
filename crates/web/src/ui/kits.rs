//! The receiver kits for download: the same files that the tests check with the shared signatures.

use axum::{
    extract::Path,
    http::{
        StatusCode,
        header::{CONTENT_DISPOSITION, CONTENT_TYPE},
    },
    response::{IntoResponse, Response},
};

/// Names and contents.
const KITS: &[(&str, &str)] = &[
    ("GanchoReceiver.php", include_str!("../../../../integrations/php/GanchoReceiver.php")),
    ("gancho-receiver.mjs", include_str!("../../../../integrations/node/gancho-receiver.mjs")),
    ("gancho_receiver.py", include_str!("../../../../integrations/python/gancho_receiver.py")),
];

pub(crate) async fn download(Path(name): Path<String>) -> Response {
    let Some((name, text)) = KITS.iter().find(|(known, _)| *known == name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let disposition = format!("attachment; filename=\"{name}\"");
    ([(CONTENT_TYPE, "text/plain; charset=utf-8".to_owned()), (CONTENT_DISPOSITION, disposition)], *text)
        .into_response()
}
