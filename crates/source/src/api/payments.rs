//! A payment changes its receipt, which changes its invoice: both are read at once, whatever their date.

use std::collections::{HashMap, HashSet};

use super::{list_state::ListState, record_reader::RecordReader, source_error::SourceError};
use crate::key::key_text;

/// A payment may appear before its receipt: total number of polls.
const FOLLOW: u8 = 2;
/// Models of payments, with those of their receipts and invoices.
const PAYMENTS: [(&str, &str, &str); 2] =
    [("PagoCliente", "ReciboCliente", "FacturaCliente"), ("PagoProveedor", "ReciboProveedor", "FacturaProveedor")];

/// Receipts of found payments, and how often to read them again.
#[derive(Debug, Default)]
pub(super) struct FollowedPayments(HashMap<(&'static str, String), u8>);

impl FollowedPayments {
    /// Reads the receipts and invoices of recently found payments.
    pub async fn follow(&mut self, reader: &mut RecordReader, lists: &mut [ListState]) -> Result<(), SourceError> {
        for (payment, receipt, _) in PAYMENTS {
            for key in found(reader, payment, "idrecibo") {
                self.0.insert((receipt, key), FOLLOW);
            }
        }
        let due: Vec<(&'static str, String)> = self.0.keys().cloned().collect();
        for (receipt, key) in due {
            let invoice = read_again(reader, lists, receipt, &key, "idfactura").await?;
            let model = PAYMENTS.iter().find(|(_, of, _)| *of == receipt).map(|(_, _, invoice)| *invoice);
            if let (Some(model), Some(invoice)) = (model, invoice) {
                read_again(reader, lists, model, &invoice, "").await?;
            }
            if let Some(left) = self.0.get_mut(&(receipt, key.clone())) {
                *left -= 1;
                if *left == 0 {
                    self.0.remove(&(receipt, key));
                }
            }
        }
        Ok(())
    }
}

/// Values of a column in a model's found records that are not reported yet.
fn found(reader: &RecordReader, model: &str, column: &str) -> HashSet<String> {
    let of = reader.diffs.iter().filter(|diff| diff.snapshot.model == model && diff.change.is_some());
    of.filter_map(|diff| diff.snapshot.seen.as_ref()?.record.get(column).map(key_text)).collect()
}

/// Reads one record by id; returns its value of a column.
async fn read_again(
    reader: &mut RecordReader,
    lists: &mut [ListState],
    model: &str,
    key: &str,
    column: &str,
) -> Result<Option<String>, SourceError> {
    let Some(list) = lists.iter_mut().find(|list| list.known && list.resource.model == model) else { return Ok(None) };
    let Some(record) = reader.client.one(&list.resource.name, key).await? else { return Ok(None) };
    let text = record.get(column).map(key_text);
    reader.take(list, vec![record]).await?;
    Ok(text)
}
