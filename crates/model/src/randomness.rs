//! Detects parts of a URL that look like generated secrets rather than words.

/// From this length on, letters mixed with digits count as random.
const MIXED_LENGTH: usize = 16;
/// Shorter texts can't be secrets, and are often versions or languages.
const LENGTH_MIN: usize = 6;
/// The minimum share of common English or Spanish letter pairs in words. Less than one in a hundred words of the docs
/// has a lower share, and more than nineteen in twenty random texts.
const WORDLIKE: f64 = 0.6;

/// Letter pairs that make up 93 % in English and Spanish words, counted in documentation of this field.
const PAIRS: &str = "ab ac ad ag ai al am an ap ar as at au av ay ba be bi bl bo br bu ca cc ce ch ci ck cl co cr ct \
    cu da de di do dr ds du ea eb ec ed ee ef eg ei el em en ep er es et ev ex fa fe fi fo ga ge gi gn go gr gu ha he \
    hi ho ia ib ic id ie if ig il im in io ip ir is it iv ke ks la ld le li ll lo ls lt lu ma mb me mi mm mo mp na nc \
    nd ne ng ni nn no ns nt nu nv ob oc od og oi ok ol om on oo op or os ot ou ov ow pa pe pi pl po pp pr ps pt pu qu \
    ra rc rd re ri rk rm rn ro rr rs rt ru rv ry sa sc se sh si sk so sp ss st su ta tc te th ti to tr ts tt tu ua uc \
    ue ui ul um un up ur us ut va ve vi wa we wh wo";

/// Whether it looks random. `suspected`: it is where services put secrets, so that less evidence is needed.
pub(crate) fn is_random(text: &str, suspected: bool) -> bool {
    let letters = text.bytes().filter(u8::is_ascii_alphabetic).count();
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    if letters + digits < LENGTH_MIN {
        return false;
    }
    let pieces = || text.split(|c: char| !c.is_ascii_alphanumeric());
    if letters > 0 && digits > 0 && letters + digits >= MIXED_LENGTH {
        // A word with a year is not random: most of it must be readable as words.
        let read: usize =
            pieces().flat_map(words).filter(|word| word.len() >= 4 && is_wordlike(word)).map(|w| w.len()).sum();
        if 2 * read < letters + digits {
            return true;
        }
    }
    pieces().any(|piece| is_random_piece(piece, suspected))
}

/// Letters and digits without separators.
fn is_random_piece(piece: &str, suspected: bool) -> bool {
    let (changes_max, digits_max, word_min) = if suspected { (1, 11, 6) } else { (2, 19, 8) };
    let bytes = piece.as_bytes();
    let changes = bytes.windows(2).filter(|pair| pair[0].is_ascii_digit() != pair[1].is_ascii_digit()).count();
    if piece.len() >= LENGTH_MIN && changes > changes_max {
        return true;
    }
    if changes == 0 && bytes.first().is_some_and(u8::is_ascii_digit) {
        return piece.len() > digits_max;
    }
    let words = words(piece);
    let is_choppy = words.len() > 3 && piece.len() < 3 * words.len();
    is_choppy || words.iter().any(|word| word.len() >= word_min && !is_wordlike(word))
}

/// Its words in lower case: `newInvoice2` is `new`, `invoice`.
fn words(piece: &str) -> Vec<String> {
    let mut words: Vec<String> = vec![String::new()];
    let mut was_lower = false;
    for c in piece.chars() {
        if !c.is_ascii_alphabetic() || (c.is_ascii_uppercase() && was_lower) {
            words.push(String::new());
        }
        was_lower = c.is_ascii_lowercase();
        if let Some(last) = words.last_mut().filter(|_| c.is_ascii_alphabetic()) {
            last.push(c.to_ascii_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

fn is_wordlike(word: &str) -> bool {
    let pairs = word.len() - 1;
    let common = (0..pairs).filter(|at| PAIRS.split(' ').any(|pair| pair == &word[*at..*at + 2])).count();
    common as f64 >= WORDLIKE * pairs as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_not_random() {
        for text in [
            "facturascripts-webhook",
            "notificaciones",
            "newInvoiceCreated",
            "InvoiceWebhookHandler",
            "pedidos_nuevos",
            "recibir.php",
            "wp-json",
            "contabilidad-2026",
            "v2",
            "factura2026",
            "12345678",
            "woocommerce",
            "automatizacion",
            "T01234567",
        ] {
            assert!(!is_random(text, false), "{text}");
        }
        for text in ["facturas", "nuevas-facturas", "clientes", "prestashop", "webhook"] {
            assert!(!is_random(text, true), "{text}");
        }
    }

    #[test]
    fn what_a_program_made_is() {
        for text in [
            "aB3dE5fG7hI9jK1l",
            "aBcDeFgHiJkLmNoP",
            "qwzxkjvbplmn",
            "XQZJKWVBPTGF",
            "3f2504e0-4f89-11d3-9a0c-0305e82c3301",
            "bot123456789:AAEhBOweik6ad9r_QXMENQjcrGbqCr4K-bc",
            "a8f3k2z9",
            "123456789012345678901234",
            "kqvxzjwbdfgh-ptrsmnlc",
        ] {
            assert!(is_random(text, false), "{text}");
        }
        for text in ["x7k2m9", "qzxvkj", "123456789012"] {
            assert!(is_random(text, true), "{text}");
        }
    }
}
