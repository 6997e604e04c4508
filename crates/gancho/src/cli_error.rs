use std::{fmt, process::ExitCode};

use gancho_service::ServiceError;
use gancho_store::StoreError;
use gancho_words::Words;

/// A failed command: a message and an exit code.
#[derive(Debug)]
pub struct CliError {
    message: String,
    code: u8,
}

impl CliError {
    /// Refused or failed: exit code 1.
    pub fn refused(error: impl Into<anyhow::Error>) -> Self {
        Self { message: format!("{:#}", error.into()), code: 1 }
    }

    /// An invalid setting, or a failed start: exit code 2.
    pub fn start(error: impl Into<anyhow::Error>) -> Self {
        Self { message: format!("{:#}", error.into()), code: 2 }
    }

    /// Refused, with this message.
    pub fn because(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: 1 }
    }

    /// Invalid usage, with this message.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: 2 }
    }

    /// The error of a use case.
    pub fn service(error: ServiceError) -> Self {
        let words = Words::english();
        match (&error, error.message()) {
            (ServiceError::Fields(wrong), _) => {
                let each = wrong.iter().map(|wrong| format!("{}: {}", wrong.field, words.message(&wrong.message)));
                Self::because(each.collect::<Vec<_>>().join("; "))
            }
            (ServiceError::Store(error), _) if !matches!(error, StoreError::Conflict(_)) => {
                Self::because(error.to_string())
            }
            (_, Some(message)) => Self::because(words.message(&message)),
            (_, None) => Self::because("it was refused"),
        }
    }

    /// The object does not exist: exit code 3.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: 3 }
    }

    /// The token is missing or has no permission: exit code 4.
    pub fn not_allowed(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: 4 }
    }

    /// The server can't be reached: exit code 5.
    pub fn unreachable(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: 5 }
    }

    /// Whether the server refused the request or failed.
    pub fn is_refusal(&self) -> bool {
        self.code == 1
    }

    /// Whether the server could not be reached.
    pub fn is_unreachable(&self) -> bool {
        self.code == 5
    }

    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.code)
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// The result of a command.
pub type CliResult = Result<(), CliError>;
