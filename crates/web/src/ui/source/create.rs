use std::sync::Arc;

use askama::Template;
use axum::{extract::State, http::HeaderMap, response::Response};
use gancho_service::source::SourceCreated;

use super::{
    fill,
    grants::{self, Grants},
};
use crate::{
    App,
    api::problem::Answer,
    site::ServerAddress,
    ui::{current_user::CurrentAdmin, done, error, form::Form, page, page_context::PageContext, query::Query, refused},
};

#[derive(Template)]
#[template(path = "source_new.html")]
struct NewSourcePage {
    context: PageContext,
    kind: String,
    form: Form,
    sql: String,
    /// The statements with which the database's administrator creates Gancho's account.
    grants: Grants,
}

#[derive(Template)]
#[template(path = "source_made.html")]
struct SourceCreatedPage {
    context: PageContext,
    id: String,
    token: String,
    address: ServerAddress,
}

fn kind(text: &str) -> String {
    if ["plugin", "database", "api"].contains(&text) { text.to_owned() } else { String::new() }
}

pub(crate) async fn show(State(app): State<Arc<App>>, CurrentAdmin(visitor): CurrentAdmin, query: Query) -> Response {
    let context = PageContext::new(&app, &visitor, "sources", "source-new-title");
    let form = Form::filled(vec![
        ("name", String::new()),
        ("time_zone", gancho_words::ZONE.to_owned()),
        ("engine", "mysql".to_owned()),
        ("user", "gancho".to_owned()),
    ]);
    let kind = kind(query.text("kind"));
    page(&NewSourcePage { grants: grants::of(&form), context, kind, form, sql: String::new() })
}

pub(crate) async fn make(
    State(app): State<Arc<App>>,
    CurrentAdmin(visitor): CurrentAdmin,
    headers: HeaderMap,
    form: Form,
) -> Response {
    let context = PageContext::new(&app, &visitor, "sources", "source-new-title");
    let kind = kind(form.value("kind"));
    match create(&app, &form, &visitor.user.name).await {
        Ok(SourceCreated::Planned(sql)) => page(&NewSourcePage { grants: grants::of(&form), context, kind, form, sql }),
        Ok(SourceCreated::New(source, Some(token))) => {
            let address = ServerAddress::of(&app.site, &headers);
            page(&SourceCreatedPage { context, id: source.id.to_string(), token, address })
        }
        Ok(SourceCreated::New(source, None)) => {
            done(&app, &format!("/sources/{}?check=1", source.id), "source-created")
        }
        Ok(SourceCreated::Known(source)) => done(&app, &format!("/sources/{}?check=1", source.id), "source-known"),
        Err(problem) if problem.errors().is_empty() => error::of(context, &problem),
        Err(problem) => {
            let form = form.refused(&problem, &context.words);
            refused(&NewSourcePage { grants: grants::of(&form), context, kind, form, sql: String::new() })
        }
    }
}

async fn create(app: &App, form: &Form, who: &str) -> Answer<SourceCreated> {
    Ok(app.services.create_source(fill::new_source(form)?, who).await?)
}
