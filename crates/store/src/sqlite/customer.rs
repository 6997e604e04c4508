//! Customer data beyond their codes.

use gancho_model::{Customers, SourceId};
use rusqlite::{Connection, OptionalExtension, params};

use super::rows;
use crate::{CustomerUpdate, StoreError};

/// The known customers among these.
pub(super) fn find_customers(db: &Connection, wanted: &[(SourceId, String)]) -> Result<Customers, StoreError> {
    let mut select = db.prepare_cached("SELECT known FROM customers WHERE source = ?1 AND code = ?2")?;
    let mut found = Customers::new();
    for (source, code) in wanted {
        let known: Option<String> = select.query_row(params![source.bytes(), code], |row| row.get(0)).optional()?;
        if let Some(known) = known {
            found.insert((*source, code.clone()), rows::from_json(&known)?);
        }
    }
    Ok(found)
}

/// Stores and removes customers.
pub(super) fn update(db: &Connection, updates: &[CustomerUpdate]) -> Result<(), StoreError> {
    for CustomerUpdate { source, code, customer } in updates {
        match customer {
            Some(customer) => {
                let upsert = "INSERT INTO customers (source, code, known) VALUES (?1, ?2, ?3) \
                    ON CONFLICT DO UPDATE SET known = excluded.known WHERE known <> excluded.known";
                db.prepare_cached(upsert)?.execute(params![source.bytes(), code, rows::to_json(customer)])?
            }
            None => {
                let forget = "DELETE FROM customers WHERE source = ?1 AND code = ?2";
                db.prepare_cached(forget)?.execute(params![source.bytes(), code])?
            }
        };
    }
    Ok(())
}

/// Removes all customers of a source.
pub(super) fn forget(db: &Connection, source: SourceId) -> Result<(), StoreError> {
    db.execute("DELETE FROM customers WHERE source = ?1", [source.bytes()])?;
    Ok(())
}
