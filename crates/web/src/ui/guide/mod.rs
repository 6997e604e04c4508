//! The users' documentation, in the page's language.

mod draw;
mod list;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Path, State},
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use gancho_model::Message;
use gancho_words::Language;
use include_dir::{Dir, include_dir};

use super::{current_user::CurrentUser, error, page, page_context::PageContext};
use crate::{App, api::problem::Problem};

/// Files that documents offer for download: a service, alert rules, samples.
static PACKAGING: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../packaging");
static EXAMPLES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../examples");

#[derive(Template)]
#[template(path = "guide.html")]
struct GuidePage {
    context: PageContext,
    body: String,
    written_in: &'static str,
    contents: Vec<Entry>,
}

/// A document.
pub(crate) async fn show(State(app): State<Arc<App>>, Path(name): Path<String>, visitor: CurrentUser) -> Response {
    let context = PageContext::new(&app, &visitor, "docs", "docs-title");
    let language = context.words.language();
    let Some(guide) = list::by_name(&name) else {
        return error::of(context, &Problem::localized(StatusCode::NOT_FOUND, Message::new("problem-missing")));
    };
    let body = draw::draw(guide.text(language), |target| address(&context.base, target));
    let written_in = guide.written_in(language).as_str();
    let context = context.titled(guide.title(language).to_owned());
    page(&GuidePage { body, written_in, contents: contents(&context.base, language), context })
}

/// An entry in the list of documents.
pub(crate) struct Entry {
    pub address: String,
    pub title: &'static str,
    pub written_in: &'static str,
    /// Not in the reader's language.
    pub is_foreign: bool,
}

/// All documents.
pub(crate) fn contents(base: &str, language: Language) -> Vec<Entry> {
    let entry = |guide: &list::Guide| {
        let written_in = guide.written_in(language);
        Entry {
            address: format!("{base}/docs/{}", guide.name),
            title: guide.title(language),
            written_in: written_in.as_str(),
            is_foreign: written_in != language,
        }
    };
    list::GUIDES.iter().map(entry).collect()
}

/// The settings in force, with their meaning in the reader's language, as HTML.
pub(crate) fn settings(app: &App, context: &PageContext) -> Vec<(String, String, String)> {
    let language = context.words.language();
    let one = |(name, value, meaning): &(String, String, String)| {
        let meaning = list::setting(name, language).unwrap_or(meaning);
        let drawn = draw::draw(meaning, |target| address(&context.base, target));
        let drawn = drawn.trim().trim_start_matches("<p>").trim_end_matches("</p>").to_owned();
        (name.clone(), value.clone(), drawn)
    };
    app.in_force.iter().map(one).collect()
}

/// A file for download.
pub(crate) async fn file(Path(name): Path<String>) -> Response {
    match offered(&name) {
        Some(bytes) => ([(CONTENT_TYPE, "text/plain; charset=utf-8")], bytes).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn offered(name: &str) -> Option<&'static [u8]> {
    [&PACKAGING, &EXAMPLES].into_iter().find_map(|dir| dir.get_file(name)).map(|file| file.contents())
}

/// The target of a document's link on this server: another document, a file for download, or an external page. `None`
/// for source files that the server does not have.
fn address(base: &str, target: &str) -> Option<String> {
    if target.starts_with('#') || target.starts_with("https://") {
        return Some(target.to_owned());
    }
    if target == "." {
        return Some(format!("{base}/docs#api"));
    }
    let (path, anchor) = target.split_once('#').map_or((target, String::new()), |(path, at)| (path, format!("#{at}")));
    let file = path.rsplit('/').next().unwrap_or_default();
    if let Some(guide) = list::by_file(file) {
        return Some(format!("{base}/docs/{}{anchor}", guide.name));
    }
    offered(file).map(|_| format!("{base}/docs/files/{file}"))
}
