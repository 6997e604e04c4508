//! What others fulfil: the server puts them together.

use async_trait::async_trait;
use gancho_model::Message;

/// Whether a URL can be reached, as far as people ask about it.
#[async_trait]
pub trait Probing: Send + Sync {
    /// Looks, line by line, without sending anything.
    async fn probe(&self, url: &str) -> Vec<Finding>;
}

/// Mail, as far as people ask about it.
#[async_trait]
pub trait Mailing: Send + Sync {
    /// From whom and through which server it goes; nothing if no server is set.
    fn about(&self) -> Option<(String, String)>;

    /// Whether the server stands in the configuration, which wins over what people choose in the pages.
    fn is_fixed(&self) -> bool;

    /// Uses this server (`smtp://…`) and sender from now on, or none; what the configuration says wins.
    ///
    /// # Errors
    /// Which of the two is wrong: `server` or `from`.
    fn choose(&self, chosen: Option<(&str, &str)>) -> Result<(), &'static str>;

    /// Sends a mail, to see that it arrives.
    ///
    /// # Errors
    /// What stands in the way.
    async fn send_test(&self, to: &str, subject: &str, text: &str) -> Result<(), Message>;
}

/// One line of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The name of the check.
    pub name: String,
    /// Whether it is well.
    pub ok: bool,
    /// What was found, and what to do if it is not well.
    pub message: Message,
}

impl Finding {
    /// A line that is well.
    pub fn good(name: impl Into<String>, message: Message) -> Self {
        Self { name: name.into(), ok: true, message }
    }

    /// A line that is not.
    pub fn bad(name: impl Into<String>, message: Message) -> Self {
        Self { name: name.into(), ok: false, message }
    }
}
