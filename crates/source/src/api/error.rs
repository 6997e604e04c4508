use gancho_model::Message;

use crate::obstacle::Obstacle;

/// Why a request to the ERP's API failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ApiError {
    /// The server can't be reached.
    #[error("it can't be reached: {1}")]
    Unreachable(Obstacle, String),
    /// No complete response in time.
    #[error("it does not answer in time")]
    Slow,
    /// The address redirects elsewhere.
    #[error("the address leads on to {0}")]
    Moved(String),
    /// The response is not the API's: its status, and the start of its body.
    #[error("what answers there ({0}) is not FacturaScripts' API: {1}")]
    NotApi(u16, String),
    /// PHP printed an error message before or instead of the response.
    #[error("PHP prints a message into the answer: {0}")]
    Php(String),
    /// The API is disabled.
    #[error("the API is switched off")]
    Off,
    /// The key is unknown.
    #[error("the key is not accepted")]
    Key,
    /// The key may not read a list.
    #[error("the key may not read {0}")]
    Right(String),
    /// Too many refusals: the ERP blocks our address for a while.
    #[error("the ERP has shut out this address for some minutes")]
    ShutOut,
    /// The list exists, the record does not.
    #[error("there is no such record")]
    NoRecord,
    /// The plugin's outbox could be fetched before and no longer can.
    #[error("the plugin does not let its outbox be fetched any more")]
    NoOutbox,
    /// The list does not exist.
    #[error("there is no list {0}")]
    NoResource(String),
    /// The ERP failed, or its database is unreachable.
    #[error("the ERP fails ({0})")]
    Broken(u16),
    /// The ERP rejected the request as invalid.
    #[error("the ERP refuses the question: {0}")]
    Refused(String),
    /// The response is invalid: truncated, or not JSON.
    #[error("the answer can't be read: {0}")]
    Unreadable(&'static str),
}

impl ApiError {
    /// Whether further polling would do harm: after five refusals the ERP blocks everyone at this address.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Key | Self::Right(_))
    }

    /// Whether other lists of the ERP may still work.
    pub fn is_of_one_list(&self) -> bool {
        matches!(self, Self::NoResource(_) | Self::NoRecord | Self::Refused(_) | Self::Unreadable(_) | Self::Php(_))
    }

    /// The localized message.
    pub fn message(&self) -> Message {
        let plain = Message::new;
        match self {
            Self::Unreachable(obstacle, why) => {
                plain("api-unreachable").with("obstacle", obstacle.message()).with("why", why.as_str())
            }
            Self::Slow => plain("api-slow"),
            Self::Moved(to) => plain("api-moved").with("to", to.as_str()),
            Self::NotApi(status, seen) => {
                plain("api-not-api").with("status", u64::from(*status)).with("seen", seen.as_str())
            }
            Self::Php(message) => plain("api-php").with("message", message.as_str()),
            Self::Off => plain("api-off"),
            Self::Key => plain("api-key"),
            Self::Right(list) => plain("api-right").with("list", list.as_str()),
            Self::ShutOut => plain("api-shut-out"),
            Self::NoOutbox => plain("api-no-outbox"),
            Self::NoRecord => plain("api-no-record"),
            Self::NoResource(list) => plain("api-no-list").with("list", list.as_str()),
            Self::Broken(status) => plain("api-broken").with("status", u64::from(*status)),
            Self::Refused(why) => plain("api-refused").with("why", why.as_str()),
            Self::Unreadable(why) => plain("api-unreadable").with("why", *why),
        }
    }

    /// The source's field to which it relates.
    pub fn field(&self) -> &'static str {
        if self.is_final() { "key" } else { "url" }
    }
}
