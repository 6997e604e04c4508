//! Predefined templates for services with their own body formats.

use gancho_facturascripts::event_types;
use gancho_model::EventType;
use gancho_words::Words;
use serde_json::{Map, Value};

use crate::event::title;

/// A predefined template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preset {
    /// Its name in the API.
    pub name: &'static str,
    /// The service's name.
    pub title: &'static str,
    /// The template around the sentence `{{ text }}`, or without it.
    frame: &'static str,
}

/// Event data without an envelope, for tools in which users map fields manually.
const FLAT: &str = r#"{"id": "{{ id }}", "event": "{{ event }}", "created": {{ created }},
 "object": {{ data.object }}, "previous": {{ data.previous or {} }}}"#;

/// The sentence, from the titles of all events: `Factura de cliente F2026A12 cobrada · Ana SL · 1.210,50 €`.
const TEXT: &str = r"{% set o = data.object %}
{% set number = o.codigo or o.nombre or o.referencia or '' %}
{% set text = (titles[event] or event ~ ' #')|replace('#', number)|trim %}
{% set text = text ~ ' · ' ~ o.nombrecliente if o.nombrecliente else text %}
{% set text = text ~ ' · ' ~ o.total|money ~ ' €' if o.total is number else text %}";

/// All presets.
pub const PRESETS: &[Preset] = &[
    Preset { name: "slack", title: "Slack", frame: r#"{"text": "{{ text }}"}"# },
    Preset { name: "discord", title: "Discord", frame: r#"{"content": "{{ text }}"}"# },
    Preset { name: "telegram", title: "Telegram", frame: r#"{"chat_id": "YOUR_CHAT_ID", "text": "{{ text }}"}"# },
    Preset {
        name: "teams",
        title: "Microsoft Teams",
        frame: r#"{"type": "message", "attachments": [{"contentType": "application/vnd.microsoft.card.adaptive",
 "content": {"type": "AdaptiveCard", "version": "1.4", "body": [{"type": "TextBlock", "wrap": true, "text": "{{ text }}"}]}}]}"#,
    },
    Preset { name: "n8n", title: "n8n", frame: FLAT },
    Preset { name: "zapier", title: "Zapier", frame: FLAT },
    Preset { name: "make", title: "Make", frame: FLAT },
];

impl Preset {
    /// The preset with this name.
    pub fn find(name: &str) -> Option<&'static Self> {
        PRESETS.iter().find(|preset| preset.name == name)
    }

    /// The template, with event titles in the reader's language.
    pub fn template(&self, words: &Words) -> String {
        if !self.frame.contains("{{ text }}") {
            return self.frame.to_owned();
        }
        let sentence = |event: &EventType| title(words, event, Some("#"));
        let titles: Map<String, Value> =
            event_types::all().map(|known| (known.event.to_string(), sentence(&known.event).into())).collect();
        let titles = Value::Object(titles);
        // `#` is the placeholder of the document's number.
        format!("{{% set titles = {titles} %}}\n{TEXT}\n{}", self.frame)
    }
}

#[cfg(test)]
mod tests {
    use gancho_model::Template;
    use serde_json::json;

    use super::*;

    #[test]
    fn each_makes_json_of_every_sample() {
        for words in [Words::english().clone(), Words::new(gancho_words::Language::Es, "UTC")] {
            for preset in PRESETS {
                let template = Template::parse(&preset.template(&words)).expect("a template");
                for known in event_types::all() {
                    let (data, _) = event_types::sample(&known.event);
                    let body = json!({"id": "evt_1", "event": known.event.as_str(), "created": 1, "data": data, "source": null});
                    let made = template.render(&body, 100_000).expect(preset.name);
                    assert!(!String::from_utf8_lossy(&made).contains('#'), "{}: {made:?}", known.event);
                }
            }
        }
    }

    #[test]
    fn a_sentence_with_its_document() {
        let words = Words::new(gancho_words::Language::Es, "UTC");
        let template = Template::parse(&PRESETS[0].template(&words)).expect("a template");
        let object = json!({"codigo": "FAC\"1", "nombrecliente": "Ana SL", "total": 1210.5});
        let body = json!({"event": "invoice.paid", "data": {"object": object}});
        let made = template.render(&body, 1000).expect("made");
        let made: Value = serde_json::from_slice(&made).expect("JSON");
        let text = made["text"].as_str().expect("text");
        assert!(text.contains("FAC\"1") && text.ends_with(" · Ana SL · 1.210,50 €"), "{text}");
        let own = json!({"event": "shop.thing", "data": {"object": {}}});
        let made = template.render(&own, 1000).expect("made");
        assert_eq!(&made[..], br#"{"text": "shop.thing"}"#);
    }
}
