use async_trait::async_trait;

use crate::{Finding, Message};

/// Whether a URL can be reached, as far as people ask about it: what `web` knows of the engine.
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

    /// Sends a mail, to see that it arrives.
    ///
    /// # Errors
    /// What stands in the way.
    async fn send_test(&self, to: &str, subject: &str, text: &str) -> Result<(), Message>;
}
