use gancho_model::Message;

use crate::obstacle::Obstacle;

/// Why a request to the ERP's API failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ApiError {
    /// Nobody answers there.
    #[error("it can't be reached: {1}")]
    Unreachable(Obstacle, String),
    /// No whole answer within the time.
    #[error("it does not answer in time")]
    Slow,
    /// The address leads elsewhere.
    #[error("the address leads on to {0}")]
    Moved(String),
    /// Whatever answers is not the API: its status, and the beginning of what it says.
    #[error("what answers there ({0}) is not FacturaScripts' API: {1}")]
    NotApi(u16, String),
    /// PHP printed a message of its own, before the answer or instead of it.
    #[error("PHP prints a message into the answer: {0}")]
    Php(String),
    /// The API is switched off.
    #[error("the API is switched off")]
    Off,
    /// The key is not known there.
    #[error("the key is not accepted")]
    Key,
    /// The key may not read a list.
    #[error("the key may not read {0}")]
    Right(String),
    /// Too many refusals: our address is shut out for a while.
    #[error("the ERP has shut out this address for some minutes")]
    ShutOut,
    /// The list is there, the record is not.
    #[error("there is no such record")]
    NoRecord,
    /// The plugin's outbox was fetched, and may be no more.
    #[error("the plugin does not let its outbox be fetched any more")]
    NoOutbox,
    /// There is no such list.
    #[error("there is no list {0}")]
    NoResource(String),
    /// The ERP broke, or its database can't be reached.
    #[error("the ERP fails ({0})")]
    Broken(u16),
    /// It says that we ask wrongly.
    #[error("the ERP refuses the question: {0}")]
    Refused(String),
    /// The answer can't be read: cut, or no JSON.
    #[error("the answer can't be read: {0}")]
    Unreadable(&'static str),
}

impl ApiError {
    /// Whether polling again would do harm: five refusals shut everybody at this address out.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Key | Self::Right(_))
    }

    /// Whether other lists of the ERP may be well all the same.
    pub fn is_of_one_list(&self) -> bool {
        matches!(self, Self::NoResource(_) | Self::NoRecord | Self::Refused(_) | Self::Unreadable(_) | Self::Php(_))
    }

    /// The same for people.
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

    /// Which field of a source it is about.
    pub fn field(&self) -> &'static str {
        if self.is_final() { "key" } else { "url" }
    }
}
