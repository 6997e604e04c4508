//! What the ERP's database looks like, as it says itself.

use std::collections::BTreeMap;

/// Tables by name, and what a deletion takes along.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Schema {
    /// By name.
    pub tables: BTreeMap<String, Table>,
    /// Foreign keys that delete or unlink rows.
    pub links: Vec<Link>,
    /// Whether some tables could not be looked at, so that what is not here may be there all the same.
    pub is_partial: bool,
}

/// A table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// Columns in their order, each with the engine's name of its type.
    pub columns: Vec<(String, String)>,
    /// The columns of the primary key.
    pub key: Vec<String>,
    /// The column whose numbers the database gives.
    pub counted: Option<String>,
    /// Columns that are not captured, because a trigger does not see what is in them.
    pub left_out: Vec<String>,
}

impl Table {
    /// A virtual column that is computed from the number which the database gives is not known when MariaDB's trigger
    /// for a new row runs.
    pub fn leave_out_if_counted(&mut self, column: &str, expression: &str) {
        let Some(counted) = &self.counted else { return };
        if expression.contains(&format!("`{counted}`")) {
            self.columns.retain(|(name, _)| name != column);
            self.left_out.push(column.to_owned());
        }
    }

    /// By which column a row is known: the primary key's only one, or the one of these that the ERP's own key is.
    /// A partitioned table has the column in its key by which it is partitioned.
    pub fn row_key(&self, known: Option<&str>) -> Option<&str> {
        match &self.key[..] {
            [only] => Some(only),
            several => several.iter().map(String::as_str).find(|column| known == Some(column)),
        }
    }
}

/// A foreign key that acts when its parent goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The table whose rows are deleted or unlinked.
    pub child: String,
    /// Its column.
    pub column: String,
    /// The table that they hang on.
    pub parent: String,
    /// The column there.
    pub parent_column: String,
    /// Whether the child goes too; else its column becomes null.
    pub deletes: bool,
}
