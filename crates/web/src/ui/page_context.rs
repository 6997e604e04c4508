//! The layout of every page.

use askama::Template;
use gancho_model::{Moment, Timestamp};
use gancho_words::{Language, Words};

use super::{current_user::CurrentUser, form::Form, query::Unreadable};
use crate::App;

/// The data of a page's layout: navigation, search, signed-in user.
#[derive(Clone)]
pub(crate) struct PageContext {
    pub words: Words,
    /// The prefix of all paths.
    pub base: String,
    /// The page's title.
    pub title: String,
    /// The active entry of the navigation.
    pub here: &'static str,
    /// The signed-in user, if any.
    pub who: Option<String>,
    /// Whether they may make changes.
    pub admin: bool,
    pub csrf_token: String,
    /// Demo mode.
    pub is_demo: bool,
    /// The action done just now, by its name.
    pub done: Option<String>,
    /// The colour of that notice: green, unless the action itself failed.
    pub done_colour: &'static str,
    pub now: Timestamp,
    /// The current time by both clocks.
    pub moment: Moment,
}

impl PageContext {
    /// For a signed-in user. `title` is a message key.
    pub fn new(app: &App, visitor: &CurrentUser, here: &'static str, title: &str) -> Self {
        Self {
            base: app.site.base.clone(),
            title: visitor.words.get(title),
            words: visitor.words.clone(),
            here,
            who: Some(visitor.user.name.clone()),
            admin: visitor.is_admin(),
            csrf_token: visitor.csrf_token.clone(),
            done: None,
            done_colour: "good",
            is_demo: app.site.is_demo,
            now: app.environment.now(),
            moment: app.environment.moment(),
        }
    }

    /// Without a signed-in user.
    pub fn strange(app: &App, words: Words, title: &str, csrf_token: String) -> Self {
        Self {
            base: app.site.base.clone(),
            title: words.get(title),
            words,
            here: "",
            who: None,
            admin: false,
            csrf_token,
            done: None,
            done_colour: "good",
            is_demo: app.site.is_demo,
            now: app.environment.now(),
            moment: app.environment.moment(),
        }
    }

    /// With the action done just now, from the URL: only known names.
    pub fn with_done(mut self, done: Option<&str>) -> Self {
        let id = done.map(|done| format!("done-{done}")).filter(|id| self.words.has(id));
        self.done = id.map(|id| self.words.get(&id));
        self.done_colour = if done == Some("test-failed") { "warn" } else { "good" };
        self
    }

    /// With another title.
    pub fn titled(self, title: String) -> Self {
        Self { title, ..self }
    }

    /// A text.
    pub fn t(&self, id: impl AsRef<str>) -> String {
        self.words.get(id.as_ref())
    }

    /// A text with a number in it.
    pub fn n(&self, id: impl AsRef<str>, count: impl std::borrow::Borrow<u64>) -> String {
        self.words.count(id.as_ref(), *count.borrow())
    }

    /// The message for an invalid filter.
    pub fn unread(&self, unread: &Unreadable) -> String {
        let label = match unread.0 {
            "state" => "column-state",
            "endpoint" => "column-webhook",
            "answer" => "column-answer",
            "hours" => "filter-time",
            "from" => "filter-from",
            "to" => "filter-to",
            "ids" => "deliveries-title",
            "source" => "column-source",
            "event" => "events-title",
            _ => "filter-type",
        };
        self.words.with("filter-unread", &[("name", self.t(label).into())])
    }

    /// A path with the prefix.
    pub fn link(&self, path: impl AsRef<str>) -> String {
        format!("{}{}", self.base, path.as_ref())
    }

    /// The path of an asset, which changes with its contents.
    pub fn asset(&self, name: &str) -> String {
        format!("{}/assets/{name}?v={}", self.base, super::assets::version())
    }

    /// How long ago.
    pub fn ago(&self, at: &Timestamp) -> String {
        self.words.ago(*at, self.now)
    }

    /// The time, in short form.
    pub fn short(&self, at: &Timestamp) -> String {
        self.words.short(*at, self.now)
    }

    /// The time, in full.
    pub fn full(&self, at: &Timestamp) -> String {
        self.words.full(*at)
    }

    /// A form field with label, help and error. `key` selects the messages: `label-…`, `hint-…`.
    pub fn field(&self, form: &Form, name: &str, key: &str, kind: &str) -> String {
        let hint = format!("hint-{key}");
        let hint = if self.words.has(&hint) { self.t(&hint) } else { String::new() };
        let error = form.error(name);
        let described = [("hint", hint.is_empty()), ("error", error.is_empty())];
        let described: Vec<String> =
            described.iter().filter(|(_, none)| !none).map(|(part, _)| format!("f-{name}-{part}")).collect();
        let mut aria = String::new();
        if !described.is_empty() {
            aria.push_str(&format!(" aria-describedby=\"{}\"", described.join(" ")));
        }
        if !error.is_empty() {
            aria.push_str(" aria-invalid=\"true\"");
        }
        let complete = if key == "old-password" { "current-password" } else { "new-password" };
        let label = self.t(format!("label-{key}"));
        let field = Field { name, label, kind, value: form.value(name), hint, error, aria, complete };
        field.render().unwrap_or_default()
    }

    /// The entries of the navigation: path, name, mark.
    pub fn nav(&self) -> [(&'static str, &'static str, &'static str); 8] {
        [
            ("/", "overview", "◧"),
            ("/webhooks", "webhooks", "⇥"),
            ("/deliveries", "deliveries", "⇉"),
            ("/events", "events", "✦"),
            ("/catalogue", "catalogue", "▤"),
            ("/sources", "sources", "⌁"),
            ("/bins", "bins", "⊔"),
            ("/settings", "settings", "⚙"),
        ]
    }

    /// The other language: its code and its own name.
    pub fn other_language(&self) -> (&'static str, &'static str) {
        let other = if self.words.language() == Language::Es { Language::En } else { Language::Es };
        (other.as_str(), other.own_name())
    }
}

#[derive(Template)]
#[template(path = "field.html")]
struct Field<'a> {
    name: &'a str,
    label: String,
    kind: &'a str,
    value: &'a str,
    hint: String,
    error: &'a str,
    aria: String,
    complete: &'static str,
}
