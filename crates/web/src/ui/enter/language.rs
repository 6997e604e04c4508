use std::sync::Arc;

use axum::{extract::State, http::HeaderMap, response::Response};
use gancho_store::UserChange;
use gancho_words::Language;

use super::{safe_path, with_cookies};
use crate::{
    App,
    auth::{cookie, session},
    ui::{error, form::Form, go, locale},
};

/// A year, seconds.
const REMEMBERED_S: i64 = 365 * 24 * 3600;

/// Changes the language: for this browser, and for the signed-in user.
pub(crate) async fn choose(State(app): State<Arc<App>>, headers: HeaderMap, form: Form) -> Response {
    let language = Language::parse(form.value("language")).unwrap_or(Language::Es);
    let saved = match session::read_session(&app, &headers).await {
        Ok(Some((session, user))) => {
            let change = UserChange { language: Some(language.as_str().to_owned()), ..UserChange::default() };
            app.store.change_user(user.id, change, Some(session.digest)).await
        }
        Ok(None) => Ok(()),
        Err(error) => Err(error),
    };
    if let Err(problem) = saved {
        return error::page(&app, &locale::words(&headers, None), &problem.into());
    }
    let chosen = cookie::set(&app, cookie::LANGUAGE, language.as_str(), REMEMBERED_S);
    with_cookies(go(&app, safe_path(form.value("next"))), [chosen])
}
