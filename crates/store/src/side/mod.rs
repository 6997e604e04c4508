//! The interface of a database that is copied, of either kind.

pub(crate) mod table;
pub(crate) mod value;

use async_trait::async_trait;

use table::CopiedTable;
use value::{Row, Value};

/// A source or target of a copy.
#[async_trait]
pub(crate) trait Side: Send {
    /// Whether a server uses it.
    async fn is_in_use(&mut self) -> Result<bool, String>;
    /// Number of rows to copy from a table.
    async fn count(&mut self, table: &'static CopiedTable) -> Result<u64, String>;
    /// Starts reading a table after this key.
    async fn open(&mut self, table: &'static CopiedTable, after: Option<Vec<Value>>) -> Result<(), String>;
    /// The next rows in key order; empty at the end.
    async fn next(&mut self, limit: usize) -> Result<Vec<Row>, String>;
    /// The greatest key of a table.
    async fn last_key(&mut self, table: &'static CopiedTable) -> Result<Option<Vec<Value>>, String>;
    /// Inserts missing rows.
    async fn write(&mut self, table: &'static CopiedTable, rows: Vec<Row>) -> Result<(), String>;
    /// Whether it is marked as incomplete.
    async fn is_marked(&mut self) -> Result<bool, String>;
    /// Marks it as incomplete, so that no server uses it; or removes the mark.
    async fn mark(&mut self, is_whole: bool) -> Result<(), String>;
}
