//! Accepts a form if it was sent by one of our pages.

use std::sync::Arc;

use axum::{
    body::to_bytes,
    extract::{FromRequest, Request},
    http::{HeaderMap, StatusCode},
    response::Response,
};
use gancho_model::Message;

use super::{
    error,
    form::{Form, TOKEN},
    locale,
};
use crate::{
    App,
    api::{body::BODY, problem::Problem},
    auth::session,
};

/// Maximum size of a form, bytes.
const FORM_BYTES: usize = 256 * 1024;

impl FromRequest<Arc<App>> for Form {
    type Rejection = Response;
    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Response> {
        let headers = request.headers().clone();
        let refuse = |status, id| {
            error::page(app, &locale::words(&headers, None), &Problem::localized(status, Message::new(id)))
        };
        let Ok(Ok(body)) = tokio::time::timeout(BODY, to_bytes(request.into_body(), FORM_BYTES)).await else {
            return Err(refuse(StatusCode::PAYLOAD_TOO_LARGE, "problem-fields"));
        };
        let fields: Vec<(String, String)> = url::form_urlencoded::parse(&body).into_owned().collect();
        let form = Self::sent(fields);
        if !comes_from_us(app, &headers) || !is_ours(&headers, form.value(TOKEN)) {
            return Err(refuse(StatusCode::FORBIDDEN, "problem-expired"));
        }
        Ok(form)
    }
}

/// Whether it was sent by one of our pages, according to the browser's headers.
fn comes_from_us(app: &App, headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    match text("sec-fetch-site") {
        // The browser's information is best: a proxy may change the host that we receive.
        Some("same-origin") => return true,
        Some("none") | None => {}
        Some(_) => return false,
    }
    match text("origin") {
        None => true,
        Some(origin) if app.site.origin.as_deref() == Some(origin) => true,
        Some(origin) => {
            let host = origin.split_once("://").map(|(_, host)| host);
            host.is_some() && host == text("host")
        }
    }
}

/// Whether its CSRF token belongs to this browser's session or visit.
fn is_ours(headers: &HeaderMap, token: &str) -> bool {
    session::form_cookie(headers).is_some_and(|text| session::csrf_token(text) == token)
}
