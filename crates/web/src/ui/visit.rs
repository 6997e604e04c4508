//! Requires a signed-in user; redirects others to the sign-in page.

use std::sync::Arc;

use axum::{
    extract::FromRequestParts,
    http::request::Parts,
    response::{IntoResponse, Redirect, Response},
};

use super::{
    current_user::{CurrentAdmin, CurrentUser},
    error, locale,
    page_context::PageContext,
};
use crate::{
    App,
    api::problem::Problem,
    auth::{ClientConnection, cookie, session},
};

impl FromRequestParts<Arc<App>> for CurrentUser {
    type Rejection = Response;
    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        let read = session::read_session(app, &parts.headers).await;
        let read = read.map_err(|error| error::page(app, &locale::words(&parts.headers, None), &Problem::from(error)));
        let Some((session, user)) = read? else {
            let next = parts.uri.path_and_query().map_or("/", |path| path.as_str());
            let next = if parts.method == "GET" { next } else { "/" };
            let next: String = url::form_urlencoded::byte_serialize(next.as_bytes()).collect();
            return Err(Redirect::to(&app.site.link(&format!("/login?next={next}"))).into_response());
        };
        ClientConnection::note_known(&parts.extensions);
        let text = cookie::get(&parts.headers, cookie::SESSION).unwrap_or_default();
        let words = locale::words(&parts.headers, Some(&user));
        Ok(Self { csrf_token: session::csrf_token(text), user, session, words })
    }
}

impl FromRequestParts<Arc<App>> for CurrentAdmin {
    type Rejection = Response;
    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        let visitor = CurrentUser::from_request_parts(parts, app).await?;
        if visitor.is_admin() {
            return Ok(Self(visitor));
        }
        let context = PageContext::new(app, &visitor, "", "problem-title");
        Err(error::forbidden(context))
    }
}
