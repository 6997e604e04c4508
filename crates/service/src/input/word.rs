//! Enumerated values.

use gancho_model::{
    BinFault, ErpSession, ErrorKind, Include, Message, Operation, OriginKind, ReplayScope, Role, Scope, SourceKind,
    State,
};
use serde_json::{Value, json};

use super::{Rules, Scalar};

/// An enumerated value; the error lists the words, or is a message of its own.
macro_rules! words {
    ($type:ty, [$($word:literal),+] $(, $message:literal)?) => {
        impl Scalar for $type {
            fn schema() -> Value {
                json!({"type": "string", "enum": [$($word),+]})
            }

            fn parse(value: Value, _: &Rules<'_>) -> Result<Self, Message> {
                let words: &[&str] = &[$($word),+];
                let wrong = || match [$($message,)? ""][0] {
                    "" => Message::new("error-one-of").with("words", words.join(", ")),
                    message => Message::new(message),
                };
                <$type>::parse(value.as_str().unwrap_or_default()).ok_or_else(wrong)
            }
        }
    };
}

words!(SourceKind, ["plugin", "api", "database"], "error-kind");
words!(Scope, ["admin", "read", "ingest"], "error-scope");
words!(Role, ["admin", "viewer"], "error-role");
words!(Operation, ["insert", "update", "delete"], "error-operation");
words!(ErpSession, ["login", "logout"], "error-session");
words!(ReplayScope, ["failed", "missed", "all"], "error-only");
words!(State, ["pending", "delivered", "failed", "cancelled", "skipped"]);
words!(ErrorKind, ["dns", "connect", "tls", "timeout", "blocked", "protocol", "status"]);
words!(BinFault, ["reset", "trickle"]);
words!(Include, ["customer"]);
words!(OriginKind, ["user", "api", "cron", "sql"]);
