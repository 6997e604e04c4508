use std::fmt::Write;

use serde_json::Value;

use super::escaped;

/// Lists longer than this are folded at first.
const OPEN_MAX: usize = 12;
/// Deeper levels are folded at first.
const DEEP: usize = 4;

/// JSON with colours; objects and lists fold without a script. Its text equals `serde_json`'s output, so that copied
/// text is JSON.
pub(crate) fn json(value: &Value) -> String {
    let mut out = String::from(r#"<div class="json" tabindex="0" translate="no">"#);
    write_value(&mut out, value, "", 0);
    out.push_str("</div>");
    out
}

/// Writing to a string can't fail. `end` follows the value on its line.
fn write_value(out: &mut String, value: &Value, end: &str, depth: usize) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            let items = fields.iter().map(|(name, value)| (Some(name.as_str()), value));
            write_block(out, ('{', '}'), items.collect(), end, depth);
        }
        Value::Array(items) if !items.is_empty() => {
            write_block(out, ('[', ']'), items.iter().map(|value| (None, value)).collect(), end, depth);
        }
        plain => {
            let class = match plain {
                Value::String(_) => "s",
                Value::Number(_) => "n",
                Value::Bool(_) | Value::Null => "k",
                _ => "p",
            };
            let _ = write!(out, r#"<span class="{class}">{}</span>{end}"#, escaped(&plain.to_string()));
        }
    }
}

fn write_block(
    out: &mut String,
    (begin, close): (char, char),
    items: Vec<(Option<&str>, &Value)>,
    end: &str,
    depth: usize,
) {
    let is_long_list = begin == '[' && items.len() > OPEN_MAX;
    let open = if is_long_list || depth > DEEP { "" } else { " open" };
    let _ = write!(out, "<details{open}><summary>{begin}</summary><div>");
    let last = items.len() - 1;
    for (place, (name, value)) in items.into_iter().enumerate() {
        out.push_str("<div>");
        if let Some(name) = name {
            let _ = write!(out, r#"<span class="name">{}</span>: "#, escaped(&Value::from(name).to_string()));
        }
        write_value(out, value, if place == last { "" } else { "," }, depth + 1);
        out.push_str("</div>");
    }
    let _ = write!(out, "</div></details>{close}{end}");
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::json;

    /// The text without tags.
    fn text(html: &str) -> String {
        let mut out = String::new();
        let mut is_tag = false;
        for character in html.chars() {
            match character {
                '<' => is_tag = true,
                '>' => is_tag = false,
                _ if !is_tag => out.push(character),
                _ => {}
            }
        }
        out.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
    }

    #[test]
    fn what_is_drawn_is_the_same_json() {
        let value = json!({"a": "<script>&\"", "list": [1, 2.5, null, true, {}, []], "deep": {"b": {"c": [[1]]}}});
        let read: serde_json::Value = serde_json::from_str(&text(&json(&value))).expect("JSON");
        assert_eq!(read, value);
        assert!(!json(&value).contains("<script"));
    }
}
