//! Templates: Jinja templates of an endpoint's own body.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use minijinja::{
    Environment, Error, ErrorKind, Output, State, Value as JinjaValue,
    value::{Serde, ValueKind},
};
use serde_json::Value;

use self::{
    json::json,
    sparing::{forbidden, tags},
};
use crate::Message;

mod json;
mod sparing;

/// Maximum length in characters.
pub const TEMPLATE_MAX: usize = 20_000;
/// Cost limit of a body: an instruction costs one, as do 64 bytes of text generated or read. About 20 MB at most.
const FUEL: u64 = 300_000;
/// Maximum recursion of macros and loops; nested values are also dropped recursively.
const RECURSION_MAX: usize = 50;
/// The template's name in its environment.
const NAME: &str = "body";

/// A template of a body. It is compiled at first use.
///
/// Values in `{{ … }}` are written as JSON: strings without quotes, so that they fit between those of the template;
/// others as they are.
#[derive(Clone, Debug)]
pub struct Template {
    text: String,
    compiled: OnceLock<Option<Arc<Environment<'static>>>>,
}

/// Why rendering failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateError(pub String);

impl Template {
    /// A template that was validated before.
    pub fn kept(text: impl Into<String>) -> Self {
        Self { text: text.into(), compiled: OnceLock::new() }
    }

    /// Parses a template that a user wrote.
    ///
    /// # Errors
    /// The reason: not Jinja, or too long.
    pub fn parse(text: &str) -> Result<Self, Message> {
        if text.chars().count() > TEMPLATE_MAX {
            return Err(Message::new("error-length").with("min", 1).with("max", TEMPLATE_MAX));
        }
        if let Some(what) = forbidden(text) {
            return Err(Message::new("error-template-forbidden").with("what", what));
        }
        let compiled = compile(text).map_err(|error| {
            let line = error.line().unwrap_or_default();
            Message::new("error-template").with("line", line).with("why", shown(&error))
        })?;
        if let Some(name) = unknown_filter(text, &compiled) {
            return Err(Message::new("error-template-filter").with("name", name));
        }
        Ok(Self { text: text.to_owned(), compiled: OnceLock::from(Some(Arc::new(compiled))) })
    }

    /// Its source text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Renders the body for an event from its usual body; at most `bytes_max` bytes.
    ///
    /// # Errors
    /// If rendering fails, costs too much, or yields invalid JSON.
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
    if let Some(what) = forbidden(text) {
        return Err(Error::new(ErrorKind::SyntaxError, format!("{what} is not allowed")));
    }
    let mut environment = Environment::new();
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(RECURSION_MAX);
    environment.set_formatter(write_value);
    // These could multiply values: see sparing.rs.
    ["namespace", "dict"].iter().for_each(|name| environment.remove_global(name));
    ["chain", "zip", "batch", "slice"].iter().for_each(|name| environment.remove_filter(name));
    environment.add_filter("plus", |a: f64, b: f64| a + b);
    environment.add_filter("times", |a: f64, b: f64| a * b);
    environment.add_filter("tojson", to_json);
    environment.add_filter("money", money);
    environment.add_template_owned(NAME, text.to_owned())?;
    Ok(environment)
}

/// An unknown filter: no event would get a body. Found in the source text, since it may be in a branch that is seldom
/// taken.
fn unknown_filter(text: &str, environment: &Environment<'_>) -> Option<String> {
    let is_unknown = |name: &str| {
        let used = environment.compile_expression_owned(format!("''|{name}")).and_then(|used| used.eval(()));
        used.is_err_and(|error| error.kind() == ErrorKind::UnknownFilter)
    };
    tags(text).iter().flat_map(|tag| filters(tag)).find(|name| is_unknown(name))
}

/// The filter names in a tag, and in a block `filter`.
fn filters(tag: &str) -> Vec<String> {
    let block = tag.trim_start().strip_prefix("filter ");
    let names = block.into_iter().chain(tag.split('|').skip(1)).map(str::trim_start);
    let word = |part: &str| part.chars().take_while(|one| one.is_alphanumeric() || *one == '_').collect::<String>();
    names.map(word).filter(|name| !name.is_empty()).collect()
}

/// Strings without quotes, nothing for undefined, others as JSON.
fn write_value(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &JinjaValue) -> Result<(), Error> {
    let written = match (value.kind(), value.as_str()) {
        (ValueKind::Undefined, _) => Ok(()),
        (_, Some(text)) if value.is_safe() => out.write_str(text),
        (_, Some(text)) => {
            let quoted = Value::from(text).to_string();
            out.write_str(&quoted[1..quoted.len() - 1])
        }
        _ => out.write_str(&json(state, value)?),
    };
    written.map_err(|_| Error::new(ErrorKind::WriteFailure, "it can't be written"))
}

/// The filter `tojson`.
fn to_json(state: &State<'_, '_>, value: JinjaValue) -> Result<JinjaValue, Error> {
    json(state, &value).map(JinjaValue::from_safe_string)
}

