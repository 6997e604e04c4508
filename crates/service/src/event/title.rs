use gancho_facturascripts::event_types;
use gancho_model::EventType;
use gancho_words::Words;

/// An event's title with its document: `Factura de cliente F2026A12 cobrada`.
pub fn title(words: &Words, event: &EventType, label: Option<&str>) -> String {
    let label = label.map(|label| format!(" {label}")).unwrap_or_default();
    if let Some(known) = event_types::known_type(event) {
        let (noun, verb) = (words.noun(known.model.name), words.verb(known.model.name, known.spoken_verb()));
        return format!("{noun}{label} {verb}");
    }
    let own = format!("own-{}", event.as_str().replace(['.', '_'], "-"));
    let name = if words.has(&own) { words.get(&own) } else { event.as_str().to_owned() };
    format!("{name}{label}")
}
