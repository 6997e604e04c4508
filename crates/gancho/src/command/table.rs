//! Tables on the terminal: as many columns as fit, the most important first.

use serde_json::Value;
use unicode_width::UnicodeWidthStr;

use crate::terminal::{self, Style, paint};

/// Space between columns.
const GAP: usize = 2;
/// Minimum width of a column that may be truncated.
const CUT_MIN: usize = 12;
/// Minimum width of a column that always stays, before others are left out.
const CUT_MAIN: usize = 23;

/// A column: its title and its contents.
pub struct Column {
    title: &'static str,
    cell: fn(&Value) -> Cell,
    /// Left out if there is no room, the highest number first; 0 stays.
    rank: u8,
    /// May be truncated.
    is_flexible: bool,
}

/// The contents of a cell.
pub struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    /// A coloured text.
    pub fn new(text: impl Into<String>, style: Style) -> Self {
        Self { text: text.into(), style }
    }

    /// A plain text.
    pub fn plain(text: impl Into<String>) -> Self {
        Self::new(text, Style::Plain)
    }

    /// A value of the response, or a dash.
    pub fn of(value: &Value) -> Self {
        Self::plain(text(value))
    }

    /// A time of the response, relative to now.
    pub fn ago(value: &Value) -> Self {
        Self::new(value.as_str().map_or_else(|| "–".to_owned(), terminal::ago), Style::Dim)
    }

    /// A state in its colour.
    pub fn state(value: &Value) -> Self {
        let word = text(value);
        let style = Style::of_state(&word);
        Self::new(word, style)
    }
}

impl Column {
    /// A column that is left out if there is no room, the highest rank first; 0 stays.
    pub const fn new(title: &'static str, rank: u8, cell: fn(&Value) -> Cell) -> Self {
        Self { title, cell, rank, is_flexible: false }
    }

    /// The same, and truncated before others are left out.
    pub const fn flexible(title: &'static str, rank: u8, cell: fn(&Value) -> Cell) -> Self {
        Self { title, cell, rank, is_flexible: true }
    }
}

/// Prints a table; `none` is the sentence for an empty one.
pub fn print(items: &[Value], columns: &[Column], none: &str) {
    if items.is_empty() {
        say!("{none}");
        return;
    }
    for line in lines(items, columns, terminal::width()) {
        say!("{line}");
    }
}

fn lines(items: &[Value], columns: &[Column], width: usize) -> Vec<String> {
    let cells: Vec<Vec<Cell>> =
        items.iter().map(|item| columns.iter().map(|column| (column.cell)(item)).collect()).collect();
    let natural: Vec<usize> = columns
        .iter()
        .enumerate()
        .map(|(place, column)| {
            cells.iter().map(|row| row[place].text.width()).chain([column.title.width()]).max().unwrap_or(0)
        })
        .collect();
    let widths = fit(columns, &natural, width);
    let row = |texts: Vec<(&str, Style)>| {
        let parts = texts.into_iter().zip(&widths).filter_map(|((text, style), width)| {
            let text = cut(text, (*width)?);
            Some((" ".repeat((*width)? - text.width()), paint(&text, style)))
        });
        let line: Vec<String> = parts.map(|(rest, text)| format!("{text}{rest}")).collect();
        line.join(&" ".repeat(GAP)).trim_end().to_owned()
    };
    let titles: Vec<String> = columns.iter().map(|column| column.title.to_uppercase()).collect();
    let head = row(titles.iter().map(|title| (title.as_str(), Style::Dim)).collect());
    let rows = cells.iter().map(|cells| row(cells.iter().map(|cell| (cell.text.as_str(), cell.style)).collect()));
    std::iter::once(head).chain(rows).collect()
}

