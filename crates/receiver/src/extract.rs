//! An axum extractor: a handler that takes a [`Webhook`] sees only verified events.

use axum::{
    body::Bytes,
    extract::{FromRef, FromRequest, Request},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};

use crate::{Event, EventError, Verified, Verifier, VerifyError};

/// A verified webhook. The router's state must provide a [`Verifier`] and a [`Clock`].
#[derive(Clone, Debug)]
pub struct Webhook {
    /// The event.
    pub event: Event,
    /// The raw body, as it was signed.
    pub body: Bytes,
    /// What the signature covers.
    pub verified: Verified,
}

/// Returns the time in Unix seconds: your program's clock, or a test's.
#[derive(Clone, Copy, Debug)]
pub struct Clock(pub fn() -> i64);

/// Why a request was refused.
#[derive(Debug, thiserror::Error)]
pub enum Rejection {
    /// The body could not be read or is too large.
    #[error("the body could not be read: {0}")]
    Body(#[from] axum::extract::rejection::BytesRejection),
    /// The signature is invalid.
    #[error(transparent)]
    Signature(#[from] VerifyError),
    /// Signed, but not an event.
    #[error(transparent)]
    Event(#[from] EventError),
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        let status = match &self {
            Self::Body(error) => error.status(),
            Self::Signature(_) => StatusCode::UNAUTHORIZED,
            Self::Event(_) => StatusCode::BAD_REQUEST,
        };
        (status, self.to_string()).into_response()
    }
}

impl<S: Send + Sync> FromRequest<S> for Webhook
where
    Verifier: FromRef<S>,
    Clock: FromRef<S>,
{
    type Rejection = Rejection;

    async fn from_request(request: Request, state: &S) -> Result<Self, Rejection> {
        let headers: HeaderMap = request.headers().clone();
        let body = Bytes::from_request(request, state).await?;
        let now_s = Clock::from_ref(state).0();
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let verified = Verifier::from_ref(state).verify(header, &body, now_s)?;
        Ok(Self { event: Event::parse(&body)?, body, verified })
    }
}
