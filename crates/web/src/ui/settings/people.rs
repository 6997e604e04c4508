//! People: added, given another role or password, removed.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode, response::Response};
use gancho_model::{Message, Role, User, UserId};
use gancho_store::UserChange;
use serde_json::{Map, Value, json};

use crate::{
    App,
    api::problem::{Answer, Problem},
    ui::{current_user::CurrentAdmin, done, error, form::Form, id::Id, page_context::PageContext, person},
};

fn role(form: &Form) -> Answer<Role> {
    Role::parse(form.value("role")).ok_or_else(|| Problem::field("role", Message::new("error-role")))
}

pub(crate) async fn add(State(app): State<Arc<App>>, CurrentAdmin(visitor): CurrentAdmin, form: Form) -> Response {
    match make(&app, &form, &visitor.user.name).await {
        Ok(()) => done(&app, "/settings?tab=people", "person-added"),
        Err(problem) => super::refused(&app, &visitor, "people", form, &problem).await,
    }
}

async fn make(app: &Arc<App>, form: &Form, who: &str) -> Answer<()> {
    let (name, role) = (person::name(form.value("name"))?, role(form)?);
    let password_hash = person::hashed(app, person::password(form)?).await?;
    let now = app.environment.now();
    let id = UserId::new(now, &*app.environment);
    let email = person::email(form)?;
    let user =
        User { id, name: name.clone(), role, password_hash, email, language: None, time_zone: None, created_at: now };
    app.store.add_user(user).await?;
    app.note(who, "person.added", &id, name, Map::new()).await;
    Ok(())
}

/// Another role, or another password.
pub(crate) async fn save(
    State(app): State<Arc<App>>,
    CurrentAdmin(visitor): CurrentAdmin,
    Id(id): Id<UserId>,
    form: Form,
) -> Response {
    match change(&app, id, &form, &visitor.user.name).await {
        Ok(()) => done(&app, "/settings?tab=people", "saved"),
        Err(problem) => {
            // The form below is for somebody new: its fields are not the wrong ones.
            let input = problem.errors().first().map(|wrong| wrong.localized.clone());
            let problem = input.map_or(problem, |input| Problem::localized(StatusCode::UNPROCESSABLE_ENTITY, input));
            super::refused(&app, &visitor, "people", Form::default(), &problem).await
        }
    }
}

async fn change(app: &Arc<App>, id: UserId, form: &Form, who: &str) -> Answer<()> {
    let user = person(app, id).await?;
    let mut change = UserChange::default();
    let mut details = Map::new();
    if !form.value("role").is_empty() {
        let role = role(form)?;
        if role != user.role {
            details.insert("role".into(), json!([user.role.as_str(), role.as_str()]));
        }
        change.role = Some(role);
    }
    if !form.value("password").is_empty() {
        change.password_hash = Some(person::hashed(app, person::password(form)?).await?);
        details.insert("password".into(), Value::Null);
    }
    app.store.change_user(id, change, None).await?;
    app.note(who, "person.changed", &id, user.name, details).await;
    Ok(())
}

async fn person(app: &App, id: UserId) -> Answer<User> {
    let found = app.store.users().await?.into_iter().find(|user| user.id == id);
    found.ok_or_else(|| Problem::localized(StatusCode::NOT_FOUND, Message::new("problem-missing")))
}

pub(crate) async fn remove(
    State(app): State<Arc<App>>,
    CurrentAdmin(visitor): CurrentAdmin,
    Id(id): Id<UserId>,
    form: Form,
) -> Response {
    let removed = async {
        let user = person(&app, id).await?;
        app.store.remove_user(id).await?;
        app.note(&visitor.user.name, "person.removed", &id, user.name, Map::new()).await;
        Ok::<(), Problem>(())
    };
    match removed.await {
        Ok(()) => done(&app, "/settings?tab=people", "person-removed"),
        Err(problem) if problem.sentence().is_some() => super::refused(&app, &visitor, "people", form, &problem).await,
        Err(problem) => error::of(PageContext::new(&app, &visitor, "settings", "problem-title"), &problem),
    }
}
