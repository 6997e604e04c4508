//! Templates: what an endpoint gets in place of the usual body, written in Jinja.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use minijinja::{
    Environment, Error, ErrorKind, Output, State, Value as JinjaValue,
    value::{Serde, ValueKind},
};
use serde_json::Value;

use crate::Message;

/// The longest, in characters.
pub const TEMPLATE_MAX: usize = 20_000;
/// What one body may cost: an instruction is one, 64 bytes of text made or read are one. About 20 MB at most.
const FUEL: u64 = 300_000;
/// The name under which a template rests in its environment.
const NAME: &str = "body";

/// A template of a body. It is compiled when it is first used.
///
/// What stands in `{{ … }}` is written as JSON: a text without its quotes, so that it fits between those of the template;
/// all else as it is.
#[derive(Clone, Debug)]
pub struct Template {
    text: String,
    compiled: OnceLock<Option<Arc<Environment<'static>>>>,
}

/// Why no body could be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateError(pub String);

impl Template {
    /// One that is known to be good.
    pub fn kept(text: impl Into<String>) -> Self {
        Self { text: text.into(), compiled: OnceLock::new() }
    }

    /// Reads a template that a person wrote.
    ///
    /// # Errors
    /// What is wrong with it: not Jinja, or too long.
    pub fn parse(text: &str) -> Result<Self, Message> {
        if text.chars().count() > TEMPLATE_MAX {
            return Err(Message::new("error-length").with("min", 1).with("max", TEMPLATE_MAX));
        }
        let compiled = compile(text).map_err(|error| Message::new("error-template").with("why", shown(&error)))?;
        Ok(Self { text: text.to_owned(), compiled: OnceLock::from(Some(Arc::new(compiled))) })
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The body for an event, from its usual body; at most `bytes_max` long.
    ///
    /// # Errors
    /// When it can't be worked out, takes too long, or is no JSON.
    pub fn render(&self, body: &Value, bytes_max: usize) -> Result<Bytes, TemplateError> {
        let compiled = self.compiled.get_or_init(|| compile(&self.text).ok().map(Arc::new));
        let environment = compiled.as_deref().ok_or_else(|| TemplateError("it can't be read".into()))?;
        let template = environment.get_template(NAME).map_err(|error| TemplateError(shown(&error)))?;
        let rendered = template.render(JinjaValue::from(Serde(body))).map_err(|error| TemplateError(shown(&error)))?;
        let rendered = rendered.trim();
        if rendered.len() > bytes_max {
            return Err(TemplateError(format!("what it makes is longer than {bytes_max} bytes")));
        }
        match serde_json::from_str::<serde::de::IgnoredAny>(rendered) {
            Ok(_) => Ok(Bytes::from(rendered.to_owned())),
            Err(error) => Err(TemplateError(format!("what it makes is no JSON: {error}"))),
        }
    }
}

impl PartialEq for Template {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

fn compile(text: &str) -> Result<Environment<'static>, Error> {
    let mut environment = Environment::new();
    environment.set_fuel(Some(FUEL));
    environment.set_formatter(write_json);
    environment.add_filter("money", money);
    environment.add_template_owned(NAME, text.to_owned())?;
    Ok(environment)
}

/// A text without its quotes, nothing where nothing is, all else as JSON.
fn write_json(out: &mut Output<'_>, _: &mut State<'_, '_>, value: &JinjaValue) -> Result<(), Error> {
    let written = match (value.kind(), value.as_str()) {
        (ValueKind::Undefined, _) => Ok(()),
        (_, Some(text)) if value.is_safe() => out.write_str(text),
        (_, Some(text)) => {
            let quoted = Value::from(text).to_string();
            out.write_str(&quoted[1..quoted.len() - 1])
        }
        _ => {
            let json = serde_json::to_string(value).map_err(|error| {
                Error::new(ErrorKind::BadSerialization, "it can't be written as JSON").with_source(error)
            })?;
            out.write_str(&json)
        }
    };
    written.map_err(|_| Error::new(ErrorKind::WriteFailure, "it can't be written"))
}

/// An amount as people write it in Spain: `1.210,50`.
fn money(amount: f64) -> String {
    let cents = format!("{:.2}", amount.abs());
    let (whole, cents) = cents.split_once('.').unwrap_or((&cents, "00"));
    let mut grouped = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            grouped.push('.');
        }
        grouped.push(digit);
    }
    let sign = if amount < 0.0 && (grouped != "0" || cents != "00") { "-" } else { "" };
    format!("{sign}{grouped},{cents}")
}

