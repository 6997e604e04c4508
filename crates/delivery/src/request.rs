//! The header fields of an attempt.

use gancho_model::{Endpoint, HeaderLog, Timestamp, mask};
use gancho_receiver::{headers as names, sign};
use gancho_store::Claimed;
use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{ACCEPT, CONTENT_TYPE, HOST, USER_AGENT},
};
use url::Url;

/// What a delivery says of who sends it.
const AGENT: &str = concat!("Gancho/", env!("CARGO_PKG_VERSION"));

/// All header fields of an attempt, signatures included.
pub(crate) fn headers(endpoint: &Endpoint, url: &Url, claimed: &Claimed, now: Timestamp) -> HeaderMap {
    let mut map = HeaderMap::with_capacity(16 + endpoint.headers.len());
    let mut set = |name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            map.insert(HeaderName::from_static(name), value);
        }
    };
    let (id, at) = (claimed.event_id.to_string(), now.s());
    let stamp = at.to_string();
    let (current, next) = endpoint.secrets.at(now);
    set(names::X_ID, &id);
    set(names::X_EVENT, claimed.event.as_str());
    set(names::X_TIMESTAMP, &stamp);
    set(names::X_ATTEMPT, &(claimed.attempts + 1).to_string());
    set(names::X_SEQUENCE, &claimed.sequence.to_string());
    set(names::X_SIGNATURE, &sign::plain(current, &claimed.body));
    if let Some(next) = next {
        set(names::X_SIGNATURE_NEXT, &sign::plain(next, &claimed.body));
    }
    let standard: Vec<String> = [Some(current), next]
        .into_iter()
        .flatten()
        .filter_map(|secret| sign::standard(secret, &id, at, &claimed.body))
        .collect();
    set(names::STANDARD_ID, &id);
    set(names::STANDARD_TIMESTAMP, &stamp);
    if !standard.is_empty() {
        set(names::STANDARD_SIGNATURE, &standard.join(" "));
    }
    map.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    map.insert(USER_AGENT, HeaderValue::from_static(AGENT));
    map.insert(ACCEPT, HeaderValue::from_static("*/*"));
    let host = &url[url::Position::BeforeHost..url::Position::AfterPort];
    if let Ok(host) = HeaderValue::from_str(host) {
        map.insert(HOST, host);
    }
    for (name, value) in &endpoint.headers {
        // Checked when the endpoint was saved.
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            map.insert(name, value);
        }
    }
    map
}

/// Header fields as the log keeps them: values of the endpoint's own, signatures, tokens and cookies masked.
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
