//! Custom header fields of an endpoint's deliveries.

use crate::Message;

/// Maximum number of fields per endpoint.
pub const COUNT_MAX: usize = 20;
/// Maximum length of a name in bytes.
pub const NAME_MAX: usize = 100;
/// Maximum length of a value in bytes.
pub const VALUE_MAX: usize = 2048;

/// Hop-by-hop fields (RFC 9110 §7.6.1), and those that depend on the connection or the body.
const FORBIDDEN: &[&str] = &[
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
];
/// Prefixes of Gancho's own fields.
const FORBIDDEN_PREFIXES: &[&str] = &["x-webhook-", "webhook-"];

/// Forbidden names, and forbidden prefixes.
pub fn forbidden() -> (&'static [&'static str], &'static [&'static str]) {
    (FORBIDDEN, FORBIDDEN_PREFIXES)
}

/// Why a header field can't be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadHeader {
    /// The name is not a token (RFC 9110 §5.6.2).
    #[error("is no header name")]
    Name,
    /// It belongs to Gancho or to the connection.
    #[error("is set by Gancho or by the connection and can't be overridden")]
    Forbidden,
    /// The value has characters that a header can't carry, or is too long.
    #[error("has a value that a header can't carry: visible ASCII characters and blanks only, at most {VALUE_MAX}")]
    Value,
}

impl BadHeader {
    /// The localized message.
    pub fn message(self) -> Message {
        match self {
            Self::Name => Message::new("error-header-name"),
            Self::Forbidden => Message::new("error-header-forbidden"),
            Self::Value => Message::new("error-header-value").with("max", VALUE_MAX),
        }
    }
}

/// A regular expression (ECMA-262) for accepted names: a token that is not forbidden, ignoring case.
pub fn name_pattern() -> String {
    let any_case = |text: &str| -> String {
        let either = |letter: char| match letter.is_ascii_alphabetic() {
            true => format!("[{letter}{}]", letter.to_ascii_uppercase()),
            false => letter.to_string(),
        };
        text.chars().map(either).collect()
    };
    let names = FORBIDDEN.iter().map(|name| any_case(name) + "$");
    let all: Vec<String> = names.chain(FORBIDDEN_PREFIXES.iter().map(|prefix| any_case(prefix))).collect();
    format!("^(?!{})[A-Za-z0-9!#$%&'*+.^_`|~-]{{1,{NAME_MAX}}}$", all.join("|"))
}

/// A regular expression (ECMA-262) for accepted values.
pub const VALUE_PATTERN: &str = "^(?:[!-~](?:[ -~]*[!-~])?)?$";

/// Validates a field.
///
/// # Errors
/// [`BadHeader`] states the reason.
pub fn check(name: &str, value: &str) -> Result<(), BadHeader> {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || name.len() > NAME_MAX || !name.bytes().all(token) {
        return Err(BadHeader::Name);
    }
    let lower = name.to_ascii_lowercase();
    if FORBIDDEN.contains(&lower.as_str()) || FORBIDDEN_PREFIXES.iter().any(|prefix| lower.starts_with(prefix)) {
        return Err(BadHeader::Forbidden);
    }
    let good = |byte: u8| (b' '..=b'~').contains(&byte);
    if value.len() > VALUE_MAX || value.trim() != value || !value.bytes().all(good) {
        return Err(BadHeader::Value);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ours_can_t_be_overridden() {
        assert_eq!(check("Authorization", "Bearer abc"), Ok(()));
        assert_eq!(check("X-Tenant", ""), Ok(()));
        for name in
            ["X-Webhook-Signature", "WEBHOOK-ID", "host", "Content-Length", "Transfer-Encoding", "User-Agent", "te"]
        {
            assert_eq!(check(name, "x"), Err(BadHeader::Forbidden), "{name}");
        }
        assert_eq!(check("a b", "x"), Err(BadHeader::Name));
        assert_eq!(check("", "x"), Err(BadHeader::Name));
        for value in ["a\r\nHost: evil", "a\0", "ñ", " x"] {
            assert_eq!(check("X-A", value), Err(BadHeader::Value), "{value:?}");
        }
    }
}
