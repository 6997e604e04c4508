//! Reads current records on a user's request.

use std::collections::HashMap;

use gancho_facturascripts::{catalogue, columns::Kind, resource::Resource, shape::Shape};
use gancho_model::{Message, Record, Source};
use gancho_service::RecordPage;
use serde_json::Value;

use super::{ApiError, ErpClient, PageCursor, poller::client};
use crate::key::key_text;

/// Requests per second while a user waits.
const PER_S: u32 = 10;
/// Lines per page.
const PAGE: u32 = 500;

/// The record of a model with this key, a document with its lines; `None` if the ERP has none.
pub(crate) async fn read_record(source: &Source, model: &str, key: &str) -> Result<Option<Record>, Message> {
    let mut reader = Reader::new(source, model)?;
    let read = async {
        let found = reader.client.one(&reader.resource.name, key).await?;
        // The ERP may answer with another record, for example for an invalid key.
        let own = found.filter(|record| record.get(&reader.resource.key).map(key_text).as_deref() == Some(key));
        reader.whole(own.into_iter().collect()).await
    };
    let read: Result<_, ApiError> = read.await;
    Ok(read.map_err(|error| error.message())?.into_iter().next().map(|(_, record)| record))
}

/// The next records of a model in key order.
pub(crate) async fn read_records(source: &Source, page: &RecordPage) -> Result<Vec<(String, Record)>, Message> {
    let mut reader = Reader::new(source, &page.model)?;
    let mut cursor = PageCursor::new(&reader.resource.name, &reader.resource.key);
    if let Some(after) = &page.after {
        cursor = cursor.beyond(after);
    }
    if let Some((column, day)) = reader.resource.day.or(reader.resource.born).zip(page.since.as_ref()) {
        cursor = cursor.only(&format!("{column}_gte"), day);
    }
    let read = async {
        let rows = cursor.page(&mut reader.client, page.limit).await?;
        reader.whole(rows).await
    };
    let read: Result<_, ApiError> = read.await;
    read.map_err(|error| error.message())
}

/// Reads records of one model.
struct Reader {
    client: ErpClient,
    shape: Shape,
    resource: Resource,
}

impl Reader {
    fn new(source: &Source, model: &str) -> Result<Self, Message> {
        let ours = |error: &dyn std::fmt::Display| Message::new("hearing-ours").with("why", error.to_string());
        let shape = Shape::new(&source.time_zone).map_err(|error| ours(&error))?;
        Ok(Self { client: client(source, PER_S)?, shape, resource: Resource::of(model) })
    }

    /// Normalized records with their keys, documents with their lines.
    async fn whole(&mut self, rows: Vec<Record>) -> Result<Vec<(String, Record)>, ApiError> {
        if rows.is_empty() {
            return Ok(vec![]);
        }
        let mut whole = vec![];
        let kinds = self.kinds(&self.resource.name.clone()).await?;
        for mut row in rows {
            let Some(key) = row.get(&self.resource.key).map(key_text) else { continue };
            if let Some(lines) = self.lines(&key).await? {
                row.insert("lines".into(), lines);
            }
            whole.push((key, self.shape.record(&self.resource.model, row, |column| kinds.get(column).copied())));
        }
        Ok(whole)
    }

    /// A document's lines; `None` for models without lines.
    async fn lines(&mut self, document: &str) -> Result<Option<Value>, ApiError> {
        let Some(list) = self.resource.lines.clone() else { return Ok(None) };
        let kinds = self.kinds(&list).await?;
        let model = catalogue::find(&self.resource.model).and_then(|model| model.lines).unwrap_or_default();
        let column = self.resource.key.clone();
        let found = PageCursor::new(&list, "idlinea").only(&column, document).all(&mut self.client, PAGE).await?;
        let own = found.into_iter().filter(|line| line.get(&column).map(key_text).as_deref() == Some(document));
        let shaped = own.map(|line| Value::Object(self.shape.record(model, line, |column| kinds.get(column).copied())));
        Ok(Some(shaped.collect()))
    }

    async fn kinds(&mut self, list: &str) -> Result<HashMap<String, Kind>, ApiError> {
        let types = self.client.types(list).await?;
        Ok(types.into_iter().map(|(column, name)| (column, Kind::of_database(&name))).collect())
    }
}
