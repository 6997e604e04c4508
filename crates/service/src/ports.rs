//! Interfaces that other crates implement; the server connects them.

use async_trait::async_trait;
use gancho_model::Message;

/// Checks whether a URL is reachable.
#[async_trait]
pub trait Probing: Send + Sync {
    /// Checks step by step, without sending a request.
    async fn probe(&self, url: &str) -> Vec<Finding>;
}

/// Mail, as far as users configure it.
#[async_trait]
pub trait Mailing: Send + Sync {
    /// The sender and the server; `None` without a server.
    fn about(&self) -> Option<(String, String)>;

    /// Whether the configuration sets the server, which takes precedence over the web interface.
    fn is_fixed(&self) -> bool;

    /// Uses this server (`smtp://…`) and sender from now on, or none; the configuration takes precedence.
    ///
    /// # Errors
    /// The invalid argument: `server` or `from`.
    fn choose(&self, chosen: Option<(&str, &str)>) -> Result<(), &'static str>;

    /// Why the last mail of this process could not be sent; `None` once one was, or the server was changed.
    fn trouble(&self) -> Option<Message>;

    /// Sends a test mail.
    ///
    /// # Errors
    /// The reason of the failure.
    async fn send_test(&self, to: &str, subject: &str, text: &str) -> Result<(), Message>;
}

/// A finding of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The name of the check.
    pub name: String,
    /// Whether it is ok.
    pub ok: bool,
    /// The finding, with a remedy if it is not ok.
    pub message: Message,
}

impl Finding {
    /// A positive finding.
    pub fn good(name: impl Into<String>, message: Message) -> Self {
        Self { name: name.into(), ok: true, message }
    }

    /// A negative finding.
    pub fn bad(name: impl Into<String>, message: Message) -> Self {
        Self { name: name.into(), ok: false, message }
    }
}
