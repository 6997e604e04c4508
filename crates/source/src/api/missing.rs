//! Decides which missing records were deleted.

use std::collections::HashSet;

use super::{
    compare,
    list_state::{LATE_MS, ListState, Scan},
    record_reader::{KEYS, RecordReader, TELL, hash},
    source_error::SourceError,
};

/// More missing records than this must persist before they count as deleted.
const MANY: usize = 20;
/// Records checked by id after one scan; the next scan checks the others.
const MOST: usize = 2000;

impl RecordReader {
    /// Finds the deleted records after a complete scan. A record counts as deleted when the scan misses it and GET by
    /// id answers 404, while it finds a record just read. A mass disappearance, or an empty list, must also persist: a
    /// table that is being restored is empty too.
    pub async fn missing(&mut self, list: &mut ListState, scan: &Scan) -> Result<(), SourceError> {
        let missing = self.not_in(list, scan, MOST).await?;
        if missing.is_empty() {
            list.suspected = None;
            return Ok(());
        }
        let is_much = missing.len() > if scan.example.is_none() { 1 } else { MANY };
        let long_ms = LATE_MS.min(self.options.changes_every.as_millis() as i64);
        if is_much && !list.is_missing_for(long_ms, self.now()) {
            return Ok(());
        }
        let Some(gone) = self.gone_of(list, missing).await? else { return Ok(()) };
        if let Some(example) = &scan.example
            && !gone.is_empty()
            && self.client.one(&list.resource.name, example).await?.is_none()
        {
            // If GET by id finds nothing at all, its answers prove nothing.
            return Ok(());
        }
        for key in gone {
            let seen = self.seen.records(&list.resource.model, vec![key]).await?;
            self.diffs.extend(seen.into_iter().map(|seen| compare::gone(list, seen)));
            if self.diffs.len() >= TELL {
                self.flush().await?;
            }
        }
        Ok(())
    }

    /// Which of these keys were deleted according to GET by id; `None` if the scan turns out to be incomplete.
    async fn gone_of(
        &mut self,
        list: &mut ListState,
        missing: Vec<String>,
    ) -> Result<Option<Vec<String>>, SourceError> {
        let name = list.resource.name.clone();
        let (mut gone, mut there) = (vec![], 0);
        for key in missing {
            match self.client.one(&name, &key).await {
                Ok(Some(record)) => {
                    self.take(list, vec![record]).await?;
                    there += 1;
                }
                Ok(None) => gone.push(key),
                Err(error) if error.is_of_one_list() => {
                    tracing::warn!(list = name, key, %error, "can't check whether a record was deleted; skipped");
                }
                Err(error) => return Err(error.into()),
            }
            if there > MANY {
                return Ok(None);
            }
        }
        Ok(Some(gone))
    }

    /// Keys of snapshots that a scan did not find.
    async fn not_in(&self, list: &ListState, scan: &Scan, most: usize) -> Result<Vec<String>, SourceError> {
        let model = &list.resource.model;
        let of_model = self.diffs.iter().map(|diff| &diff.snapshot).filter(|snapshot| snapshot.model == *model);
        let reported: HashSet<&String> = of_model.map(|snapshot| &snapshot.key).collect();
        let (mut missing, mut after) = (vec![], None);
        while missing.len() < most {
            let page = self.seen.keys(model, scan.since.clone(), after.take(), KEYS).await?;
            let Some(last) = page.last().cloned() else { break };
            after = Some(last);
            let is_missing = |key: &String| !scan.keys.contains(&hash(key)) && !reported.contains(key);
            missing.extend(page.into_iter().filter(is_missing));
        }
        Ok(missing)
    }
}
