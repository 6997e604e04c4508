use std::{net::SocketAddr, sync::Arc};

use askama::Template;
use axum::{
    extract::{ConnectInfo, State},
    http::{HeaderMap, StatusCode, header::RETRY_AFTER},
    response::Response,
};

use super::{safe_path, visit, with_cookies};
use crate::{
    App,
    auth::{cookie, hop, session},
    ui::{answer, error, form::Form, go, locale, page_context::PageContext, query::Query},
};

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage {
    context: PageContext,
    next: String,
    name: String,
    error: String,
    nobody: bool,
}

pub(crate) async fn show(State(app): State<Arc<App>>, headers: HeaderMap, query: Query) -> Response {
    let signed_in = session::read_session(&app, &headers).await.ok().flatten().is_some();
    if signed_in {
        return go(&app, safe_path(query.text("next")));
    }
    form(&app, &headers, query.text("next"), "", None).await
}

async fn form(
    app: &App,
    headers: &HeaderMap,
    next: &str,
    name: &str,
    wrong: Option<(StatusCode, &'static str)>,
) -> Response {
    let words = locale::words(headers, None);
    let (token, cookie) = visit(app, headers);
    let error = wrong.map_or_else(String::new, |(_, id)| words.get(id));
    let nobody = app.store.users().await.is_ok_and(|users| users.is_empty());
    let context = PageContext::strange(app, words, "login-title", token);
    let page = LoginPage { context, next: next.to_owned(), name: name.to_owned(), error, nobody };
    let mut response = answer(wrong.map_or(StatusCode::OK, |(status, _)| status), &page);
    if wrong.is_some_and(|(status, _)| status == StatusCode::TOO_MANY_REQUESTS) {
        response.headers_mut().insert(RETRY_AFTER, axum::http::HeaderValue::from_static("60"));
    }
    with_cookies(response, [cookie])
}

pub(crate) async fn enter(
    State(app): State<Arc<App>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    filled: Form,
) -> Response {
    let (name, next) = (filled.value("name").trim().to_owned(), filled.value("next").to_owned());
    // Names longer than allowed need not be remembered.
    let kept: String = name.to_lowercase().chars().take(100).collect();
    let address = hop::counted(hop::client(&headers, peer.ip(), &app.proxies));
    // Tries from elsewhere delay the owner of the name, but don't lock them out.
    let who = [format!("address {address}"), format!("name {kept} from {address}")];
    let (now, by_name) = (app.environment.mono(), format!("name {kept}"));
    if !app.tries.may(&who, app.login_tries, now) {
        let wrong = Some((StatusCode::TOO_MANY_REQUESTS, "problem-too-many"));
        return form(&app, &headers, &next, &name, wrong).await;
    }
    tokio::time::sleep(app.tries.slowed(&by_name, app.login_tries, now)).await;
    let user = match app.services.accounts.sign_in(&name, filled.value("password").to_owned()).await {
        Ok(user) => user,
        Err(problem) => return error::page(&app, &locale::words(&headers, None), &problem.into()),
    };
    let Some(user) = user else {
        // The entered name is not logged: it may be a password.
        tracing::warn!(address, "a sign-in failed: wrong name or password");
        app.tries.note(&by_name, now);
        return form(&app, &headers, &next, &name, Some((StatusCode::UNAUTHORIZED, "problem-login"))).await;
    };
    app.tries.forget(&who);
    match session::begin(&app, &user, &headers).await {
        Ok(begun) => with_cookies(go(&app, safe_path(&next)), [begun, cookie::set(&app, cookie::VISIT, "", 0)]),
        Err(problem) => error::page(&app, &locale::words(&headers, None), &problem.into()),
    }
}
