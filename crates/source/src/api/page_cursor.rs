//! Reads a list page by page in key order. Offsets would skip or repeat records when others are inserted or deleted.

use gancho_model::Record;

use super::{ApiError, ErpClient};
use crate::key::key_text;

/// A hundredth of the rest may disappear between two pages of a long list, because users keep working.
const VANISH: u64 = 100;

/// The position in a list. A failed page is requested again by the next call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PageCursor {
    list: String,
    key: String,
    filter: Vec<(String, String)>,
    after: Option<String>,
    /// Records expected after the previous page, as the ERP reported.
    left: Option<u64>,
    /// Whether every page was as complete as reported. Only then may missing records be deleted ones.
    pub whole: bool,
    /// Whether the end was reached.
    pub ended: bool,
}

impl PageCursor {
    /// Reads a list by its key.
    pub fn new(list: &str, key: &str) -> Self {
        let (list, key) = (list.to_owned(), key.to_owned());
        Self { list, key, filter: vec![], after: None, left: None, whole: true, ended: false }
    }

    /// Filters by a column: `("fecha_gte", "2026-08-27")`.
    #[must_use]
    pub fn only(mut self, condition: &str, value: impl Into<String>) -> Self {
        self.filter.push((format!("filter[{condition}]"), value.into()));
        self
    }

    /// Only records with greater keys.
    #[must_use]
    pub fn beyond(mut self, key: impl Into<String>) -> Self {
        self.after = Some(key.into());
        self
    }

    /// The next page, of at most this many records.
    pub async fn page(&mut self, client: &mut ErpClient, rows: u32) -> Result<Vec<Record>, ApiError> {
        let mut query = self.filter.clone();
        if let Some(after) = &self.after {
            query.push((format!("filter[{}_gt]", self.key), after.clone()));
        }
        query.push((format!("sort[{}]", self.key), "ASC".into()));
        query.push(("limit".into(), rows.to_string()));
        let page = client.list(&self.list, &query).await?;
        Ok(self.note(page.rows, page.total, u64::from(rows)))
    }

    /// The whole list.
    pub async fn all(mut self, client: &mut ErpClient, rows: u32) -> Result<Vec<Record>, ApiError> {
        let mut all = vec![];
        while !self.ended {
            all.extend(self.page(client, rows).await?);
        }
        Ok(all)
    }

    fn note(&mut self, rows: Vec<Record>, total: Option<u64>, asked: u64) -> Vec<Record> {
        let count = rows.len() as u64;
        let last = rows.last().and_then(|row| row.get(&self.key)).map(key_text);
        let goes_on = last.is_some() && last != self.after && !self.repeats(&rows);
        match total {
            Some(total) => {
                // A filter that causes invalid SQL yields an empty list with a total of 0.
                let vanished = self.left.is_some_and(|left| total + left / VANISH < left);
                self.whole &= count == total.min(asked) && !vanished && (goes_on || count == 0);
                self.ended = count >= total || !goes_on;
                self.left = Some(total.saturating_sub(count));
            }
            None => {
                // Older versions don't report the total: nothing ever counts as deleted there.
                self.whole = false;
                self.ended = count < asked || !goes_on;
            }
        }
        self.after = last.or_else(|| self.after.take());
        if goes_on { rows } else { vec![] }
    }

    /// Whether the list ignores the cursor and restarts from the beginning.
    fn repeats(&self, rows: &[Record]) -> bool {
        let first = rows.first().and_then(|row| row.get(&self.key)).map(key_text);
        match (&self.after, first) {
            (Some(after), Some(first)) => match (after.parse::<u64>(), first.parse::<u64>()) {
                (Ok(after), Ok(first)) if rows[0].get(&self.key).is_some_and(serde_json::Value::is_u64) => {
                    first <= after
                }
                _ => *after == first,
            },
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rows(keys: impl IntoIterator<Item = u64>) -> Vec<Record> {
        keys.into_iter().map(|key| json!({"id": key}).as_object().cloned().expect("an object")).collect()
    }

    fn cursor(pages: &[(Vec<Record>, Option<u64>)]) -> (usize, PageCursor) {
        let mut cursor = PageCursor::new("things", "id");
        let read = pages.iter().map(|(rows, total)| cursor.note(rows.clone(), *total, 3).len()).sum();
        (read, cursor)
    }

    #[test]
    fn pages_that_fit_together_are_a_whole() {
        let (read, whole) = cursor(&[(rows(1..=3), Some(5)), (rows(4..=5), Some(2))]);
        assert_eq!((read, whole.whole, whole.ended), (5, true, true));
        let (_, grown) = cursor(&[(rows(1..=3), Some(4)), (rows(4..=5), Some(2))]);
        assert!(grown.whole, "one more came meanwhile");
        let (_, empty) = cursor(&[(vec![], Some(0))]);
        assert!(empty.whole && empty.ended);
    }

    #[test]
    fn whatever_does_not_fit_is_no_whole() {
        let cut = cursor(&[(rows(1..=2), Some(5))]).1;
        assert_eq!((cut.whole, cut.ended), (false, false));
        let broken_filter = cursor(&[(rows(1..=3), Some(5)), (vec![], Some(0))]).1;
        assert_eq!((broken_filter.whole, broken_filter.ended), (false, true));
        let (read, deaf) = cursor(&[(rows(1..=3), Some(5)), (rows(1..=3), Some(5))]);
        assert_eq!((read, deaf.whole, deaf.ended), (3, false, true), "it starts again: nothing is read twice");
        let silent = cursor(&[(rows(1..=2), None)]).1;
        assert_eq!((silent.whole, silent.ended), (false, true));
    }
}
