use unic_langid::{LanguageIdentifier, langid};

/// A language of pages and mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Language {
    /// Spanish.
    Es,
    /// English.
    En,
}

impl Language {
    /// Both; the first is the default.
    pub const ALL: [Self; 2] = [Self::Es, Self::En];

    /// Its code, as in `<html lang>`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Es => "es",
            Self::En => "en",
        }
    }

    /// Its own name.
    pub fn own_name(self) -> &'static str {
        match self {
            Self::Es => "Español",
            Self::En => "English",
        }
    }

    /// Parses the code.
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.as_str() == code)
    }

    /// The language of `Accept-Language` (RFC 9110 §12.5.4): the first supported one by weight, otherwise Spanish. For
    /// Catalan, Galician, Basque and Asturian, Spanish is used.
    pub fn accepted(header: &str) -> Self {
        let mut asked: Vec<(u32, Self)> = header.split(',').filter_map(asked_for).collect();
        // Equal weights keep their order.
        asked.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
        asked.first().map_or(Self::Es, |(_, language)| *language)
    }

    pub(crate) fn id(self) -> LanguageIdentifier {
        match self {
            Self::Es => langid!("es"),
            Self::En => langid!("en"),
        }
    }
}

/// `es-MX;q=0.8`, the weight in thousandths.
fn asked_for(part: &str) -> Option<(u32, Language)> {
    let mut words = part.split(';').map(str::trim);
    let primary = words.next()?.split('-').next()?.to_ascii_lowercase();
    let language = match primary.as_str() {
        "es" | "ca" | "gl" | "eu" | "ast" => Language::Es,
        "en" => Language::En,
        _ => return None,
    };
    let weight = words.find_map(|word| word.strip_prefix("q=")).map_or(Ok(1.0), str::parse::<f32>).unwrap_or(0.0);
    (weight > 0.0).then_some(((weight * 1000.0) as u32, language))
}
