//! Classifies connection errors, so that users read a message with a remedy instead of a system error.

use std::{error::Error, io};

use gancho_model::Message;

/// The cause of a failed connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// The connection was refused.
    Refused,
    /// The host name can't be resolved.
    Name,
    /// No answer in time.
    Slow,
    /// The TLS handshake failed.
    Tls,
    /// The credentials were rejected.
    Login,
    /// The database does not exist.
    NoDatabase,
    /// Anything else.
    Other,
}

impl Obstacle {
    /// Classifies an error by its causes.
    pub fn of(error: &(dyn Error + 'static)) -> Self {
        if gancho_trust::is_of_tls(error) {
            return Self::Tls;
        }
        let mut found = Self::Other;
        let mut next = Some(error);
        while let Some(error) = next {
            found = Self::of_one(error).unwrap_or(found);
            next = error.source();
        }
        found
    }

    /// Classifies an error of a database driver.
    pub fn of_database(error: &sqlx::Error) -> Self {
        match error {
            // MariaDB's 1045 and 1698, PostgreSQL's class 28: credentials; 1044 and 1049, 3D000: the database.
            sqlx::Error::Database(cause) => match cause.code().as_deref() {
                Some("28000" | "28P01") => Self::Login,
                Some("42000" | "3D000") => Self::NoDatabase,
                _ => Self::Other,
            },
            sqlx::Error::PoolTimedOut => Self::Slow,
            other => Self::of(other),
        }
    }

    fn of_one(error: &(dyn Error + 'static)) -> Option<Self> {
        let text = error.to_string();
        if ["failed to lookup address", "dns error", "Name or service not known", "No address associated"]
            .iter()
            .any(|part| text.contains(part))
        {
            return Some(Self::Name);
        }
        match error.downcast_ref::<io::Error>()?.kind() {
            io::ErrorKind::ConnectionRefused
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::NotFound => Some(Self::Refused),
            io::ErrorKind::TimedOut => Some(Self::Slow),
            _ => None,
        }
    }

    /// The localized message.
    pub fn message(self) -> Message {
        Message::new(match self {
            Self::Refused => "obstacle-refused",
            Self::Name => "obstacle-name",
            Self::Slow => "obstacle-slow",
            Self::Tls => "obstacle-tls",
            Self::Login => "obstacle-login",
            Self::NoDatabase => "obstacle-no-database",
            Self::Other => "obstacle-other",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_systems_say_becomes_a_sentence() {
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        assert_eq!(Obstacle::of(&refused), Obstacle::Refused);
        assert_eq!(Obstacle::of(&io::Error::from(io::ErrorKind::TimedOut)), Obstacle::Slow);
        let name = io::Error::other("failed to lookup address information: Name or service not known");
        assert_eq!(Obstacle::of_database(&sqlx::Error::Io(name)), Obstacle::Name);
        assert_eq!(Obstacle::of(&io::Error::other("strange")), Obstacle::Other);
    }
}