/// An error with its line.
fn shown(error: &Error) -> String {
    let what = error.detail().map_or_else(|| error.kind().to_string(), |detail| format!("{}: {detail}", error.kind()));
    error.line().map_or_else(|| what.clone(), |line| format!("{what} (line {line})"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn render(text: &str) -> Result<String, TemplateError> {
        let body = json!({"event": "invoice.paid", "data": {"object": {
            "codigo": "FAC\"1", "total": 1210.5, "pagada": true, "nada": null, "lines": [{"d": "uno"}, {"d": "dos"}],
        }}});
        let made = Template::parse(text).expect("good").render(&body, 1000)?;
        Ok(String::from_utf8(made.to_vec()).expect("text"))
    }

    #[test]
    fn values_become_json() {
        let made = |text| render(text).expect("made");
        assert_eq!(made(r#"{"text":"Factura {{ data.object.codigo }}"}"#), r#"{"text":"Factura FAC\"1"}"#);
        assert_eq!(made(r#"{"a":{{ data.object.total }},"b":{{ data.object.pagada }}}"#), r#"{"a":1210.5,"b":true}"#);
        assert_eq!(made(r#"{"a":{{ data.object.nada }},"b":"{{ data.object.missing }}"}"#), r#"{"a":null,"b":""}"#);
        assert_eq!(made("{{ data.object.lines }}"), r#"[{"d":"uno"},{"d":"dos"}]"#);
        assert_eq!(made("{{ data.object.codigo|tojson }}"), r#""FAC\"1""#);
        assert_eq!(made(r#""{{ data.object.total|money }} €""#), r#""1.210,50 €""#);
        let loops = r#"["x"{% for line in data.object.lines %},"{{ loop.index }} {{ line.d }}"{% endfor %}]"#;
        assert_eq!(made(loops), r#"["x","1 uno","2 dos"]"#);
    }

    #[test]
    fn amounts() {
        let all = [0.0, -0.001, 999.999, 1000.0, -1234567.891].map(money);
        assert_eq!(all, ["0,00", "0,00", "1.000,00", "1.000,00", "-1.234.567,89"]);
    }

    #[test]
    fn what_makes_no_json_or_costs_too_much_is_an_error() {
        let doubled = format!("{{% set x = 'xxxxxxxxxx' %}}{}\"{{{{ x }}}}\"", "{% set x = x ~ x %}".repeat(60));
        for text in [
            "{{ data.object.codigo }}",
            r#"{"a":{{ data.object.missing }}}"#,
            "{{ data.missing.deeper }}",
            r#""{{ 'x' * 100000000 }}""#,
            &doubled,
            r#"{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}"""#,
            r#""{{ 'x' * 2000 }}""#,
        ] {
            assert!(render(text).is_err(), "{}", &text[..text.len().min(80)]);
        }
        for bad in ["{{ data", "{% if %}", "{{ 1 | nothing }}", "{% include 'body' %}", &"x".repeat(TEMPLATE_MAX + 1)] {
            let read = Template::parse(bad)
                .and_then(|good| good.render(&json!({}), 10).map_err(|_| Message::new("error-template")));
            assert!(read.is_err(), "{}", &bad[..bad.len().min(80)]);
        }
    }

    proptest::proptest! {
        #[test]
        fn nothing_that_strangers_write_breaks_it(text in "[a-z{}%|()\\[\\]\"'~*+. 0-9-]{0,80}") {
            if let Ok(template) = Template::parse(&text) {
                let _ = template.render(&json!({"a": "b"}), 1000);
            }
        }
    }
}
