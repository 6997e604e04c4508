use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// A text without case and accents, for searching: `pena` finds `Peña`.
pub fn fold(text: &str) -> String {
    text.nfd().filter(|character| !is_combining_mark(*character)).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::fold;

    #[test]
    fn case_and_accents_go() {
        assert_eq!(fold("PEÑA Güell, ÁÉÍ"), "pena guell, aei");
        assert_eq!(fold("F2026/A-1"), "f2026/a-1");
    }
}