/// The width of each column shown: first columns are truncated, then the least important ones are left out.
fn fit(columns: &[Column], natural: &[usize], width: usize) -> Vec<Option<usize>> {
    let mut widths: Vec<Option<usize>> = natural.iter().copied().map(Some).collect();
    let least = |place: usize, width: usize| match &columns[place] {
        Column { is_flexible: true, rank: 0, .. } => width.min(CUT_MAIN),
        Column { is_flexible: true, .. } => width.min(CUT_MIN),
        _ => width,
    };
    let total = |widths: &[Option<usize>], of: &dyn Fn(usize, usize) -> usize| {
        let shown: Vec<usize> =
            widths.iter().enumerate().filter_map(|(place, width)| Some(of(place, (*width)?))).collect();
        shown.iter().sum::<usize>() + GAP * shown.len().saturating_sub(1)
    };
    while total(&widths, &least) > width {
        let shown = (0..columns.len()).filter(|place| widths[*place].is_some() && columns[*place].rank > 0);
        match shown.max_by_key(|place| columns[*place].rank) {
            Some(place) => widths[place] = None,
            None => break,
        }
    }
    // Then shortens the longest truncatable column, a character at a time, starting with those that might be left out.
    while total(&widths, &|_, width| width) > width {
        let flexible = (0..columns.len()).filter(|place| columns[*place].is_flexible);
        let cuttable = flexible.filter_map(|place| Some((widths[place]?, place))).filter(|(width, _)| *width > CUT_MIN);
        let spare = |(width, place): &(usize, usize)| (*width > least(*place, *width), *width);
        match cuttable.max_by_key(spare) {
            Some((width, place)) => widths[place] = Some(width - 1),
            None => break,
        }
    }
    widths
}

/// A text truncated to this many columns.
fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut short = String::new();
    for character in text.chars() {
        if short.width() + unicode_width::UnicodeWidthChar::width(character).unwrap_or(0) + 1 > width {
            break;
        }
        short.push(character);
    }
    short.push('…');
    short
}

/// A table with 80 and with 140 columns, for a snapshot without relative days.
#[cfg(test)]
pub fn snapshot(items: &[Value], columns: &[Column]) -> String {
    let at = |width| {
        let lines = lines(items, columns, width);
        assert!(lines.iter().all(|line| line.width() <= width), "within {width} columns");
        lines.join("\n").replace(|digit: char| digit.is_ascii_digit(), "0")
    };
    format!("{}\n\n{}", at(80), at(140))
}

/// Prints the fields of one object, without empty ones.
pub fn print_facts(facts: &[(&str, String)]) {
    let shown = facts.iter().filter(|(_, value)| !value.is_empty());
    let widest = shown.clone().map(|(name, _)| name.width()).max().unwrap_or(0);
    for (name, value) in shown {
        let rest = " ".repeat(widest - name.width());
        let mut lines = value.lines();
        say!("{}{rest}  {}", paint(name, Style::Dim), lines.next().unwrap_or_default());
        lines.for_each(|line| say!("{}  {line}", " ".repeat(widest)));
    }
}

/// A value as text; a dash if it is empty.
pub fn text(value: &Value) -> String {
    match value {
        Value::Null => "–".into(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

/// The same, empty if there is none.
pub fn text_or_nothing(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        value => text(value),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const COLUMNS: &[Column] = &[
        Column::new("state", 0, |item| Cell::of(&item["state"])),
        Column::flexible("what", 0, |item| Cell::of(&item["what"])),
        Column::new("ms", 2, |item| Cell::of(&item["ms"])),
        Column::new("id", 1, |item| Cell::of(&item["id"])),
    ];

    #[test]
    fn what_matters_least_goes_first() {
        let items = [json!({"state": "failed", "what": "Factura de cliente Ñ cobrada", "ms": 12, "id": "dlv_1"})];
        let at = |width| lines(&items, COLUMNS, width);
        assert_eq!(
            at(60),
            ["STATE   WHAT                          MS  ID", "failed  Factura de cliente Ñ cobrada  12  dlv_1"]
        );
        assert_eq!(at(47)[1], "failed  Factura de cliente Ñ cobrada  12  dlv_1");
        assert_eq!(at(46)[1], "failed  Factura de cliente Ñ cobra…  12  dlv_1");
        assert_eq!(at(41)[1], "failed  Factura de cliente Ñ cobr…  dlv_1");
        assert_eq!(at(36)[1], "failed  Factura de cliente Ñ cobrada");
        assert_eq!(at(20)[1], "failed  Factura de …");
        assert!((20..60).all(|width| at(width).iter().all(|line| line.width() <= width)));
    }
}
