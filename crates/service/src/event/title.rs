use gancho_facturascripts::event_types;
use gancho_model::{EventType, Message};
use gancho_words::Words;

/// An event's title with its document: `Factura de cliente F2026A12 cobrada`.
pub fn title(words: &Words, event: &EventType, label: Option<&str>) -> String {
    let label = label.map(|label| format!(" {label}")).unwrap_or_default();
    if let Some(known) = event_types::known_type(event) {
        let (noun, verb) = (words.noun(known.model.name), words.verb(known.model.name, known.spoken_verb()));
        return format!("{noun}{label} {verb}");
    }
    if let Some(model) = model_of_snapshot(event) {
        let what = format!("{}{label}", words.noun(model));
        return words.message(&Message::new("title-snapshot").with("what", what));
    }
    let own = format!("own-{}", event.as_str().replace(['.', '_'], "-"));
    let name = if words.has(&own) { words.get(&own) } else { event.as_str().to_owned() };
    format!("{name}{label}")
}

/// The model of a record that was sent on request, as `invoice.snapshot`.
fn model_of_snapshot(event: &EventType) -> Option<&'static str> {
    let noun = event.as_str().strip_suffix(".snapshot")?;
    let types = ["created", "recorded"].iter().filter_map(|verb| EventType::parse(&format!("{noun}.{verb}")).ok());
    types.filter_map(|event| event_types::known_type(&event)).map(|known| known.model.name).next()
}
