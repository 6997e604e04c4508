use gancho_intake::IntakeError;
use gancho_model::Message;
use gancho_store::StoreError;

use crate::input::FieldError;

/// Why an action failed. It changed nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServiceError {
    /// All invalid fields.
    Fields(Vec<FieldError>),
    /// The object of this kind does not exist.
    Missing(&'static str),
    /// Its state does not allow this, or another request was first.
    Conflict(Message),
    /// An external condition prevents it, and a user has to decide.
    Refused(Message),
    /// An external system is unavailable at the moment: try again.
    Unavailable(Message),
    /// An external system, such as a mail server, refused.
    Upstream(Message),
    /// The store failed.
    Store(StoreError),
    /// Intake rejected it.
    Intake(IntakeError),
}

/// The result of a use case.
pub type ServiceResult<T> = Result<T, ServiceError>;

impl ServiceError {
    /// Converts a missing reference to a field error; other errors are unchanged.
    pub(crate) fn if_missing(self, field: &str, message: &'static str) -> Self {
        match self {
            Self::Store(StoreError::NotFound) => Self::field(field, Message::new(message)),
            other => other,
        }
    }

    /// One invalid field.
    pub fn field(field: impl Into<String>, message: Message) -> Self {
        Self::Fields(vec![FieldError::new(field, message)])
    }

    /// The localized message; `None` if the fields have it.
    pub fn message(&self) -> Option<Message> {
        let busy = |error: &StoreError| match error {
            StoreError::NotFound => Message::new("problem-missing"),
            StoreError::Conflict(why) => why.clone(),
            StoreError::Busy(_) => Message::new("problem-busy"),
            StoreError::Broken(_) => Message::new("problem-broken"),
        };
        match self {
            Self::Fields(_) => None,
            Self::Missing(_) => Some(Message::new("problem-missing")),
            Self::Conflict(why) | Self::Refused(why) | Self::Unavailable(why) | Self::Upstream(why) => {
                Some(why.clone())
            }
            Self::Store(error) | Self::Intake(IntakeError::Store(error)) => Some(busy(error)),
            Self::Intake(_) => Some(Message::new("problem-broken")),
        }
    }
}

impl From<StoreError> for ServiceError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<IntakeError> for ServiceError {
    fn from(error: IntakeError) -> Self {
        Self::Intake(error)
    }
}

impl From<Vec<FieldError>> for ServiceError {
    fn from(errors: Vec<FieldError>) -> Self {
        Self::Fields(errors)
    }
}
