//! Converts between a source's form and the use cases' input.

use gancho_model::{Message, SourceKind};
use gancho_service::{
    input::{FieldError, List, Patch, Reading, Rules, Text, WatchedModel, ZoneName},
    source::{NewSource, SourcePatch},
};

use url::Url;

use crate::ui::form::Form;

/// Models or tables; `None` for those of the catalogue.
type Models = Option<List<WatchedModel, 1, 500>>;

/// A new source from the form.
pub(super) fn new_source(form: &Form) -> Result<NewSource, Vec<FieldError>> {
    let mut reading = Reading::new(Rules::default());
    let name = reading.field("name", form.required("name").and_then(Text::new));
    let kind = SourceKind::parse(form.value("kind")).ok_or_else(|| Message::new("error-kind"));
    let kind = reading.field("kind", kind);
    let is_database = kind == Some(SourceKind::Database);
    let url = match if is_database { database_url(form) } else { Ok(form.value("url").trim().to_owned()) } {
        Ok(url) => reading.field("url", Text::filled(&url)),
        Err((field, wrong)) => reading.field(field, Err(wrong)),
    };
    let key = reading.field("key", Text::filled(form.value("key")));
    let zone = reading.field("time_zone", zone(form));
    let models = reading.field("models", models(form));
    let new = || {
        let dry_run = form.has("act", "plan").then_some(true);
        Some(NewSource { name: name?, kind: kind?, url: url?, key: key?, time_zone: zone?, models: models?, dry_run })
    };
    reading.finish(new())
}

/// A change of a source from the form: an empty address or key is kept.
pub(super) fn patch(form: &Form) -> Result<SourcePatch, Vec<FieldError>> {
    let mut reading = Reading::new(Rules::default());
    let name = reading.field("name", Text::filled(form.value("name")));
    let url = reading.field("url", Text::filled(form.value("url")));
    let key = reading.field("key", Text::filled(form.value("key")));
    let zone = reading.field("time_zone", zone(form));
    let models = reading.field("models", models(form));
    let patch = || {
        Some(SourcePatch {
            paused: None,
            name: name?,
            url: url?.map_or(Patch::Keep, Patch::Set),
            key: key?.map_or(Patch::Keep, Patch::Set),
            time_zone: zone?,
            models: Patch::filled(models?),
        })
    };
    reading.finish(patch())
}

/// The address of a database from its parts, unless given as a whole; or the invalid part.
fn database_url(form: &Form) -> Result<String, (&'static str, Message)> {
    let (whole, host) = (form.value("url").trim(), form.value("host").trim());
    if !whole.is_empty() {
        return Ok(whole.to_owned());
    }
    if host.is_empty() {
        return Err(("host", Message::new("error-required")));
    }
    let bad_host = || ("host", Message::new("error-server-name"));
    let bad_port = || ("port", Message::new("error-number").with("min", 1).with("max", 65_535));
    let is_ipv6 = host.trim_matches(['[', ']']).parse::<std::net::Ipv6Addr>().is_ok();
    if !is_ipv6 && host.contains([':', '/', '@', '?', '#', ' ']) {
        return Err(bad_host());
    }
    let host = if is_ipv6 { format!("[{}]", host.trim_matches(['[', ']'])) } else { host.to_owned() };
    let engine = if form.has("engine", "postgres") { "postgres" } else { "mysql" };
    let mut url = Url::parse(&format!("{engine}://{host}/")).map_err(|_| bad_host())?;
    url.set_username(form.value("user").trim()).map_err(|()| bad_host())?;
    let password = form.value("password");
    url.set_password(Some(password).filter(|password| !password.is_empty())).map_err(|()| bad_host())?;
    if let Some(port) = Some(form.value("port").trim()).filter(|port| !port.is_empty()) {
        let port = port.parse().ok().filter(|port| *port > 0).ok_or_else(bad_port)?;
        url.set_port(Some(port)).map_err(|()| bad_port())?;
    }
    let name = form.value("database").trim();
    if name.is_empty() {
        return Err(("database", Message::new("error-required")));
    }
    url.path_segments_mut().map_err(|()| bad_host())?.clear().push(name);
    Ok(url.to_string())
}

fn zone(form: &Form) -> Result<Option<ZoneName>, Message> {
    match form.value("time_zone").trim() {
        "" => Ok(None),
        text => ZoneName::new(text).map(Some),
    }
}

fn models(form: &Form) -> Result<Models, Message> {
    let models = form.value("models").split([',', '\n', ' ']).map(str::trim).filter(|model| !model.is_empty());
    let models: Vec<&str> = models.collect();
    if models.is_empty() { Ok(None) } else { List::read_each(models.into_iter(), WatchedModel::new).map(Some) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_from_its_parts() {
        let parts = |engine: &str, host: &str, port: &str, password: &str| {
            let of = |text: &str| text.to_owned();
            let names = [("engine", of(engine)), ("host", of(host)), ("port", of(port)), ("user", of("gan cho"))];
            let rest = [("password", of(password)), ("database", of("fs/1"))];
            database_url(&Form::filled(names.into_iter().chain(rest).collect()))
        };
        let url = |parts: Result<String, (&'static str, Message)>| parts.map_err(|(field, _)| field);
        let right = "mysql://gan%20cho:p%40%3A%2F%C3%B1@db/fs%2F1";
        assert_eq!(url(parts("mysql", "db", "", "p@:/ñ")).as_deref(), Ok(right));
        let right = "postgres://gan%20cho@[::1]:5433/fs%2F1";
        assert_eq!(url(parts("postgres", "::1", "5433", "")).as_deref(), Ok(right));
        for (host, port, field) in [("", "", "host"), ("a b", "", "host"), ("h:1", "", "host"), ("db", "99999", "port")]
        {
            assert_eq!(url(parts("mysql", host, port, "")), Err(field), "{host} {port}");
        }
        let whole = Form::filled(vec![("url", "mysql://u:p@h/d".into()), ("host", "other".into())]);
        assert_eq!(database_url(&whole).ok().as_deref(), Some("mysql://u:p@h/d"));
    }
}
