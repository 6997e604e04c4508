//! The header fields of an attempt.

use gancho_model::{Endpoint, HeaderLog, SentEvent, Timestamp, delivery_headers, mask};
use gancho_store::Claimed;
use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{ACCEPT, CONTENT_TYPE, HOST, USER_AGENT},
};
use url::Url;

/// The `User-Agent` of deliveries.
const AGENT: &str = concat!("Gancho/", env!("CARGO_PKG_VERSION"));

/// All header fields of an attempt, including signatures.
pub(crate) fn headers(endpoint: &Endpoint, url: &Url, claimed: &Claimed, now: Timestamp) -> HeaderMap {
    let mut map = HeaderMap::with_capacity(16 + endpoint.headers.len());
    let sent = SentEvent {
        id: claimed.event_id,
        event: &claimed.event,
        sequence: claimed.sequence,
        attempt: claimed.attempts + 1,
        body: &claimed.body,
    };
    for (name, value) in delivery_headers(&endpoint.secrets, sent, now) {
        if let Ok(value) = HeaderValue::try_from(value) {
            map.insert(HeaderName::from_static(name), value);
        }
    }
    map.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    map.insert(USER_AGENT, HeaderValue::from_static(AGENT));
    map.insert(ACCEPT, HeaderValue::from_static("*/*"));
    let host = &url[url::Position::BeforeHost..url::Position::AfterPort];
    if let Ok(host) = HeaderValue::from_str(host) {
        map.insert(HOST, host);
    }
    for (name, value) in &endpoint.headers {
        // Validated when the endpoint was saved.
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            map.insert(name, value);
        }
    }
    map
}

/// Header fields for the log: the endpoint's own values, signatures, tokens and cookies are masked.
pub(crate) fn logged(headers: &HeaderMap, endpoint: Option<&Endpoint>) -> HeaderLog {
    let own = |name: &str| endpoint.is_some_and(|one| one.headers.keys().any(|own| own.eq_ignore_ascii_case(name)));
    let mut head = HeaderLog::new();
    for (name, value) in headers {
        let name = name.as_str();
        let secret = mask::is_secret_header(name) || own(name);
        head.push(name, &if secret { mask::MASK.into() } else { String::from_utf8_lossy(value.as_bytes()) });
    }
    head
}
