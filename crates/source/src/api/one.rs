//! One record as it is now, for a person who asks for it.

use std::collections::HashMap;

use gancho_facturascripts::{columns::Kind, resource::Resource, shape::Shape};
use gancho_model::{Message, Record, Source};
use serde_json::Value;

use super::{ApiError, ErpClient, PageCursor, poller::client};
use crate::key::key_text;

/// Questions a second while a person waits.
const PER_S: u32 = 10;
/// Lines on a page.
const PAGE: u32 = 500;

/// The record of a model with this key, a document with its lines; nothing if the ERP has none.
pub(crate) async fn read_record(source: &Source, model: &str, key: &str) -> Result<Option<Record>, Message> {
    let shape =
        Shape::new(&source.time_zone).map_err(|error| Message::new("hearing-ours").with("why", error.to_string()))?;
    let mut client = client(source, PER_S)?;
    read(&mut client, &shape, &Resource::of(model), key).await.map_err(|error| error.message())
}

async fn read(
    client: &mut ErpClient,
    shape: &Shape,
    resource: &Resource,
    key: &str,
) -> Result<Option<Record>, ApiError> {
    let Some(mut record) = client.one(&resource.name, key).await? else { return Ok(None) };
    // The address of one record may be answered by another's, such as for a key that is none.
    if record.get(&resource.key).map(key_text).as_deref() != Some(key) {
        return Ok(None);
    }
    if let Some(lines) = &resource.lines {
        let kinds = kinds(client, lines).await?;
        let cursor = PageCursor::new(lines, "idlinea").only(&resource.key, key);
        let model =
            gancho_facturascripts::catalogue::find(&resource.model).and_then(|model| model.lines).unwrap_or_default();
        let found = cursor.all(client, PAGE).await?;
        let own = found.into_iter().filter(|line| line.get(&resource.key).map(key_text).as_deref() == Some(key));
        let shaped = own.map(|line| Value::Object(shape.record(model, line, |column| kinds.get(column).copied())));
        record.insert("lines".into(), shaped.collect());
    }
    let kinds = kinds(client, &resource.name).await?;
    Ok(Some(shape.record(&resource.model, record, |column| kinds.get(column).copied())))
}

async fn kinds(client: &mut ErpClient, resource: &str) -> Result<HashMap<String, Kind>, ApiError> {
    let types = client.types(resource).await?;
    Ok(types.into_iter().map(|(column, name)| (column, Kind::of_database(&name))).collect())
}
