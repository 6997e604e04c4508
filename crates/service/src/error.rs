use gancho_intake::IntakeError;
use gancho_model::Message;
use gancho_store::StoreError;

use crate::input::FieldError;

/// Why something was not done. Nothing of it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServiceError {
    /// Fields are wrong: all of them.
    Fields(Vec<FieldError>),
    /// There is no such thing: what.
    Missing(&'static str),
    /// It is not in a state for this, or somebody else was first.
    Conflict(Message),
    /// Something that is not ours is in the way, and a person has to decide.
    Refused(Message),
    /// Something that is not ours does not work at the moment: try again.
    Unavailable(Message),
    /// A mail server, or what else we asked, refused.
    Upstream(Message),
    /// The store refused.
    Store(StoreError),
    /// Intake refused.
    Intake(IntakeError),
}

/// What a use case returns.
pub type ServiceResult<T> = Result<T, ServiceError>;

impl ServiceError {
    /// A field names what is not there; any other error of the store stays as it is.
    pub(crate) fn if_missing(self, field: &str, message: &'static str) -> Self {
        match self {
            Self::Store(StoreError::NotFound) => Self::field(field, Message::new(message)),
            other => other,
        }
    }

    /// One field is wrong.
    pub fn field(field: impl Into<String>, message: Message) -> Self {
        Self::Fields(vec![FieldError::new(field, message)])
    }

    /// What happened, for people; nothing where the fields say it.
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
