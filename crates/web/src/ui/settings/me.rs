//! A user's own settings: language, time zone, mail, password, sessions.

use std::sync::Arc;

use axum::{extract::State, response::Response};
use gancho_model::{Message, Session};
use gancho_service::{
    account::OwnSettings,
    input::{Email, Reading, Rules, ZoneName},
};
use gancho_words::Language;

use crate::{
    App,
    api::problem::Answer,
    ui::{current_user::CurrentUser, done, error, form::Form, page_context::PageContext, person},
};

/// A session's name on the page: enough to end it, useless for signing in.
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

async fn change(app: &App, visitor: &CurrentUser, form: &Form) -> Answer<()> {
    let mut reading = Reading::new(Rules::default());
    let language = Language::parse(form.value("language")).ok_or_else(|| Message::new("error-language"));
    let language = reading.field("language", language);
    let zone = reading.field("time_zone", ZoneName::new(form.value("time_zone").trim()));
    let email = reading.field("email", Email::filled(form.value("email")));
    let password = match form.value("password") {
        "" => Some(None),
        _ => person::password(form, &mut reading).map(|new| Some((new, form.value("old").to_owned()))),
    };
    let own = || Some(OwnSettings { email: email?, language: language?, time_zone: zone?, password: password? });
    Ok(app.services.accounts.update_own(&visitor.user, &visitor.session, reading.finish(own())?).await?)
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
