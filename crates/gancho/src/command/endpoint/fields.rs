use std::io::Read;

use gancho_service::endpoint::Preset;
use gancho_words::Words;
use serde_json::{Map, Value, json};

use crate::cli_error::CliError;

/// What may be said of a webhook.
#[derive(clap::Args)]
pub struct Fields {
    /// Types and patterns, such as invoice.paid or customer.*
    #[arg(long, num_args = 1.., value_name = "PATTERN")]
    events: Vec<String>,
    /// What to call it.
    #[arg(long)]
    name: Option<String>,
    /// What it is for.
    #[arg(long)]
    description: Option<String>,
    /// A header field to add, as "Name: value".
    #[arg(long = "header", value_name = "FIELD")]
    headers: Vec<String>,
    /// Only events of this source.
    #[arg(long = "source", value_name = "SRC")]
    sources: Vec<String>,
    /// Time limit of an attempt.
    #[arg(long)]
    timeout_ms: Option<u32>,
    /// The waits before further attempts, seconds, such as 5,25,125.
    #[arg(long, value_delimiter = ',', value_name = "SECONDS")]
    retry: Option<Vec<u32>>,
    /// At most so many attempts a second.
    #[arg(long)]
    rate_per_s: Option<u32>,
    /// At most so many attempts at once.
    #[arg(long)]
    max_in_flight: Option<u32>,
    /// Only events for which this holds, in CEL, such as "data.object.total > 1000"; "" for all.
    #[arg(long, value_name = "CEL")]
    condition: Option<String>,
    /// What to send instead of the usual body: a file with a Jinja template, or - for standard input; "" for the usual.
    #[arg(long, value_name = "FILE", conflicts_with = "preset")]
    template: Option<String>,
    /// A template to begin with: slack, discord, telegram, teams, n8n, zapier or make.
    #[arg(long, value_name = "NAME")]
    preset: Option<String>,
    /// Nothing that this one wrote, such as api:3 or user:ana; "" for everything.
    #[arg(long = "ignore-origin", value_name = "ORIGIN")]
    ignore_origins: Vec<String>,
    /// Only records of this company of the ERP.
    #[arg(long = "company", value_name = "NUMBER")]
    companies: Vec<u32>,
    /// Also put this into the bodies: customer (name, e-mail, tax number beside codcliente); "" for nothing.
    #[arg(long, value_name = "WHAT")]
    include: Vec<String>,
    /// A field whose values are not sent, such as email; "" for none.
    #[arg(long = "mask", value_name = "FIELD")]
    mask: Vec<String>,
}

impl Fields {
    /// The URL, also if it follows the patterns, which consume all arguments up to the next option.
    pub fn with_url(mut self, url: Option<String>) -> Result<(String, Self), CliError> {
        let last = |events: &mut Vec<String>| events.pop_if(|last| last.contains("://"));
        match url.or_else(|| last(&mut self.events)) {
            Some(url) => Ok((url, self)),
            None => Err(CliError::usage("the URL is missing: gancho endpoint add URL --events \"invoice.*\"")),
        }
    }
}

/// Only the given fields.
pub fn input(fields: Fields) -> Result<Map<String, Value>, CliError> {
    let mut headers = Map::new();
    for header in &fields.headers {
        let (name, value) =
            header.split_once(':').ok_or_else(|| CliError::usage(format!("{header} is not \"Name: value\"")))?;
        headers.insert(name.trim().into(), value.trim().into());
    }
    let events: Vec<&str> = fields.events.iter().flat_map(|part| part.split(',')).map(str::trim).collect();
    let origins: Vec<&String> = fields.ignore_origins.iter().filter(|origin| !origin.is_empty()).collect();
    let masked: Vec<&String> = fields.mask.iter().filter(|field| !field.is_empty()).collect();
    let includes: Vec<&String> = fields.include.iter().filter(|what| !what.is_empty()).collect();
    let given = [
        ("events", (!events.is_empty()).then(|| json!(events))),
        ("name", fields.name.map(Value::from)),
        ("description", fields.description.map(Value::from)),
        ("headers", (!headers.is_empty()).then(|| headers.into())),
        ("sources", (!fields.sources.is_empty()).then(|| json!(fields.sources))),
        ("timeout_ms", fields.timeout_ms.map(Value::from)),
        ("retry", fields.retry.map(|delays| json!({ "delays_s": delays }))),
        ("rate_per_s", fields.rate_per_s.map(Value::from)),
        ("max_in_flight", fields.max_in_flight.map(Value::from)),
        ("condition", fields.condition.map(or_null)),
        ("template", template(fields.template.as_deref(), fields.preset.as_deref())?),
        ("ignore_origins", (!fields.ignore_origins.is_empty()).then(|| json!(origins))),
        ("companies", (!fields.companies.is_empty()).then(|| json!(fields.companies))),
        ("include", (!fields.include.is_empty()).then(|| json!(includes))),
        ("mask", (!fields.mask.is_empty()).then(|| json!(masked))),
    ];
    Ok(given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect())
}

/// Empty texts clear the field.
fn or_null(text: String) -> Value {
    if text.is_empty() { Value::Null } else { text.into() }
}

/// The template from a file or a preset; null clears it.
fn template(file: Option<&str>, preset: Option<&str>) -> Result<Option<Value>, CliError> {
    if let Some(name) = preset {
        let preset = Preset::find(name).ok_or_else(|| CliError::usage(format!("there is no preset {name}")))?;
        return Ok(Some(preset.template(Words::english()).into()));
    }
    let text = match file {
        None => return Ok(None),
        Some("") => return Ok(Some(Value::Null)),
        Some("-") => {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).map(|_| text)
        }
        Some(path) => std::fs::read_to_string(path),
    };
    let text = text.map_err(|error| CliError::usage(format!("{}: {error}", file.unwrap_or_default())))?;
    Ok(Some(text.into()))
}
