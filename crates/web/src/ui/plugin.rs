use axum::{
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};

use crate::plugin_zip;

/// The plugin for upload in FacturaScripts. It contains no secrets.
pub(crate) async fn download() -> Response {
    match plugin_zip() {
        Ok(zip) => ([(CONTENT_TYPE, "application/zip")], zip).into_response(),
        Err(error) => {
            tracing::error!(%error, "the plugin could not be put together");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
