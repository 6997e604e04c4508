//! Formats numbers and money for the reader's language (CLDR's patterns for `es` and `en`).

use crate::{Language, Words};

/// The thousands and decimal separators.
fn marks(language: Language) -> (char, char) {
    match language {
        Language::Es => ('.', ','),
        Language::En => (',', '.'),
    }
}

/// Spanish does not group four digits.
fn least_grouped(language: Language) -> usize {
    match language {
        Language::Es => 5,
        Language::En => 4,
    }
}

pub(crate) fn whole(language: Language, number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let sign = if number < 0 { "-" } else { "" };
    format!("{sign}{}", grouped(language, &digits, least_grouped(language)))
}

fn grouped(language: Language, digits: &str, least: usize) -> String {
    if digits.len() < least {
        return digits.to_owned();
    }
    let (group, _) = marks(language);
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(group);
        }
        out.push(digit);
    }
    out
}

impl Words {
    /// A whole number.
    pub fn number(&self, number: i64) -> String {
        whole(self.language, number)
    }

    /// A number with this many decimals.
    pub fn decimal(&self, number: f64, decimals: usize) -> String {
        let text = format!("{:.decimals$}", number.abs());
        let (whole_part, rest) = text.split_once('.').unwrap_or((&text, ""));
        let (_, mark) = marks(self.language);
        let is_zero = text.bytes().all(|byte| byte == b'0' || byte == b'.');
        let sign = if number < 0.0 && !is_zero { "-" } else { "" };
        let whole_part = grouped(self.language, whole_part, least_grouped(self.language));
        if rest.is_empty() { format!("{sign}{whole_part}") } else { format!("{sign}{whole_part}{mark}{rest}") }
    }

    /// A share as a percentage, such as `99,2 %`.
    pub fn percent(&self, share: f64) -> String {
        // Only a full share is 100 %: 99.96 % is rounded down.
        let percent = if share < 1.0 { (share * 1000.0).floor() / 10.0 } else { 100.0 };
        let decimals = usize::from(percent.fract() != 0.0);
        match self.language {
            Language::Es => format!("{}\u{a0}%", self.decimal(percent, decimals)),
            Language::En => format!("{}%", self.decimal(percent, decimals)),
        }
    }

    /// An amount in a currency, by its ISO code: `1234,50 €`, `€1,234.50`.
    pub fn money(&self, amount: f64, currency: &str) -> String {
        let text = self.decimal(amount.abs(), 2);
        let sign = if amount <= -0.005 { "-" } else { "" };
        match (self.language, currency) {
            (Language::Es, "EUR" | "") => format!("{sign}{text}\u{a0}€"),
            (Language::En, "EUR" | "") => format!("{sign}€{text}"),
            (Language::Es, other) => format!("{sign}{text}\u{a0}{other}"),
            (Language::En, other) => format!("{sign}{other}\u{a0}{text}"),
        }
    }

    /// A size in bytes, such as `1,2 KB`.
    pub fn bytes(&self, bytes: u64) -> String {
        match bytes {
            0..1024 => format!("{}\u{a0}B", self.number(bytes as i64)),
            1024..1_048_576 => format!("{}\u{a0}KB", self.decimal(bytes as f64 / 1024.0, 1)),
            _ => format!("{}\u{a0}MB", self.decimal(bytes as f64 / 1_048_576.0, 1)),
        }
    }
}
