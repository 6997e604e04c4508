//! Customer data beyond their codes.

use gancho_model::{Customers, SourceId};

use super::{Db, rows};
use crate::{CustomerUpdate, StoreError};

/// The known customers among these.
pub(super) async fn find_customers(db: &mut Db, wanted: &[(SourceId, String)]) -> Result<Customers, StoreError> {
    let mut found = Customers::new();
    for (source, code) in wanted {
        let select = "SELECT known FROM customers WHERE source = $1 AND code = $2";
        if let Some(known) = scalar!(db, String, select, source.bytes().as_slice(), rows::storable(code)) {
            found.insert((*source, code.clone()), rows::from_json(&known)?);
        }
    }
    Ok(found)
}

/// Stores and removes customers.
pub(super) async fn update(db: &mut Db, updates: &[CustomerUpdate]) -> Result<(), StoreError> {
    for CustomerUpdate { source, code, customer } in updates {
        let (source, code) = (source.bytes().as_slice(), rows::storable(code));
        match customer {
            Some(customer) => {
                let upsert = "INSERT INTO customers (source, code, known) VALUES ($1, $2, $3) \
                    ON CONFLICT (source, code) DO UPDATE SET known = excluded.known WHERE customers.known <> excluded.known";
                run!(db, upsert, source, code, rows::to_json(customer))
            }
            None => run!(db, "DELETE FROM customers WHERE source = $1 AND code = $2", source, code),
        };
    }
    Ok(())
}

/// Removes all customers of a source.
pub(super) async fn forget(db: &mut Db, source: SourceId) -> Result<(), StoreError> {
    run!(db, "DELETE FROM customers WHERE source = $1", source.bytes().as_slice());
    Ok(())
}
