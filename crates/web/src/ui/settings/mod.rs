//! Settings: one's own, people, tokens, mail, who did what, what is in force.

pub mod deeds;
pub mod mail;
pub mod me;
pub mod people;
pub mod tokens;

use std::sync::Arc;

use askama::Template;
use axum::{extract::State, response::Response};
use gancho_model::{Role, Session, Token, User};

use deeds::Deeds;

use super::{error, form::Form, frame::Frame, page, query::Query, visitor::Visitor};
use crate::{
    App,
    api::problem::{Answer, Problem},
};

#[derive(Template)]
#[template(path = "settings.html")]
pub(super) struct Page {
    frame: Frame,
    tab: &'static str,
    session: [u8; 32],
    sessions: Vec<Session>,
    users: Vec<User>,
    tokens: Vec<Token>,
    new_token: String,
    mail: Option<(String, String)>,
    deeds: Deeds,
    in_force: Vec<(String, String, String)>,
    form: Form,
}

impl Page {
    fn is_tab(&self, name: &str) -> bool {
        self.tab == name
    }

    fn is_own(&self, session: &Session) -> bool {
        session.digest == self.session
    }

    /// Names a session without its digest being of use to anybody.
    fn name_of(&self, session: &Session) -> String {
        me::session_name(session)
    }

    fn is_admin(&self, user: &User) -> bool {
        user.role == Role::Admin
    }
}

pub(crate) async fn show(State(app): State<Arc<App>>, visitor: Visitor, query: Query) -> Response {
    let tab = tab(query.text("tab"), visitor.is_admin());
    let frame = Frame::new(&app, &visitor, "settings", "settings-title").with_done(query.get("done"));
    let read = async {
        let mut read = read(&app, &frame, &visitor, tab).await?;
        if tab == "history" {
            read.deeds = deeds::read(&app, &frame, None, &query, "/settings?tab=history").await?;
        }
        Ok::<Page, Problem>(read)
    };
    match read.await {
        Ok(read) => page(&read),
        Err(problem) => error::of(frame, &problem),
    }
}

/// A viewer sees their own settings only.
fn tab(asked: &str, admin: bool) -> &'static str {
    match asked {
        "people" if admin => "people",
        "tokens" if admin => "tokens",
        "mail" if admin => "mail",
        "history" if admin => "history",
        "limits" if admin => "limits",
        _ => "me",
    }
}

pub(super) async fn read(app: &App, frame: &Frame, visitor: &Visitor, tab: &'static str) -> Answer<Page> {
    let user = visitor.user.clone();
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let form = Form::filled(vec![
        ("email", text(&user.email)),
        ("language", frame.words.language().as_str().to_owned()),
        ("time_zone", frame.words.zone().to_owned()),
    ]);
    let of = |wanted: &str| tab == wanted;
    Ok(Page {
        sessions: if of("me") { app.store.sessions(user.id, frame.now).await? } else { vec![] },
        users: if of("people") { app.store.users().await? } else { vec![] },
        tokens: if of("tokens") { app.store.tokens().await? } else { vec![] },
        deeds: Deeds::default(),
        in_force: if of("limits") { app.in_force.clone() } else { vec![] },
        mail: app.mailing.about(),
        new_token: String::new(),
        session: visitor.session.digest,
        frame: frame.clone(),
        tab,
        form,
    })
}

/// A tab once more, with what is wrong in its form.
pub(super) async fn refused(
    app: &App,
    visitor: &Visitor,
    tab: &'static str,
    form: Form,
    problem: &Problem,
) -> Response {
    let frame = Frame::new(app, visitor, "settings", "settings-title");
    match read(app, &frame, visitor, tab).await {
        Ok(mut read) => {
            read.form = form.refused(problem, &frame.words);
            super::refused(&read)
        }
        Err(problem) => error::of(frame, &problem),
    }
}
