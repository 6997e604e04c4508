//! URLs that an endpoint may have.

use url::Url;

use crate::Said;

/// The longest URL, in bytes.
pub const LENGTH_MAX: usize = 2048;

/// Why a URL can't be an endpoint's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadUrl {
    /// Not a URL.
    #[error("must be a complete URL such as https://example.com/hook")]
    Syntax,
    /// Neither http nor https.
    #[error("must begin with http:// or https://")]
    Scheme,
    /// A user name or password stands in it.
    #[error("must not carry a user name or password: put them into a header of the webhook")]
    Credentials,
    /// A `#` part, which never leaves a browser.
    #[error("must not have a # part: it would not be sent")]
    Fragment,
    /// Longer than [`LENGTH_MAX`].
    #[error("must be at most {LENGTH_MAX} characters long")]
    Length,
}

impl BadUrl {
    /// The same for people.
    pub fn said(self) -> Said {
        match self {
            Self::Syntax => Said::plain("error-url"),
            Self::Scheme => Said::plain("error-url-scheme"),
            Self::Credentials => Said::plain("error-url-credentials"),
            Self::Fragment => Said::plain("error-url-fragment"),
            Self::Length => Said::plain("error-url-length").with("max", LENGTH_MAX),
        }
    }
}

/// Reads an endpoint's URL. Numbers such as `http://2130706433/` come out as the address they mean.
///
/// # Errors
/// [`BadUrl`] says what is wrong.
pub fn parse(text: &str) -> Result<Url, BadUrl> {
    if text.len() > LENGTH_MAX {
        return Err(BadUrl::Length);
    }
    if text.trim() != text || text.contains(char::is_control) {
        return Err(BadUrl::Syntax);
    }
    let url = Url::parse(text).map_err(|_| BadUrl::Syntax)?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(BadUrl::Scheme);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(BadUrl::Credentials);
    }
    if url.fragment().is_some() {
        return Err(BadUrl::Fragment);
    }
    if url.host_str().is_none_or(str::is_empty) || url.port() == Some(0) {
        return Err(BadUrl::Syntax);
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_and_bad() {
        for good in ["https://example.com/hook?a=b", "http://127.0.0.1:8080", "http://[::1]/x", "https://peña.es/ñ"] {
            assert!(parse(good).is_ok(), "{good}");
        }
        assert_eq!(parse("http://2130706433/").expect("a number").host_str(), Some("127.0.0.1"));
        assert_eq!(parse("http://0x7f.1/").expect("hex").host_str(), Some("127.0.0.1"));
        assert_eq!(parse("ftp://example.com"), Err(BadUrl::Scheme));
        assert_eq!(parse("https://u:p@example.com"), Err(BadUrl::Credentials));
        assert_eq!(parse("https://u@example.com"), Err(BadUrl::Credentials));
        assert_eq!(parse("https://example.com/#x"), Err(BadUrl::Fragment));
        for bad in [
            "",
            "example.com/hook",
            "https://",
            " https://example.com",
            "https://a b/",
            "http://x:0/",
            "https://example.com/\n",
        ] {
            assert_eq!(parse(bad), Err(BadUrl::Syntax), "{bad}");
        }
        assert_eq!(parse(&format!("https://example.com/{}", "a".repeat(LENGTH_MAX))), Err(BadUrl::Length));
    }
}
