//! One's own: language, zone, mail, password, where one is signed in.

use std::sync::Arc;

use axum::{extract::State, response::Response};
use gancho_facturascripts::shape::Shape;
use gancho_model::{Message, Session};
use gancho_store::UserChange;
use gancho_words::Language;

use crate::{
    App,
    api::problem::{Answer, Problem},
    auth::password,
    ui::{current_user::CurrentUser, done, error, form::Form, page_context::PageContext, person},
};

/// A session's name on its page: enough to end it, nothing to sign in with.
pub(super) fn session_name(session: &Session) -> String {
    crate::auth::digest(&session.digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
        .iter()
        .take(12)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

pub(crate) async fn save(State(app): State<Arc<App>>, visitor: CurrentUser, form: Form) -> Response {
    match change(&app, &visitor, &form).await {
        Ok(()) => done(&app, "/settings?tab=me", "saved"),
        Err(problem) => super::refused(&app, &visitor, "me", form, &problem).await,
    }
}

async fn change(app: &Arc<App>, visitor: &CurrentUser, form: &Form) -> Answer<()> {
    let language = Language::parse(form.value("language"));
    let language = language.ok_or_else(|| Problem::field("language", Message::new("error-language")))?;
    let zone = form.value("time_zone").trim();
    if Shape::new(zone).is_err() {
        return Err(Problem::field("time_zone", Message::new("error-zone")));
    }
    let mut change = UserChange {
        email: Some(person::email(form)?),
        language: Some(language.as_str().to_owned()),
        time_zone: Some(zone.to_owned()),
        ..UserChange::default()
    };
    if !form.value("password").is_empty() {
        let (given, hash) = (form.value("old").to_owned(), visitor.user.password_hash.clone());
        if !password::verify_apart(given, hash).await {
            return Err(Problem::field("old", Message::new("error-password-wrong")));
        }
        change.password_hash = Some(person::hashed(app, person::password(form)?).await?);
    }
    app.store.change_user(visitor.user.id, change, Some(visitor.session.digest)).await?;
    Ok(())
}

pub(crate) async fn end_session(State(app): State<Arc<App>>, visitor: CurrentUser, form: Form) -> Response {
    let ended = async {
        let own = app.store.sessions(visitor.user.id, app.environment.now()).await?;
        for session in own.iter().filter(|session| session_name(session) == form.value("session")) {
            app.store.end_session(session.digest).await?;
        }
        Ok::<(), gancho_store::StoreError>(())
    };
    match ended.await {
        Ok(()) => done(&app, "/settings?tab=me", "session-ended"),
        Err(problem) => error::of(PageContext::new(&app, &visitor, "settings", "problem-title"), &problem.into()),
    }
}
