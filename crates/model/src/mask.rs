//! What stands in the place of a secret wherever a viewer or a log could see it.

use std::borrow::Cow;

use url::Url;

/// In the place of a secret.
pub const MASK: &str = "***";
/// Path segments from this length on that mix letters and digits look like a token.
const TOKEN_LENGTH: usize = 16;

/// A URL whose query values, and path segments that look like tokens, are masked.
pub fn url(text: &str) -> String {
    let Ok(mut url) = Url::parse(text) else { return MASK.to_owned() };
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_fragment(None);
    let path: Vec<&str> =
        url.path().trim_start_matches('/').split('/').map(|part| if is_token(part) { MASK } else { part }).collect();
    let path = format!("/{}", path.join("/"));
    let query = url.query().map(|query| {
        let masked = |pair: &str| match pair.split_once('=') {
            Some((name, _)) => format!("{name}={MASK}"),
            None if is_token(pair) => MASK.to_owned(),
            None => pair.to_owned(),
        };
        query.split('&').map(masked).collect::<Vec<_>>().join("&")
    });
    url.set_path(&path);
    url.set_query(query.as_deref());
    url.into()
}

/// Header fields whose value is masked in the log of attempts.
pub fn is_secret_header(name: &str) -> bool {
    const SECRET: &[&str] =
        &["authorization", "cookie", "set-cookie", "proxy-authorization", "x-api-key", "x-auth-token"];
    let marks = |name: &str| ["signature", "token", "secret"].iter().any(|mark| name.contains(mark));
    // Most names come in lower case: no copy for those.
    let name = if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    };
    SECRET.contains(&&*name) || marks(&name)
}

fn is_token(part: &str) -> bool {
    part.len() >= TOKEN_LENGTH
        && part.bytes().any(|byte| byte.is_ascii_digit())
        && part.bytes().any(|byte| byte.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_inside_urls() {
        let masked = url("https://hooks.example.com/services/T0123/B456/aB3dE5fG7hI9jK1l?token=abc&x");
        assert_eq!(masked, "https://hooks.example.com/services/T0123/B456/***?token=***&x");
        assert_eq!(url("https://u:p@example.com/hook"), "https://example.com/hook");
        assert_eq!(url("https://example.com"), "https://example.com/");
        assert_eq!(url("nonsense secret"), MASK);
    }

    #[test]
    fn headers() {
        for name in ["Authorization", "X-Webhook-Signature", "webhook-signature", "Set-Cookie", "X-Auth-Token"] {
            assert!(is_secret_header(name), "{name}");
        }
        assert!(!is_secret_header("Content-Type"));
    }
}
