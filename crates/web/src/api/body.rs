//! Reads a request's body: size, content type, syntax; then its fields, into a use case's input type.

use std::{sync::Arc, time::Duration};

use axum::{
    body::{Bytes, to_bytes},
    extract::{FromRequest, Request},
    http::{HeaderMap, StatusCode, header::CONTENT_TYPE},
};
use gancho_model::{json, limits::OUTBOX_BYTES};
use gancho_service::input::{self, Input};
use serde_json::{Map, Value};

use super::problem::Problem;
use crate::App;

/// Timeout of a body.
pub(crate) const BODY: Duration = Duration::from_secs(60);

/// A JSON body as its input type: all invalid fields are reported.
pub(crate) struct Body<T>(pub T);

/// The same for an optional body: if it is missing or null, an object without fields is read.
pub(crate) struct OptionalBody<T>(pub T);

/// A JSON body, and its raw bytes.
pub(crate) struct Json {
    pub value: Value,
    pub raw: Bytes,
}

/// A JSON body of the plugin: its outbox must never be blocked, however large a row of the ERP is.
pub(crate) struct LargeJson(pub Value);

impl FromRequest<Arc<App>> for LargeJson {
    type Rejection = Problem;
    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Problem> {
        let limit = app.services.limits.request_bytes.max(OUTBOX_BYTES);
        Ok(Self(parse(&read(request.into_body(), limit).await?)?))
    }
}

impl FromRequest<Arc<App>> for Json {
    type Rejection = Problem;
    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Problem> {
        let kind_is_json = is_json(request.headers());
        let raw = read(request.into_body(), app.services.limits.request_bytes).await?;
        if !kind_is_json {
            return Err(undeclared());
        }
        Ok(Self { value: parse(&raw)?, raw })
    }
}

impl<T: Input> FromRequest<Arc<App>> for Body<T> {
    type Rejection = Problem;
    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Problem> {
        let json = Json::from_request(request, app).await?;
        Ok(Self(input::read(json.value, app.services.rules())?))
    }
}

impl<T: Input> FromRequest<Arc<App>> for OptionalBody<T> {
    type Rejection = Problem;
    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Problem> {
        let kind_is_json = is_json(request.headers());
        let raw = read(request.into_body(), app.services.limits.request_bytes).await?;
        let value = match raw.is_empty() {
            true => Value::Null,
            false if kind_is_json => parse(&raw)?,
            false => return Err(undeclared()),
        };
        let value = if value.is_null() { Value::Object(Map::new()) } else { value };
        Ok(Self(input::read(value, app.services.rules())?))
    }
}

fn undeclared() -> Problem {
    let detail = "send JSON, and say so: Content-Type: application/json";
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail)
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}

async fn read(body: axum::body::Body, limit: usize) -> Result<Bytes, Problem> {
    let Ok(read) = tokio::time::timeout(BODY, to_bytes(body, limit)).await else {
        return Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "the body did not come in time"));
    };
    read.map_err(|error| {
        let mut cause: Option<&dyn std::error::Error> = Some(&error);
        while let Some(error) = cause {
            if error.is::<http_body_util::LengthLimitError>() {
                let detail = format!("the body is over {limit} bytes: send less at a time");
                return Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail);
            }
            cause = error.source();
        }
        Problem::new(StatusCode::BAD_REQUEST, "the body did not come through")
    })
}

fn parse(raw: &[u8]) -> Result<Value, Problem> {
    json::parse(raw)
        .map_err(|error| Problem::new(StatusCode::BAD_REQUEST, format!("the body is not usable JSON: {error}")))
}
