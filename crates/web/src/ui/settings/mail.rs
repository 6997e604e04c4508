//! The mail server, and a test mail.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode, response::Response};
use gancho_model::Message;
use gancho_service::{
    input::{Email, FieldError, Reading, Rules, Text},
    mail::{Encryption, MailServer},
};

use crate::{
    App,
    api::problem::{Answer, Problem},
    ui::{
        current_user::{CurrentAdmin, CurrentUser},
        done,
        form::Form,
    },
};

/// The form with the current values; the password is never shown.
pub(super) async fn form(app: &App, visitor: &CurrentUser) -> Answer<Vec<(&'static str, String)>> {
    let server = app.services.mail_server().await?.unwrap_or_default();
    Ok(vec![
        ("host", server.host),
        ("port", server.port.map(|port| port.to_string()).unwrap_or_default()),
        ("encryption", server.encryption.as_str().to_owned()),
        ("user", server.user),
        ("from", server.from),
        ("email", visitor.user.email.clone().unwrap_or_default()),
    ])
}

pub(crate) async fn save(State(app): State<Arc<App>>, CurrentAdmin(visitor): CurrentAdmin, form: Form) -> Response {
    let server = if form.has("act", "forget") { Ok(None) } else { filled(&form).map(Some) };
    let saved = match server {
        Ok(server) => app.services.save_mail_server(server, &visitor.user.name).await.map_err(Problem::from),
        Err(wrong) => Err(Problem::from(gancho_service::ServiceError::Fields(wrong))),
    };
    match saved {
        Ok(()) => done(&app, "/settings?tab=mail", "saved"),
        Err(problem) => super::refused(&app, &visitor, "mail", form, &problem).await,
    }
}

fn filled(form: &Form) -> Result<MailServer, Vec<FieldError>> {
    let mut reading = Reading::new(Rules::default());
    let host = reading.field("host", form.required("host").and_then(Text::<1, 253>::new));
    let port = reading.field("port", port(form.value("port").trim()));
    let encryption = Encryption::parse(form.value("encryption")).ok_or_else(|| Message::new("error-mail-host"));
    let encryption = reading.field("encryption", encryption);
    let from = reading.field("from", form.required("from").and_then(Text::<1, 200>::new));
    let server = || {
        Some(MailServer {
            host: host?.0,
            port: port?,
            encryption: encryption?,
            user: form.value("user").trim().to_owned(),
            password: form.value("password").to_owned(),
            from: from?.0,
        })
    };
    reading.finish(server())
}

fn port(text: &str) -> Result<Option<u16>, Message> {
    let wrong = || Message::new("error-number").with("min", 1).with("max", 65_535);
    match text.parse::<u16>() {
        _ if text.is_empty() => Ok(None),
        Ok(port) if port > 0 => Ok(Some(port)),
        _ => Err(wrong()),
    }
}

pub(crate) async fn send_test(
    State(app): State<Arc<App>>,
    CurrentAdmin(visitor): CurrentAdmin,
    form: Form,
) -> Response {
    let words = &visitor.words;
    let sent = match form.required("email").and_then(Email::new) {
        Ok(Email(to)) => {
            let (subject, text) = (words.get("mail-test-subject"), words.get("mail-test-text"));
            match app.services.follow_mail_server().await {
                Ok(()) => {
                    let sent = app.services.mailing.send_test(&to, &subject, &text).await;
                    sent.map_err(|message| Problem::localized(StatusCode::BAD_GATEWAY, message))
                }
                Err(error) => Err(Problem::from(error)),
            }
        }
        Err(wrong) => Err(Problem::field("email", wrong)),
    };
    match sent {
        Ok(()) => done(&app, "/settings?tab=mail", "mail-sent"),
        Err(problem) => {
            let form = beside_server(&app, &visitor, &form).await;
            super::refused(&app, &visitor, "mail", form, &problem).await
        }
    }
}

/// The form of the test, which holds only an address, with the server's saved values beside it.
async fn beside_server(app: &App, visitor: &CurrentUser, sent: &Form) -> Form {
    let mut fields = form(app, visitor).await.unwrap_or_default();
    fields.retain(|(name, _)| *name != "email");
    fields.push(("email", sent.value("email").to_owned()));
    Form::filled(fields)
}
