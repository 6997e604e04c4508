//! How answers look on a terminal: as wide as it is, with times as people say them, and colours where somebody sees them.

use std::io::IsTerminal;

use gancho_model::{Clock as _, Timestamp};
use gancho_words::Words;

use crate::system::System;

/// Columns where nobody says how many there are.
const WIDTH: usize = 100;
/// Fewer make no list.
const WIDTH_MIN: usize = 40;

/// A colour: what it stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// As it is.
    Plain,
    /// Less important.
    Dim,
    /// A title.
    Bold,
    /// Well.
    Good,
    /// It waits, or may need a look.
    Warn,
    /// It failed.
    Bad,
}

impl Style {
    /// What a state's word stands for.
    pub fn of_state(state: &str) -> Self {
        match state {
            "delivered" | "ok" => Self::Good,
            "pending" | "waiting" | "paused" | "idle" => Self::Warn,
            "failed" | "failing" | "down" | "asks" => Self::Bad,
            "cancelled" | "skipped" | "disabled" => Self::Dim,
            _ => Self::Plain,
        }
    }

    /// SGR parameters (ECMA-48).
    fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Dim => "2",
            Self::Bold => "1",
            Self::Good => "32",
            Self::Warn => "33",
            Self::Bad => "31",
        }
    }
}

/// A text in its colour, if there are any.
pub fn paint(text: &str, style: Style) -> String {
    if style == Style::Plain || !has_colours() {
        return text.to_owned();
    }
    format!("\u{1b}[{}m{text}\u{1b}[0m", style.code())
}

/// Only on a terminal, and not where somebody wants none (<https://no-color.org>).
fn has_colours() -> bool {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if is_set("NO_COLOR") || std::env::var_os("TERM").is_some_and(|term| term == "dumb") {
        return false;
    }
    is_set("CLICOLOR_FORCE") || std::io::stdout().is_terminal()
}

/// How many columns there are: `COLUMNS`, else the terminal's. A file or a program gets everything, whole.
pub fn width() -> usize {
    let said = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
    if said.is_none() && !std::io::stdout().is_terminal() {
        return usize::MAX;
    }
    let seen = || rustix::termios::tcgetwinsize(std::io::stdout()).ok().map(|size| usize::from(size.ws_col));
    said.or_else(seen).filter(|columns| *columns > 0).unwrap_or(WIDTH).max(WIDTH_MIN)
}

/// A time of the API as people say it: `3 min ago`; the text itself where it is none.
pub fn ago(text: &str) -> String {
    Timestamp::parse(text).map_or_else(|| text.to_owned(), |at| Words::english().ago(at, System.now()))
}

/// The time of day, by this machine's zone.
pub fn clock(text: &str) -> String {
    let at: Option<jiff::Timestamp> = text.parse().ok();
    at.map_or_else(|| text.to_owned(), |at| at.to_zoned(jiff::tz::TimeZone::system()).strftime("%H:%M:%S").to_string())
}

/// A time of the API, whole, in this machine's zone.
pub fn full(text: &str) -> String {
    let zone = jiff::tz::TimeZone::system();
    let words = Words::new(gancho_words::Language::En, zone.iana_name().unwrap_or("UTC"));
    Timestamp::parse(text).map_or_else(|| text.to_owned(), |at| words.full(at))
}
