//! Errors as RFC 9457 problems: what happened, to which object, and the remedy. Never SQL or a stack trace.

use axum::{
    http::{
        HeaderValue, Method, StatusCode, Uri,
        header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
    },
    response::{IntoResponse, Response},
};
use gancho_intake::IntakeError;
use gancho_model::Message;
use gancho_service::{ServiceError, input};
use gancho_store::StoreError;
use gancho_words::Words;
use serde::Serialize;
use utoipa::ToSchema;

/// `application/problem+json`.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ProblemBody {
    /// Always `about:blank`: the status says the kind.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The status in words.
    pub title: String,
    /// The status.
    pub status: u16,
    /// What happened, and what to do.
    pub detail: String,
    /// Every wrong field.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

/// What is wrong with a field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// Which, such as `retry.delays_s[2]`.
    pub field: String,
    /// What is wrong.
    pub message: String,
    /// The same, to be localized in another language.
    #[serde(skip)]
    #[schema(ignore)]
    pub localized: Message,
}

impl FieldError {
    pub(crate) fn new(field: impl Into<String>, localized: Message) -> Self {
        Self { field: field.into(), message: Words::english().message(&localized), localized }
    }
}

/// An error response.
#[derive(Clone, Debug)]
pub struct Problem {
    status: StatusCode,
    detail: String,
    errors: Vec<FieldError>,
    localized: Option<Message>,
    /// The object is named from the path.
    is_unnamed: bool,
}

/// Extension of a 404 response whose object is named from the path.
#[derive(Clone, Copy)]
pub(super) struct Unnamed;

/// The result of a handler.
pub type Answer<T> = Result<T, Problem>;

impl Problem {
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), errors: vec![], localized: None, is_unnamed: false }
    }

    pub(crate) fn unauthorized(detail: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, detail)
    }

    pub(crate) fn forbidden(has: &str, needs: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, format!("the token's scope is {has}; this needs {needs}"))
    }

    pub(crate) fn missing(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, format!("there is no such {what}"))
    }

    /// The object of the path does not exist.
    pub(crate) fn unnamed() -> Self {
        Self { is_unnamed: true, ..Self::missing("thing") }
    }

    /// 422 with all invalid fields.
    pub(crate) fn fields(errors: Vec<FieldError>) -> Self {
        let named: Vec<&str> = errors.iter().map(|error| error.field.as_str()).take(5).collect();
        let detail = format!("wrong: {}", named.join(", "));
        Self { errors, ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail) }
    }

    pub(crate) fn field(field: impl Into<String>, localized: Message) -> Self {
        Self::fields(vec![FieldError::new(field, localized)])
    }

    /// With a message that can be localized.
    pub(crate) fn localized(status: StatusCode, localized: Message) -> Self {
        Self { localized: Some(localized.clone()), ..Self::new(status, Words::english().message(&localized)) }
    }

    /// The status.
    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// All invalid fields.
    pub(crate) fn errors(&self) -> &[FieldError] {
        &self.errors
    }

    /// The localizable message, if there is one.
    pub(crate) fn sentence(&self) -> Option<&Message> {
        self.localized.as_ref()
    }
}

impl From<Vec<input::FieldError>> for Problem {
    fn from(errors: Vec<input::FieldError>) -> Self {
        Self::fields(errors.into_iter().map(|error| FieldError::new(error.field, error.message)).collect())
    }
}

impl From<ServiceError> for Problem {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::Fields(errors) => errors.into(),
            ServiceError::Missing(what) => Self::missing(what),
            ServiceError::Conflict(why) => Self::localized(StatusCode::CONFLICT, why),
            ServiceError::Refused(why) => Self::localized(StatusCode::UNPROCESSABLE_ENTITY, why),
            ServiceError::Unavailable(why) => Self::localized(StatusCode::SERVICE_UNAVAILABLE, why),
            ServiceError::Upstream(why) => Self::localized(StatusCode::BAD_GATEWAY, why),
            ServiceError::Store(error) => error.into(),
            ServiceError::Intake(error) => error.into(),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound => Self::unnamed(),
            StoreError::Conflict(why) => Self::localized(StatusCode::CONFLICT, why),
            StoreError::Busy(why) => {
                tracing::warn!(%why, "the store is busy");
                Self::localized(StatusCode::SERVICE_UNAVAILABLE, Message::new("problem-busy"))
            }
            StoreError::Broken(why) => {
                tracing::error!(%why, "the store failed");
                Self::localized(StatusCode::INTERNAL_SERVER_ERROR, Message::new("problem-broken"))
            }
        }
    }
}

impl From<IntakeError> for Problem {
    fn from(error: IntakeError) -> Self {
        match error {
            IntakeError::Conflict { .. } => Self::new(StatusCode::CONFLICT, error.to_string()),
            IntakeError::TooLarge { place, .. } => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, format!("item {place}: {error}"))
            }
            IntakeError::Store(StoreError::NotFound) => Self::missing("source"),
            IntakeError::Store(error) => error.into(),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = ProblemBody {
            kind: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Error").to_owned(),
            status: self.status.as_u16(),
            detail: self.detail,
            errors: self.errors,
        };
        let json = serde_json::to_string(&body).unwrap_or_default();
        let mut response = (self.status, [(CONTENT_TYPE, "application/problem+json")], json).into_response();
        if self.is_unnamed {
            response.extensions_mut().insert(Unnamed);
        }
        let headers = response.headers_mut();
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

pub(crate) async fn method_not_allowed(method: Method, uri: Uri) -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, format!("{method} is not for {}", uri.path()))
}
