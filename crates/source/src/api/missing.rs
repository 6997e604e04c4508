//! Records that were seen and are missing: gone, if everything says so.

use std::collections::HashSet;

use super::{
    compare,
    list_state::{LATE_MS, ListState, Scan},
    record_reader::{KEYS, RecordReader, TELL, hash},
    source_error::SourceError,
};

/// More than so many missing at once is not believed at once.
const MANY: usize = 20;
/// So many are looked for by their own address after one reading; the next one shows the others.
const MOST: usize = 2000;

impl RecordReader {
    /// Of what is missing in a whole reading, finds out what is gone: its own address must say so, where
    /// that of a record that was just read does not. Much that is missing, or all, must be so for a while: a
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
            // Where nothing is found by its own address, that says nothing.
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

    /// Which of these keys are gone, as their own addresses say; nothing where the scan was not whole after all.
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
                    tracing::warn!(list = name, key, %error, "whether a record is gone can't be seen; the others go on");
                }
                Err(error) => return Err(error.into()),
            }
            if there > MANY {
                return Ok(None);
            }
        }
        Ok(Some(gone))
    }

    /// Keys that were seen and are not in a scan.
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
