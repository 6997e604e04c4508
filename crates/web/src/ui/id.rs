use std::sync::Arc;

use axum::{
    extract::{FromRequestParts, Path},
    http::{StatusCode, request::Parts},
    response::Response,
};
use gancho_model::Message;

use super::error;
use crate::{App, api::problem::Problem};

/// An id in a page's path; an invalid one yields 404.
pub(crate) struct Id<T>(pub T);

impl<T: std::str::FromStr> FromRequestParts<Arc<App>> for Id<T> {
    type Rejection = Response;
    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        let text = Path::<String>::from_request_parts(parts, app).await.ok();
        if let Some(id) = text.and_then(|Path(text)| text.parse().ok()) {
            return Ok(Self(id));
        }
        let missing = Problem::localized(StatusCode::NOT_FOUND, Message::new("problem-missing"));
        Err(error::for_whom(app, parts, &missing).await)
    }
}
