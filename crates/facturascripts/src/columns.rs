//! The types of known columns, and of columns described by a database's type names.

use std::{collections::HashMap, sync::LazyLock};

/// A column's type, which determines how its values are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text, including codes.
    Text,
    /// An integer.
    Int,
    /// Any other number.
    Number,
    /// True or false.
    Bool,
    /// A day.
    Date,
    /// A time of day.
    Time,
    /// A date and a time in the source's zone.
    Timestamp,
}

impl Kind {
    /// From a type name of MariaDB or PostgreSQL: `tinyint(1)`, `double precision`, …
    pub fn of_database(name: &str) -> Self {
        let name = name.trim().to_ascii_lowercase();
        let word = name.split(['(', ' ']).next().unwrap_or_default();
        match word {
            "tinyint" if name.starts_with("tinyint(1)") => Self::Bool,
            "bool" | "boolean" => Self::Bool,
            "tinyint" | "smallint" | "mediumint" | "int" | "integer" | "bigint" | "int2" | "int4" | "int8"
            | "serial" | "bigserial" | "year" => Self::Int,
            "double" | "float" | "float4" | "float8" | "real" | "decimal" | "numeric" => Self::Number,
            "date" => Self::Date,
            "time" => Self::Time,
            "timestamp" | "datetime" | "timestamptz" => Self::Timestamp,
            _ => Self::Text,
        }
    }

    /// Its name in `columns.txt` and `facts.json`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Int => "int",
            Self::Number => "number",
            Self::Bool => "bool",
            Self::Date => "date",
            Self::Time => "time",
            Self::Timestamp => "timestamp",
        }
    }

    fn of_word(word: &str) -> Option<Self> {
        const ALL: [Kind; 7] =
            [Kind::Text, Kind::Int, Kind::Number, Kind::Bool, Kind::Date, Kind::Time, Kind::Timestamp];
        ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// A known table of the ERP.
#[derive(Debug)]
pub struct Table {
    /// The model's class.
    pub model: &'static str,
    /// The table.
    pub name: &'static str,
    /// The primary key.
    pub key: &'static str,
    /// The columns' types.
    pub columns: HashMap<&'static str, Kind>,
}

static TABLES: LazyLock<Vec<Table>> = LazyLock::new(|| {
    let mut tables: Vec<Table> = vec![];
    for line in include_str!("columns.txt").lines().filter(|line| !line.starts_with('#')) {
        let mut words = line.split_whitespace();
        match (line.strip_prefix("  ").and_then(|rest| rest.split_once(": ")), tables.last_mut()) {
            (Some((kind, names)), Some(table)) => {
                let kind = Kind::of_word(kind).expect("columns.txt names a kind");
                table.columns.extend(names.split_whitespace().map(|name| (name, kind)));
            }
            _ => {
                let mut next = || words.next().expect("columns.txt has model, table, key");
                tables.push(Table { model: next(), name: next(), key: next(), columns: HashMap::new() });
            }
        }
    }
    tables
});

/// All known tables.
pub fn tables() -> &'static [Table] {
    &TABLES
}

/// The table of a model, by its class or by the table's name.
pub fn find(model_or_table: &str) -> Option<&'static Table> {
    tables().iter().find(|table| table.model == model_or_table || table.name == model_or_table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_model_of_the_catalogue_has_its_columns() {
        for model in crate::catalogue::MODELS {
            let table = find(model.name).expect(model.name);
            assert!(table.columns.contains_key(table.key), "{}", model.name);
            assert!(find(table.name).is_some());
            if let Some(lines) = model.lines {
                assert!(find(lines).is_some_and(|lines| lines.columns.contains_key(table.key)), "{lines}");
            }
        }
    }

    #[test]
    fn database_types() {
        for (name, kind) in [
            ("tinyint(1)", Kind::Bool),
            ("tinyint(4)", Kind::Int),
            ("int(11)", Kind::Int),
            ("double precision", Kind::Number),
            ("decimal(10,2)", Kind::Number),
            ("character varying(20)", Kind::Text),
            ("time without time zone", Kind::Time),
            ("timestamp without time zone", Kind::Timestamp),
            ("datetime", Kind::Timestamp),
            ("json", Kind::Text),
        ] {
            assert_eq!(Kind::of_database(name), kind, "{name}");
        }
    }
}
