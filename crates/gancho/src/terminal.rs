//! Terminal output: adapted to its width, with relative times, and colours if supported.

use std::io::IsTerminal;

use gancho_model::{Clock as _, Timestamp};
use gancho_words::Words;

use crate::system::System;

/// Default number of columns.
const WIDTH: usize = 100;
/// Minimum number of columns for a table.
const WIDTH_MIN: usize = 40;

/// A style by its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// No style.
    Plain,
    /// Less important.
    Dim,
    /// A title.
    Bold,
    /// Success.
    Good,
    /// Waiting, or may need attention.
    Warn,
    /// Failure.
    Bad,
}

impl Style {
    /// The style of a state.
    pub fn of_state(state: &str) -> Self {
        match state {
            "delivered" | "ok" => Self::Good,
            "pending" | "waiting" | "paused" | "idle" | "new" | "unsteady" => Self::Warn,
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

/// A text in its style, if colours are supported.
pub fn paint(text: &str, style: Style) -> String {
    if style == Style::Plain || !has_colours() {
        return text.to_owned();
    }
    format!("\u{1b}[{}m{text}\u{1b}[0m", style.code())
}

/// Only on a terminal, and unless disabled (<https://no-color.org>).
fn has_colours() -> bool {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if is_set("NO_COLOR") || std::env::var_os("TERM").is_some_and(|term| term == "dumb") {
        return false;
    }
    is_set("CLICOLOR_FORCE") || std::io::stdout().is_terminal()
}

/// The number of columns: `COLUMNS`, otherwise the terminal's. Output to a file or program is not truncated.
pub fn width() -> usize {
    let said = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
    if said.is_none() && !std::io::stdout().is_terminal() {
        return usize::MAX;
    }
    let seen = || rustix::termios::tcgetwinsize(std::io::stdout()).ok().map(|size| usize::from(size.ws_col));
    said.or_else(seen).filter(|columns| *columns > 0).unwrap_or(WIDTH).max(WIDTH_MIN)
}

/// A time of the API relative to now: `3 min ago`; the text itself if it is no time.
pub fn ago(text: &str) -> String {
    Timestamp::parse(text).map_or_else(|| text.to_owned(), |at| Words::english().ago(at, System.now()))
}

/// The time of day in this machine's time zone.
pub fn clock(text: &str) -> String {
    let at: Option<jiff::Timestamp> = text.parse().ok();
    at.map_or_else(|| text.to_owned(), |at| at.to_zoned(jiff::tz::TimeZone::system()).strftime("%H:%M:%S").to_string())
}

/// A full time of the API in this machine's time zone.
pub fn full(text: &str) -> String {
    let zone = jiff::tz::TimeZone::system();
    let words = Words::new(gancho_words::Language::En, zone.iana_name().unwrap_or("UTC"));
    Timestamp::parse(text).map_or_else(|| text.to_owned(), |at| words.full(at))
}
