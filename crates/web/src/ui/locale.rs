//! The language and time zone of a page.

use axum::http::{HeaderMap, header::ACCEPT_LANGUAGE};
use gancho_model::User;
use gancho_words::{Language, Words, ZONE};

use crate::auth::cookie;

/// The language and time zone of the browser, and of the user signed in there.
pub(crate) fn words(headers: &HeaderMap, user: Option<&User>) -> Words {
    let chosen = user.and_then(|user| user.language.as_deref()).or_else(|| cookie::get(headers, cookie::LANGUAGE));
    let accepted = || headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let language = chosen.and_then(Language::parse).unwrap_or_else(|| Language::accepted(accepted()));
    let zone = user.and_then(|user| user.time_zone.clone());
    Words::new(language, &zone.or_else(|| cookie::zone(headers)).unwrap_or_else(|| ZONE.to_owned()))
}
