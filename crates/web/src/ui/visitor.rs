//! Who looks at a page, and in which language.

use std::sync::Arc;

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header::ACCEPT_LANGUAGE, request::Parts},
    response::{IntoResponse, Redirect, Response},
};
use gancho_model::{Role, Session, User};
use gancho_words::{Language, Words, ZONE};

use super::{error, frame::Frame};
use crate::{
    App,
    api::problem::Problem,
    auth::{cookie, session},
};

/// Somebody who is signed in.
pub(crate) struct Visitor {
    pub user: User,
    pub session: Session,
    pub words: Words,
    /// What forms of theirs carry.
    pub form_token: String,
}

/// Somebody who is signed in and may change things.
pub(crate) struct Manager(pub Visitor);

impl Visitor {
    /// Whether they may change things, and see secrets.
    pub fn is_admin(&self) -> bool {
        self.user.role == Role::Admin
    }
}

/// The language and zone of a browser, and of who is signed in there.
pub(crate) fn words(headers: &HeaderMap, user: Option<&User>) -> Words {
    let chosen = user.and_then(|user| user.language.as_deref()).or_else(|| cookie::get(headers, cookie::LANGUAGE));
    let accepted = || headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let language = chosen.and_then(Language::parse).unwrap_or_else(|| Language::accepted(accepted()));
    let zone = user.and_then(|user| user.time_zone.clone());
    Words::new(language, &zone.or_else(|| cookie::zone(headers)).unwrap_or_else(|| ZONE.to_owned()))
}

impl FromRequestParts<Arc<App>> for Visitor {
    type Rejection = Response;
    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        let read = session::read(app, &parts.headers).await;
        let read = read.map_err(|error| error::page(app, &words(&parts.headers, None), &Problem::from(error)));
        let Some((session, user)) = read? else {
            let next = parts.uri.path_and_query().map_or("/", |path| path.as_str());
            let next = if parts.method == "GET" { next } else { "/" };
            let next: String = url::form_urlencoded::byte_serialize(next.as_bytes()).collect();
            return Err(Redirect::to(&app.site.link(&format!("/login?next={next}"))).into_response());
        };
        let text = cookie::get(&parts.headers, cookie::SESSION).unwrap_or_default();
        let words = words(&parts.headers, Some(&user));
        Ok(Self { form_token: session::form_token(text), user, session, words })
    }
}

impl FromRequestParts<Arc<App>> for Manager {
    type Rejection = Response;
    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        let visitor = Visitor::from_request_parts(parts, app).await?;
        if visitor.is_admin() {
            return Ok(Self(visitor));
        }
        let frame = Frame::new(app, &visitor, "", "problem-title");
        Err(error::forbidden(frame))
    }
}
