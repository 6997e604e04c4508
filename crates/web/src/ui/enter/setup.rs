//! Creates the first administrator, by a one-time link.

use std::sync::{Arc, PoisonError};

use askama::Template;
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use gancho_model::{Message, Role};
use gancho_service::{ServiceError, account::NewPerson};
use gancho_store::StoreError;

use super::{visit, with_cookies};
use crate::{
    App,
    api::problem::Problem,
    auth::{digest, session},
    ui::{error, form::Form, go, locale, page, page_context::PageContext, person, query::Query, refused},
};

#[derive(Template)]
#[template(path = "setup.html")]
struct SetupPage {
    context: PageContext,
    key: String,
    form: Form,
}

/// The path of the one-time link, if there are no users yet.
pub(crate) async fn link(app: &App) -> Result<Option<String>, StoreError> {
    if !app.store.users().await?.is_empty() {
        return Ok(None);
    }
    let key = session::random(app);
    let path = format!("/setup?key={key}");
    *app.setup.lock().unwrap_or_else(PoisonError::into_inner) = Some(key);
    Ok(Some(path))
}

async fn is_right(app: &App, key: &str) -> bool {
    // A user may have been added in another way meanwhile.
    if !app.store.users().await.is_ok_and(|users| users.is_empty()) {
        return false;
    }
    let known = app.setup.lock().unwrap_or_else(PoisonError::into_inner);
    // Compares digests, so that timing reveals nothing.
    known.as_ref().is_some_and(|known| digest(known) == digest(key))
}

pub(crate) async fn show(State(app): State<Arc<App>>, headers: HeaderMap, query: Query) -> Response {
    if !is_right(&app, query.text("key")).await {
        return used(&app, &headers);
    }
    let (token, cookie) = visit(&app, &headers);
    let context = PageContext::strange(&app, locale::words(&headers, None), "setup-title", token);
    with_cookies(page(&SetupPage { context, key: query.text("key").to_owned(), form: Form::default() }), [cookie])
}

fn used(app: &App, headers: &HeaderMap) -> Response {
    let problem = Problem::localized(StatusCode::FORBIDDEN, Message::new("setup-used"));
    error::page(app, &locale::words(headers, None), &problem)
}

pub(crate) async fn make(State(app): State<Arc<App>>, headers: HeaderMap, form: Form) -> Response {
    let key = form.value("key").to_owned();
    if !is_right(&app, &key).await {
        return used(&app, &headers);
    }
    let words = locale::words(&headers, None);
    let person = match person::new_person(&form, Ok(Role::Admin)) {
        Ok(person) => NewPerson { language: Some(words.language()), ..person },
        Err(errors) => {
            let problem = Problem::from(errors);
            let (token, _) = visit(&app, &headers);
            let context = PageContext::strange(&app, words.clone(), "setup-title", token);
            return refused(&SetupPage { context, key, form: form.refused(&problem, &words) });
        }
    };
    // Of two concurrent uses, one is first.
    let taken = app.setup.lock().unwrap_or_else(PoisonError::into_inner).take();
    if taken.as_ref() != Some(&key) {
        return used(&app, &headers);
    }
    let made = async {
        let who = person.name.0.clone();
        let user = app.services.accounts.add_person(person, &who).await?;
        Ok::<_, ServiceError>(session::begin(&app, &user, &headers).await?)
    };
    match made.await {
        Ok(cookie) => with_cookies(go(&app, "/"), [cookie]),
        Err(problem) => {
            *app.setup.lock().unwrap_or_else(PoisonError::into_inner) = taken;
            error::page(&app, &words, &problem.into())
        }
    }
}
