//! Reads and writes cookies.

use axum::http::{HeaderMap, HeaderValue, header::COOKIE};

use crate::App;

/// Names the session.
pub const SESSION: &str = "gancho_session";
/// A visit before signing in: forms' CSRF tokens depend on it.
pub const VISIT: &str = "gancho_visit";
/// The language that a visitor chose.
pub const LANGUAGE: &str = "gancho_lang";
/// The browser's time zone.
pub const ZONE: &str = "gancho_tz";

/// A cookie's value.
pub fn get<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let pairs = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok()).flat_map(|text| text.split(';'));
    pairs.filter_map(|pair| pair.trim().split_once('=')).find(|(known, _)| *known == name).map(|(_, value)| value)
}

/// The time zone that the browser reports.
pub fn zone(headers: &HeaderMap) -> Option<String> {
    let escaped = format!("zone={}", get(headers, ZONE)?);
    url::form_urlencoded::parse(escaped.as_bytes()).next().map(|(_, zone)| zone.into_owned())
}

/// `Set-Cookie` with HttpOnly; it expires after `seconds`, at once with 0.
pub fn set(app: &App, name: &str, value: &str, seconds: i64) -> Option<HeaderValue> {
    let secure = if app.site.https { "; Secure" } else { "" };
    let path = app.site.link("/");
    let text = format!("{name}={value}; Path={path}; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
    HeaderValue::from_str(&text).ok()
}
