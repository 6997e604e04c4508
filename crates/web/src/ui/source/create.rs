use std::sync::Arc;

use askama::Template;
use axum::{extract::State, response::Response};
use serde_json::{Value, json};

use crate::{
    App,
    api::source::create::{Made, make as make_source},
    ui::{current_user::CurrentAdmin, done, error, form::Form, page, page_context::PageContext, query::Query, refused},
};

#[derive(Template)]
#[template(path = "source_new.html")]
struct NewSourcePage {
    context: PageContext,
    kind: String,
    form: Form,
    sql: String,
}

#[derive(Template)]
#[template(path = "source_made.html")]
struct SourceCreatedPage {
    context: PageContext,
    id: String,
    token: String,
    address: String,
}

fn kind(text: &str) -> String {
    if ["plugin", "database", "api"].contains(&text) { text.to_owned() } else { String::new() }
}

pub(crate) async fn show(State(app): State<Arc<App>>, CurrentAdmin(visitor): CurrentAdmin, query: Query) -> Response {
    let context = PageContext::new(&app, &visitor, "sources", "source-new-title");
    let form = Form::filled(vec![("name", String::new()), ("time_zone", gancho_words::ZONE.to_owned())]);
    page(&NewSourcePage { context, kind: kind(query.text("kind")), form, sql: String::new() })
}

fn input(form: &Form) -> Value {
    let models = form.value("models").split([',', '\n', ' ']).map(str::trim).filter(|model| !model.is_empty());
    let models: Vec<&str> = models.collect();
    let mut input = json!({
        "kind": form.value("kind"),
        "name": form.json_text("name"),
        "url": form.json_text("url"),
        "time_zone": form.json_text("time_zone"),
        "models": if models.is_empty() { Value::Null } else { models.into() },
    });
    if !form.value("key").is_empty() {
        input["key"] = form.json_text("key");
    }
    if form.has("act", "plan") {
        input["dry_run"] = true.into();
    }
    input
}

pub(crate) async fn make(State(app): State<Arc<App>>, CurrentAdmin(visitor): CurrentAdmin, form: Form) -> Response {
    let context = PageContext::new(&app, &visitor, "sources", "source-new-title");
    let kind = kind(form.value("kind"));
    match make_source(&app, input(&form), &visitor.user.name).await {
        Ok((Made::RetryPolicy { sql }, _)) => page(&NewSourcePage { context, kind, form, sql }),
        Ok((Made::Source(made), _)) => match made.token {
            Some(token) => {
                let origin = app.site.origin.clone();
                let address = origin.map_or_else(String::new, |origin| format!("{origin}{}", app.site.base));
                page(&SourceCreatedPage { context, id: made.id, token, address })
            }
            None => done(&app, &format!("/sources/{}?check=1", made.id), "source-created"),
        },
        Err(problem) if problem.errors().is_empty() => error::of(context, &problem),
        Err(problem) => {
            let form = form.refused(&problem, &context.words);
            refused(&NewSourcePage { context, kind, form, sql: String::new() })
        }
    }
}
