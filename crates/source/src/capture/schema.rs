//! The schema of the ERP's database, read from its catalogue.

use std::collections::BTreeMap;

/// Tables, and foreign keys with cascades.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Schema {
    /// By name.
    pub tables: BTreeMap<String, Table>,
    /// Foreign keys that delete or unlink rows.
    pub links: Vec<Link>,
    /// Whether some tables could not be read.
    pub is_partial: bool,
}

/// A table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// Columns in order, each with its type as the engine names it.
    pub columns: Vec<(String, String)>,
    /// The columns of the primary key.
    pub key: Vec<String>,
    /// The auto-increment column.
    pub counted: Option<String>,
    /// Columns that are not captured, because triggers don't see their values.
    pub left_out: Vec<String>,
}

impl Table {
    /// A virtual column computed from the auto-increment number is still unknown when MariaDB's INSERT trigger runs.
    pub fn leave_out_if_counted(&mut self, column: &str, expression: &str) {
        let Some(counted) = &self.counted else { return };
        if expression.contains(&format!("`{counted}`")) {
            self.columns.retain(|(name, _)| name != column);
            self.left_out.push(column.to_owned());
        }
    }

    /// The column that identifies a row: the primary key's only column, or the ERP's own key among several. A
    /// partitioned table's key includes the partitioning column.
    pub fn row_key(&self, known: Option<&str>) -> Option<&str> {
        match &self.key[..] {
            [only] => Some(only),
            several => several.iter().map(String::as_str).find(|column| known == Some(column)),
        }
    }
}

/// A foreign key with ON DELETE CASCADE or SET NULL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The referencing table, whose rows are deleted or unlinked.
    pub child: String,
    /// Its column.
    pub column: String,
    /// The referenced table.
    pub parent: String,
    /// Its referenced column.
    pub parent_column: String,
    /// Whether child rows are deleted; otherwise the column becomes null.
    pub deletes: bool,
}
