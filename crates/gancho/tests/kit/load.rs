//! What the ERP's REST API would show of a database.

use gancho_facturascripts::columns::{self, Kind, Table};
use gancho_model::Record;
use gancho_testkit::{Database, DatabaseClient, Engine, ErpApi};
use serde_json::Value;

/// Shows the database as it is now.
pub async fn show(database: &Database, erp: &ErpApi) {
    let mut client = database.client().await;
    let mut tables = vec![];
    for table in columns::tables() {
        tables.push((table.model, records(&mut client, table).await));
    }
    client.close().await;
    erp.fill(tables);
}

async fn records(client: &mut DatabaseClient, table: &Table) -> Vec<Record> {
    let engine = match client {
        DatabaseClient::MariaDb(_) => Engine::MariaDb,
        DatabaseClient::Postgres(_) => Engine::Postgres,
    };
    let select = match engine {
        Engine::MariaDb => {
            let pairs: Vec<String> = table.columns.keys().map(|name| format!("'{name}', `{name}`")).collect();
            format!("SELECT CONVERT(JSON_OBJECT({}) USING utf8mb4) FROM {}", pairs.join(", "), table.name)
        }
        Engine::Postgres => format!("SELECT row_to_json(t)::text FROM {} AS t", table.name),
    };
    client.texts(&select).await.iter().map(|text| record(table, text)).collect()
}

fn record(table: &Table, text: &str) -> Record {
    let record: Record = serde_json::from_str(text).expect("a record");
    let value = |(name, value): (String, Value)| {
        let value = match (table.columns.get(name.as_str()), &value) {
            (Some(Kind::Bool), Value::Number(flag)) => Value::Bool(flag.as_i64() != Some(0)),
            (Some(Kind::Timestamp), Value::String(at)) => {
                Value::from(at.replace('T', " ").split('.').next().unwrap_or_default())
            }
            _ => value,
        };
        (name, value)
    };
    record.into_iter().filter(|(name, _)| table.columns.contains_key(name.as_str())).map(value).collect()
}
