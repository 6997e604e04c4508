//! Customer data that endpoints include beside a customer's code.

use std::collections::BTreeSet;

use gancho_facturascripts::{columns, shape::Shape};
use gancho_model::{
    CUSTOMER_MODEL, Change, Customer, Customers, Include, Operation, Record, SourceId, customer_of_body,
};
use gancho_store::{CustomerUpdate, EndpointSnapshot, Store, StoreError, Submission};

use crate::Intake;

impl Intake {
    /// The customer codes in changes, for a source to read their records; empty if no endpoint includes customers.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn wanted_customers(&self, changes: &[Change]) -> Result<BTreeSet<String>, StoreError> {
        if !self.store.endpoint_snapshot().await?.includes(Include::Customer) {
            return Ok(BTreeSet::new());
        }
        Ok(changes.iter().filter_map(Change::customer_code).map(ToOwned::to_owned).collect())
    }
}

/// Parses a source's customer records.
pub(crate) fn read(source: SourceId, records: Vec<(String, Record)>) -> Vec<CustomerUpdate> {
    let update =
        |(code, record): (String, Record)| CustomerUpdate { source, code, customer: Some(Customer::of(&record)) };
    records.into_iter().map(update).collect()
}

/// The customer update in a change of a customer's record, if it is one; the model may be given as a table's name.
pub(crate) fn learned(source: SourceId, change: &Change, shape: &Shape) -> Option<CustomerUpdate> {
    let model = columns::find(&change.row.model).map_or(change.row.model.as_str(), |table| table.model);
    if model != CUSTOMER_MODEL {
        return None;
    }
    let customer = match change.operation {
        Operation::Delete => None,
        _ => Some(Customer::of(&shape.record(CUSTOMER_MODEL, change.after.clone()?, |_| None))),
    };
    Some(CustomerUpdate { source, code: change.row.key.clone(), customer })
}

/// The known customers of a submission's events, if an endpoint includes them: from the submission itself, or stored
/// before.
pub(crate) async fn known(
    store: &dyn Store,
    submission: &Submission,
    endpoints: &EndpointSnapshot,
) -> Result<Customers, StoreError> {
    if !endpoints.includes(Include::Customer) {
        return Ok(Customers::new());
    }
    let of_event = |new: &gancho_store::NewEvent| new.event.source.zip(customer_of_body(&new.event.body));
    let wanted: BTreeSet<(SourceId, String)> = submission.events.iter().filter_map(of_event).collect();
    let mut known = store.customers(wanted.into_iter().collect()).await?;
    for update in &submission.customers {
        let name = (update.source, update.code.clone());
        match &update.customer {
            Some(customer) => drop(known.insert(name, customer.clone())),
            None => drop(known.remove(&name)),
        }
    }
    Ok(known)
}
