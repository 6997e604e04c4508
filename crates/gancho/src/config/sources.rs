//! The sources of settings.

use std::{collections::BTreeMap, path::Path};

use gancho_model::mask;

use super::{ConfigError, SETTINGS, Setting};
use crate::args::LocalArgs;

const FILE: &str = "gancho.toml";

/// Every setting's text and origin.
pub struct Raw(BTreeMap<&'static str, (String, String)>);

impl Raw {
    /// Defaults, then the file, then the environment, then flags.
    pub fn gather(local: &LocalArgs, flags: &[(&'static str, Option<String>)]) -> Result<Self, ConfigError> {
        let mut raw =
            Self(SETTINGS.iter().map(|one| (one.name, (one.default.to_owned(), "default".to_owned()))).collect());
        match &local.config {
            Some(path) => raw.read_file(path)?,
            None if Path::new(FILE).exists() => raw.read_file(Path::new(FILE))?,
            None => {}
        }
        for one in SETTINGS {
            let variable = variable(one);
            if let Ok(value) = std::env::var(&variable) {
                raw.0.insert(one.name, (value, variable));
            }
        }
        warn_of_unknown();
        let own = [("data_dir", local.data_dir.clone()), ("database_url", local.database_url.clone())];
        for (name, value) in own.into_iter().chain(flags.iter().cloned()) {
            if let Some(value) = value {
                raw.0.insert(name, (value, format!("--{}", name.replace('_', "-"))));
            }
        }
        Ok(raw)
    }

    fn read_file(&mut self, path: &Path) -> Result<(), ConfigError> {
        let wrong = |why: String| ConfigError::File { path: path.into(), why };
        let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
        // The parser's error would repeat the line, which may contain a secret.
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| wrong(with_line(&text, &error)))?;
        for (name, value) in table {
            let Some(setting) = SETTINGS.iter().find(|one| one.name == name) else {
                return Err(ConfigError::Unknown { origin: path.display().to_string(), name });
            };
            let text = as_text(&value).ok_or_else(|| wrong(format!("{name} must be a text, a number or a list")))?;
            self.0.insert(setting.name, (text, path.display().to_string()));
        }
        Ok(())
    }

    pub fn text(&self, name: &str) -> &str {
        self.0.get(name).map_or("", |(value, _)| value.trim())
    }

    /// Every effective setting, secrets masked: name, value, meaning.
    pub fn shown(&self) -> Vec<(String, String, String)> {
        let shown = |one: &Setting| (one.name.to_owned(), self.masked(one).to_owned(), one.meaning.to_owned());
        SETTINGS.iter().map(shown).collect()
    }

    /// A setting's value, masked if secret.
    pub fn masked(&self, setting: &Setting) -> &str {
        let value = self.text(setting.name);
        if setting.secret && !value.is_empty() { mask::MASK } else { value }
    }

    pub fn origin(&self, name: &str) -> &str {
        self.0.get(name).map_or("", |(_, origin)| origin)
    }

    pub fn list(&self, name: &str) -> Vec<String> {
        self.text(name).split(',').map(str::trim).filter(|part| !part.is_empty()).map(ToOwned::to_owned).collect()
    }

    pub fn number(&self, name: &str, least: u32, most: u32) -> Result<u32, ConfigError> {
        let number = self.text(name).parse::<u32>().ok().filter(|number| (least..=most).contains(number));
        number.ok_or_else(|| self.wrong(name, format!("must be a whole number from {least} to {most}")))
    }

    pub fn parse<T: std::str::FromStr>(&self, name: &str, why: &str) -> Result<T, ConfigError> {
        self.text(name).parse().map_err(|_| self.wrong(name, why))
    }

    pub fn wrong(&self, name: &str, why: impl Into<String>) -> ConfigError {
        ConfigError::Value { name: name.into(), origin: self.origin(name).into(), why: why.into() }
    }
}

/// A setting's environment variable.
pub fn variable(setting: &Setting) -> String {
    format!("GANCHO_{}", setting.name.to_ascii_uppercase())
}

/// Warns of misspelt variables, which have no effect.
fn warn_of_unknown() {
    // Variables of commands that are no settings of the server.
    const OTHERS: [&str; 5] =
        ["GANCHO_SERVER", "GANCHO_TOKEN", "GANCHO_WEBHOOK_SECRET", "GANCHO_ERP_KEY", "GANCHO_ERP_DATABASE_URL"];
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        let ours = name.starts_with("GANCHO_") && !name.starts_with("GANCHO_TEST_") && !OTHERS.contains(&&*name);
        if ours && !SETTINGS.iter().any(|one| variable(one) == name) {
            complain!("gancho: {name} is in the environment, but there is no such setting (gancho config lists them)");
        }
    }
}

/// What is wrong, and in which line; without the line's text.
fn with_line(text: &str, error: &toml::de::Error) -> String {
    match error.span() {
        Some(span) => format!(
            "line {}: {}",
            1 + text.bytes().take(span.start).filter(|byte| *byte == b'\n').count(),
            error.message()
        ),
        None => error.message().to_owned(),
    }
}

fn as_text(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Boolean(flag) => Some(flag.to_string()),
        toml::Value::Array(items) => Some(items.iter().map(as_text).collect::<Option<Vec<_>>>()?.join(",")),
        _ => None,
    }
}
