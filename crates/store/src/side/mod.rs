//! What copying asks of a database, whichever kind it is.

pub(crate) mod table;
pub(crate) mod value;

use async_trait::async_trait;

use table::CopiedTable;
use value::{Row, Value};

/// A database that is copied, or copied into.
#[async_trait]
pub(crate) trait Side: Send {
    /// Whether a server works on it.
    async fn is_in_use(&mut self) -> Result<bool, String>;
    /// How many rows of a table are copied.
    async fn count(&mut self, table: &'static CopiedTable) -> Result<u64, String>;
    /// Begins to read a table, after this key.
    async fn open(&mut self, table: &'static CopiedTable, after: Option<Vec<Value>>) -> Result<(), String>;
    /// The next rows, by their keys; none at the end.
    async fn next(&mut self, limit: usize) -> Result<Vec<Row>, String>;
    /// The greatest key of a table.
    async fn last_key(&mut self, table: &'static CopiedTable) -> Result<Option<Vec<Value>>, String>;
    /// Writes rows that are not there.
    async fn write(&mut self, table: &'static CopiedTable, rows: Vec<Row>) -> Result<(), String>;
    /// Whether it was marked as not whole.
    async fn is_marked(&mut self) -> Result<bool, String>;
    /// Marks it as not whole, so that no server works on it; or takes that away.
    async fn mark(&mut self, is_whole: bool) -> Result<(), String>;
}
