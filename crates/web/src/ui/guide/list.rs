//! The documents: their names in addresses, their order, their texts in each language.

use gancho_words::Language;
use include_dir::{Dir, include_dir};

static EN: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../docs/en");
static ES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../docs/es");
/// Records of measurements and trials, only in English.
const RECORDS: [(&str, &str); 2] = [
    ("performance.md", include_str!("../../../../../docs/performance.md")),
    ("facturascripts-operations.md", include_str!("../../../../../docs/facturascripts-operations.md")),
];

/// A document.
pub(super) struct Guide {
    /// Its name in addresses, in every language.
    pub name: &'static str,
    en: &'static str,
    es: &'static str,
}

const fn guide(name: &'static str, en: &'static str, es: &'static str) -> Guide {
    Guide { name, en, es }
}

/// All documents, in reading order for newcomers.
pub(super) const GUIDES: [Guide; 17] = [
    guide("start", "start.md", "primeros-pasos.md"),
    guide("connect", "connect.md", "conectar.md"),
    guide("plugin", "plugin.md", "plugin.md"),
    guide("questions", "questions.md", "preguntas.md"),
    guide("events", "events.md", "eventos.md"),
    guide("receive", "receive.md", "recibir.md"),
    guide("rules", "rules.md", "reglas.md"),
    guide("develop", "develop.md", "desarrollar.md"),
    guide("operate", "operate.md", "operar.md"),
    guide("faults", "faults.md", "fallos.md"),
    guide("security", "security.md", "seguridad.md"),
    guide("settings", "settings.md", "ajustes.md"),
    guide("scale", "scale.md", "escala.md"),
    guide("promises", "promises.md", "promesas.md"),
    guide("comparison", "comparison.md", "comparacion.md"),
    guide("performance", "performance.md", "performance.md"),
    guide("operations", "facturascripts-operations.md", "facturascripts-operations.md"),
];

/// The document of this name.
pub(super) fn by_name(name: &str) -> Option<&'static Guide> {
    GUIDES.iter().find(|guide| guide.name == name)
}

/// The document with a file of this name, in any language.
pub(super) fn by_file(file: &str) -> Option<&'static Guide> {
    GUIDES.iter().find(|guide| guide.en == file || guide.es == file)
}

/// What a setting means, from the document of settings; `None` if it is not there.
pub(super) fn setting(name: &str, language: Language) -> Option<&'static str> {
    let row = format!("| `{name}` |");
    let line = by_name("settings")?.text(language).lines().find(|line| line.starts_with(&row))?;
    line.trim_end().strip_suffix('|')?.splitn(4, '|').nth(3).map(str::trim)
}

impl Guide {
    /// Its file in a language.
    pub(super) fn file(&self, language: Language) -> &'static str {
        if language == Language::Es { self.es } else { self.en }
    }

    /// Its text in Markdown.
    pub(super) fn text(&self, language: Language) -> &'static str {
        let (dir, file) = (if language == Language::Es { &ES } else { &EN }, self.file(language));
        let record = || RECORDS.iter().find(|(name, _)| *name == file).map(|(_, text)| *text);
        dir.get_file(file).and_then(|file| file.contents_utf8()).or_else(record).unwrap_or_default()
    }

    /// The language of its text.
    pub(super) fn written_in(&self, language: Language) -> Language {
        if RECORDS.iter().any(|(name, _)| *name == self.en) { Language::En } else { language }
    }

    /// Its first heading.
    pub(super) fn title(&self, language: Language) -> &'static str {
        let first = self.text(language).lines().next().unwrap_or_default();
        first.trim_start_matches('#').trim()
    }
}