/// An amount in Spanish format: `1.210,50`.
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
    fn filters_that_there_are() {
        for good in [
            "{# {{ 1|nosuch }} #}1",
            "{{ '{{ a|b' }}",
            "{{ 'it\\'s | x' | upper }}",
            "{% filter upper %}x{% endfilter %}",
            "{{ data.object.total|money }}",
            "{{ 'a|nosuch' ~ \"|x\" }}",
            "a|b {{ 1|plus(2) | times(3) }} |c",
            "{% for a in data|list %}{% endfor %}",
        ] {
            assert!(Template::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "{% filter monney %}x{% endfilter %}",
            "{{ '}}' ~ 1|monney }}",
            "{{ data.object.total|monney }}",
            "{% if false %}{{ 1 | round | monney(2) }}{% endif %}",
            "{% for a in data|monney %}{% endfor %}",
        ] {
            let message = Template::parse(bad).expect_err(bad);
            assert_eq!(message, Message::new("error-template-filter").with("name", "monney"), "{bad}");
        }
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
            r#""{{ 'x'|indent(100000000, true) }}""#,
            &doubled,
            r#"{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}"""#,
            r#""{{ 'x'|indent(2000, true) }}""#,
        ] {
            assert!(render(text).is_err(), "{}", &text[..text.len().min(80)]);
        }
        for bad in ["{{ data", "{% if %}", "{{ 1 | nothing }}", "{% include 'body' %}", &"x".repeat(TEMPLATE_MAX + 1)] {
            let read = Template::parse(bad)
                .and_then(|good| good.render(&json!({}), 10).map_err(|_| Message::new("error-template")));
            assert!(read.is_err(), "{}", &bad[..bad.len().min(80)]);
        }
    }

    /// Templates that create values of any size or depth with a few characters.
    const HUGE: [&str; 20] = [
        "{% set x = none|default(0 or [x, x]) %}",
        "{% set x = 1 and (x, x) %}",
        "{% for y in [x] %}{% endfor %}",
        "{{ 1 if not [x] }}",
        "{{ [[[1]*3000]*3000]*3000 }}",
        "{% set x = [1] * 30000000000 %}{{ x|string }}",
        "{% set x = range(9999)|list * 99999 %}",
        "{% set x = data.a + data.a %}",
        "{% set x = [x, x] %}",
        "{% set x = {'a': x} %}",
        "{% set x = (x, x) %}",
        "{% set x = x, x %}",
        "{% set x = [[1]] %}",
        "{% set x = dict(a=x, b=x) %}{{ x }}",
        "{% set n = namespace() %}{% set n.x = n %}{{ n }}",
        "{{ data|chain(data)|list }}",
        "{{ [1]|zip([2])|list }}",
        "{% raw %}{{ ' {% endraw %}{{ [[1]*9]*9 }}{# ' #}",
        "{{- [data] -}}",
        "{{ 'a' ~ 'b\\'' ~ [data] }}",
    ];

    #[test]
    fn what_makes_values_of_any_size_is_refused() {
        for text in HUGE {
            let made = Template::parse(text)
                .map_err(|_| ())
                .and_then(|template| template.render(&json!({"data": {"a": [1]}}), 1000).map_err(|_| ()));
            assert_eq!(made, Err(()), "{text}");
            assert!(Template::kept(text).render(&json!({"data": {"a": [1]}}), 1000).is_err(), "{text}");
        }
    }

    #[test]
    fn lists_of_constants_calls_and_sums_are_allowed() {
        let made = |text| render(text).expect("made");
        assert_eq!(made("{% set names = {'a': 'b, [c', \"d\": 1} %}\"{{ names['a'] }}\""), r#""b, [c""#);
        assert_eq!(made("{% for x in [1, 2] %}{{ x }}{% endfor %}"), "12");
        assert_eq!(
            made("{% for k, v in data.object.lines[0]|items %}\"{{ k ~ v|replace('o', '0') }}\"{% endfor %}"),
            r#""dun0""#
        );
        assert_eq!(made("{{ data.object.total|times(2)|plus(1) }}"), "2422.0");
        assert_eq!(made("{# * + [x] #}{{ range(1, 3)|list }}* +".trim_end_matches("* +")), "[1,2]");
        assert_eq!(made("{{ data.object.previous or {} }}"), "{}");
        assert_eq!(made("[\"a*b + [c]\"]"), r#"["a*b + [c]"]"#);
    }

    #[test]
    fn much_work_ends_as_an_error() {
        let deep = format!(
            "{{% macro m(a) %}}{{{{ m({}a{}) }}}}{{% endmacro %}}{{{{ m(1) }}}}",
            "(".repeat(90),
            ")".repeat(90)
        );
        let body = json!({"a": vec![vec![1; 1000]; 300]});
        for text in [
            "{{ 'x'|center(999999999) }}",
            "{{ '%999999999d'|format(1) }}",
            "{{ 'x'|indent(999999999) }}",
            "{% for i in range(99999) %}{% set x = a ~ '' %}{% endfor %}",
            "{% for i in range(99999) %}{{ a }}{% endfor %}",
            "{% for i in range(99999) %}{% set x = a|tojson %}{% endfor %}",
            "{% for i in range(99999) %}{% set x = a|join(',') %}{% endfor %}",
            "{% for i in range(99999) %}{% if a == a|list %}{% endif %}{% endfor %}",
            "{% for i in range(99999) %}{% if 7 in a|last %}{% endif %}{% endfor %}",
            &deep,
        ] {
            let made = Template::parse(text).map(|template| template.render(&body, 1_000_000));
            assert!(!matches!(made, Ok(Ok(_))), "{text:.80}");
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
