//! Masks secrets wherever a viewer or a log could see them.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use url::{Host, Url};

use crate::randomness::is_random;

/// Replaces a secret.
pub const MASK: &str = "***";
/// Path segments after which services put secrets.
const BEFORE_SECRETS: &[&str] = &[
    "apikey",
    "bot",
    "catch",
    "hook",
    "hooks",
    "in",
    "incoming",
    "invoke",
    "k",
    "key",
    "keys",
    "s",
    "secret",
    "secrets",
    "services",
    "t",
    "token",
    "tokens",
    "triggers",
    "webhook",
    "webhook-test",
    "webhooks",
    "workflows",
];

/// A URL with its secrets masked: user and password, the values of the query, the fragment, and parts of the path and
/// the host that look random.
pub fn url(text: &str) -> String {
    let Ok(mut url) = Url::parse(text) else { return MASK.to_owned() };
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_fragment(None);
    let path = masked_path(url.path());
    let query = url.query().map(masked_query);
    if let Some(Host::Domain(host)) = url.host() {
        let host = masked_host(host);
        // If it can't be masked, it is not shown.
        if url.set_host(Some(&host)).is_err() {
            return MASK.to_owned();
        }
    }
    url.set_path(&path);
    url.set_query(query.as_deref());
    url.into()
}

fn masked_path(path: &str) -> String {
    let mut suspected = false;
    let masked = |part: &str| {
        let text = percent_decode_str(part).decode_utf8_lossy();
        let is_secret = is_random(&text, suspected);
        suspected = is_secret || BEFORE_SECRETS.contains(&text.to_ascii_lowercase().as_str());
        if is_secret { MASK.to_owned() } else { part.to_owned() }
    };
    format!("/{}", path.trim_start_matches('/').split('/').map(masked).collect::<Vec<_>>().join("/"))
}

/// Values are always masked; parameters without a name if they look random.
fn masked_query(query: &str) -> String {
    let masked = |pair: &str| match pair.split_once('=') {
        Some((name, _)) => format!("{name}={MASK}"),
        None if is_random(pair, true) => MASK.to_owned(),
        None => pair.to_owned(),
    };
    query.split('&').map(masked).collect::<Vec<_>>().join("&")
}

/// Some services give each webhook its own host name. The last two labels identify the service and stay.
fn masked_host(host: &str) -> String {
    let labels: Vec<&str> = host.split('.').collect();
    let masked = |(n, label): (usize, &&str)| {
        if n + 2 < labels.len() && is_random(label, false) { MASK } else { label }.to_owned()
    };
    labels.iter().enumerate().map(masked).collect::<Vec<_>>().join(".")
}

/// Header fields whose value is masked in the log of attempts.
pub fn is_secret_header(name: &str) -> bool {
    const SECRET: &[&str] =
        &["authorization", "cookie", "set-cookie", "proxy-authorization", "x-api-key", "x-auth-token"];
    let marks = |name: &str| ["signature", "token", "secret"].iter().any(|mark| name.contains(mark));
    // Most names are in lower case and need no copy.
    let name = if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    };
    SECRET.contains(&&*name) || marks(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_inside_urls() {
        let masked = url("https://hooks.example.com/services/T0123/B456/aB3dE5fG7hI9jK1l?token=abc&x");
        assert_eq!(masked, "https://hooks.example.com/services/T0123/B456/***?token=***&x");
        for (secret, shown) in [
            ("https://n8n.example.com/webhook/qzxvkjwp", "https://n8n.example.com/webhook/***"),
            ("https://hooks.zapier.com/hooks/catch/123456/x7k2m9/", "https://hooks.zapier.com/hooks/catch/123456/***/"),
            ("https://hook.eu1.make.com/qwzxkjvbplmnqwzxkjvb", "https://hook.eu1.make.com/***"),
            (
                "https://discord.com/api/webhooks/123456789012345678/aB-cD_eFqXzKjWvBpLmNtR",
                "https://discord.com/api/webhooks/***/***",
            ),
            ("https://eokqzxvwjp1a2b3c.m.pipedream.net", "https://***.m.pipedream.net/"),
            ("https://api.telegram.org/bot12345:AAEhBOweik6ad9rQXMENQ/send", "https://api.telegram.org/***/send"),
            ("https://tienda.example.es/webhook/facturas?k=1", "https://tienda.example.es/webhook/facturas?k=***"),
            ("https://example.com/hook/%71%7A%78%76%6B%6A%77%70", "https://example.com/hook/***"),
            ("http://127.0.0.1:8000/recibir.php", "http://127.0.0.1:8000/recibir.php"),
        ] {
            assert_eq!(url(secret), shown);
        }
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
