//! What endpoints have put beside a customer's code.

use std::collections::BTreeSet;

use gancho_facturascripts::{columns, shape::Shape};
use gancho_model::{
    CUSTOMER_MODEL, Change, Customer, Customers, Include, Operation, Record, SourceId, customer_of_body,
};
use gancho_store::{CustomerUpdate, EndpointSnapshot, Store, StoreError, Submission};

use crate::Intake;

impl Intake {
    /// The codes of the customers whom changes are about, for a source to read what is known of them; none where no
    /// endpoint asks for it.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn wanted_customers(&self, changes: &[Change]) -> Result<BTreeSet<String>, StoreError> {
        if !self.store.endpoint_snapshot().await?.includes(Include::Customer) {
            return Ok(BTreeSet::new());
        }
        Ok(changes.iter().filter_map(Change::customer_code).map(ToOwned::to_owned).collect())
    }
}

/// What a source's records of customers say.
pub(crate) fn read(source: SourceId, records: Vec<(String, Record)>) -> Vec<CustomerUpdate> {
    let update =
        |(code, record): (String, Record)| CustomerUpdate { source, code, customer: Some(Customer::of(&record)) };
    records.into_iter().map(update).collect()
}

/// What a change, as it came, teaches of a customer, if it is about one; a table's name stands for its model.
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

/// What is known of the customers whom a submission's events are about, where an endpoint asks for it: by the submission
/// itself, or before.
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
