//! Adds, changes and removes users.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode, response::Response};
use gancho_model::UserId;
use gancho_service::{
    account::PersonPatch,
    input::{Reading, Rules},
};

use crate::{
    App,
    api::problem::{Answer, Problem},
    ui::{current_user::CurrentAdmin, done, form::Form, id::Id, person},
};

pub(crate) async fn add(State(app): State<Arc<App>>, CurrentAdmin(visitor): CurrentAdmin, form: Form) -> Response {
    match make(&app, &form, &visitor.user.name).await {
        Ok(()) => done(&app, "/settings?tab=people", "person-added"),
        Err(problem) => super::refused(&app, &visitor, "people", form, &problem).await,
    }
}

async fn make(app: &App, form: &Form, who: &str) -> Answer<()> {
    app.services.accounts.add_person(person::new_person(form, person::role(form))?, who).await?;
    Ok(())
}

/// Sets another role or password.
pub(crate) async fn save(
    State(app): State<Arc<App>>,
    CurrentAdmin(visitor): CurrentAdmin,
    Id(id): Id<UserId>,
    form: Form,
) -> Response {
    match change(&app, id, &form, &visitor.user.name).await {
        Ok(()) => done(&app, "/settings?tab=people", "saved"),
        Err(problem) => {
            // The form below is for a new user: the errors don't belong to its fields.
            let input = problem.errors().first().map(|wrong| wrong.localized.clone());
            let problem = input.map_or(problem, |input| Problem::localized(StatusCode::UNPROCESSABLE_ENTITY, input));
            super::refused(&app, &visitor, "people", Form::default(), &problem).await
        }
    }
}

async fn change(app: &App, id: UserId, form: &Form, who: &str) -> Answer<()> {
    let mut reading = Reading::new(Rules::default());
    let given = |field: &str| !form.value(field).is_empty();
    let role = if given("role") { reading.field("role", person::role(form)).map(Some) } else { Some(None) };
    let password = if given("password") { person::password(form, &mut reading).map(Some) } else { Some(None) };
    let patch = role.zip(password).map(|(role, password)| PersonPatch { role, password });
    Ok(app.services.accounts.update_person(id, reading.finish(patch)?, who).await?)
}

pub(crate) async fn remove(
    State(app): State<Arc<App>>,
    CurrentAdmin(visitor): CurrentAdmin,
    Id(id): Id<UserId>,
    form: Form,
) -> Response {
    match app.services.accounts.remove_person(id, &visitor.user.name).await {
        Ok(()) => done(&app, "/settings?tab=people", "person-removed"),
        Err(problem) => super::refused(&app, &visitor, "people", form, &problem.into()).await,
    }
}
