//! Settings: own ones, users, tokens, mail, audit log, configuration.

pub mod consumers;
pub mod history;
pub mod mail;
pub mod me;
pub mod people;
pub mod personal_data;
pub mod tokens;

use std::sync::Arc;

use askama::Template;
use axum::{extract::State, response::Response};
use gancho_model::{Role, Session, Source, Token, User};

use consumers::ConsumerRow;
use history::AuditPage;

use super::{current_user::CurrentUser, error, form::Form, guide, page, page_context::PageContext, query::Query, say};
use crate::{
    App,
    api::problem::{Answer, Problem},
};

#[derive(Template)]
#[template(path = "settings.html")]
pub(super) struct SettingsPage {
    context: PageContext,
    tab: &'static str,
    session: [u8; 32],
    sessions: Vec<Session>,
    users: Vec<User>,
    tokens: Vec<Token>,
    new_token: String,
    consumers: Vec<ConsumerRow>,
    mail: Option<(String, String)>,
    /// The configuration sets the mail server.
    is_mail_fixed: bool,
    entries: AuditPage,
    in_force: Vec<(String, String, String)>,
    /// ERPs, for forms with a customer's code.
    sources: Vec<Source>,
    /// The result of the last action.
    said: String,
    form: Form,
}

impl SettingsPage {
    fn is_tab(&self, name: &str) -> bool {
        self.tab == name
    }

    fn browser(&self, session: &Session) -> String {
        say::browser(&session.agent)
    }

    fn is_own(&self, session: &Session) -> bool {
        session.digest == self.session
    }

    /// Names a session without revealing its digest.
    fn name_of(&self, session: &Session) -> String {
        me::session_name(session)
    }

    fn is_admin(&self, user: &User) -> bool {
        user.role == Role::Admin
    }
}

pub(crate) async fn show(State(app): State<Arc<App>>, visitor: CurrentUser, query: Query) -> Response {
    let tab = tab(query.text("tab"), visitor.is_admin());
    let context = PageContext::new(&app, &visitor, "settings", "settings-title").with_done(query.get("done"));
    let read = async {
        let mut read = read(&app, &context, &visitor, tab).await?;
        if tab == "history" {
            read.entries = history::read(&app, &context, None, &query, "/settings?tab=history").await?;
        }
        Ok::<SettingsPage, Problem>(read)
    };
    match read.await {
        Ok(read) => page(&read),
        Err(problem) => error::of(context, &problem),
    }
}

/// Viewers see only their own settings.
fn tab(asked: &str, admin: bool) -> &'static str {
    match asked {
        "people" if admin => "people",
        "tokens" if admin => "tokens",
        "mail" if admin => "mail",
        "history" if admin => "history",
        "personal-data" if admin => "personal-data",
        "limits" if admin => "limits",
        _ => "me",
    }
}

pub(super) async fn read(
    app: &App,
    context: &PageContext,
    visitor: &CurrentUser,
    tab: &'static str,
) -> Answer<SettingsPage> {
    let user = visitor.user.clone();
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let of = |wanted: &str| tab == wanted;
    let mine = || {
        vec![
            ("email", text(&user.email)),
            ("language", context.words.language().as_str().to_owned()),
            ("time_zone", context.words.zone().to_owned()),
        ]
    };
    if of("mail") {
        app.services.follow_mail_server().await?;
    }
    let form = Form::filled(if of("mail") { mail::form(app, visitor).await? } else { mine() });
    Ok(SettingsPage {
        sessions: if of("me") { app.store.sessions(user.id, context.now).await? } else { vec![] },
        users: if of("people") { app.store.users().await? } else { vec![] },
        consumers: if of("tokens") { consumers(app, context).await? } else { vec![] },
        tokens: if of("tokens") { app.store.tokens().await? } else { vec![] },
        entries: AuditPage::default(),
        in_force: if of("limits") { guide::settings(app, context) } else { vec![] },
        sources: if of("personal-data") { app.store.sources().await? } else { vec![] },
        said: String::new(),
        mail: app.services.mailing.about(),
        is_mail_fixed: app.services.mailing.is_fixed(),
        new_token: String::new(),
        session: visitor.session.digest,
        context: context.clone(),
        tab,
        form,
    })
}

async fn consumers(app: &App, context: &PageContext) -> Answer<Vec<ConsumerRow>> {
    let last = *app.store.watch().borrow();
    Ok(app.services.consumers().await?.iter().map(|one| ConsumerRow::new(context, one, last)).collect())
}

/// A tab again, with the errors of its form.
pub(super) async fn refused(
    app: &App,
    visitor: &CurrentUser,
    tab: &'static str,
    form: Form,
    problem: &Problem,
) -> Response {
    let context = PageContext::new(app, visitor, "settings", "settings-title");
    match read(app, &context, visitor, tab).await {
        Ok(mut read) => {
            read.form = form.refused(problem, &context.words);
            super::refused(&read)
        }
        Err(problem) => error::of(context, &problem),
    }
}
