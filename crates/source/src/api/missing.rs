//! Records that were seen and are missing: gone, if everything says so.

use std::collections::HashSet;

use tokio::time::Instant;

use super::{
    compare,
    list_state::Scan,
    poller::SourceError,
    reading::{KEYS, TELL, hash},
    scanner::{ApiScanner, LATE},
};

/// More than so many missing at once is not believed at once.
const MANY: usize = 20;
/// So many are looked for by their own address after one reading; the next one shows the others.
const MOST: usize = 2000;

impl ApiScanner<'_> {
    /// Of what is missing in a whole reading, finds out what is gone: its own address must say so, where
    /// that of a record that was just read does not. Much that is missing, or all, must be so for a while: a
    /// table that is being restored is empty too.
    pub async fn missing(&mut self, place: usize, scan: &Scan) -> Result<(), SourceError> {
        let missing = self.not_in(place, scan, MOST).await?;
        if missing.is_empty() {
            self.lists[place].suspected = None;
            return Ok(());
        }
        let is_much = missing.len() > if scan.example.is_none() { 1 } else { MANY };
        if is_much && !self.is_so_for_long(place) {
            return Ok(());
        }
        let name = self.lists[place].resource.name.clone();
        let (mut gone, mut there) = (vec![], 0);
        for key in missing {
            match self.client.one(&name, &key).await {
                Ok(Some(record)) => {
                    self.take(place, vec![record]).await?;
                    there += 1;
                }
                Ok(None) => gone.push(key),
                Err(error) if error.is_of_one_list() => {
                    tracing::warn!(list = name, key, %error, "whether a record is gone can't be seen; the others go on");
                }
                Err(error) => return Err(error.into()),
            }
            if there > MANY {
                // The reading was not whole after all.
                return Ok(());
            }
        }
        if let Some(example) = &scan.example
            && !gone.is_empty()
            && self.client.one(&name, example).await?.is_none()
        {
            // Where nothing is found by its own address, that says nothing.
            return Ok(());
        }
        for key in gone {
            let list = &self.lists[place];
            let seen = self.poller.store.seen(self.poller.source.id, &list.resource.model, vec![key]);
            let seen = seen.await.map_err(SourceError::ours)?;
            self.diffs.extend(seen.into_iter().map(|seen| compare::gone(list, seen)));
            if self.diffs.len() >= TELL {
                self.flush().await?;
            }
        }
        Ok(())
    }

    fn is_so_for_long(&mut self, place: usize) -> bool {
        let long = LATE.min(self.poller.options.changes_every);
        let now = Instant::now();
        match self.lists[place].suspected {
            Some(since) => now.duration_since(since) >= long,
            None => {
                self.lists[place].suspected = Some(now);
                false
            }
        }
    }

    /// Keys that were seen and are not in a reading.
    async fn not_in(&self, place: usize, scan: &Scan, most: usize) -> Result<Vec<String>, SourceError> {
        let model = &self.lists[place].resource.model;
        let told: HashSet<&String> = self
            .diffs
            .iter()
            .map(|diff| &diff.snapshot)
            .filter(|snapshot| snapshot.model == *model)
            .map(|snapshot| &snapshot.key)
            .collect();
        let (mut missing, mut after) = (vec![], None);
        while missing.len() < most {
            let (source, since) = (self.poller.source.id, scan.since.clone());
            let page = self
                .poller
                .store
                .seen_keys(source, model, since, after.take(), KEYS)
                .await
                .map_err(SourceError::ours)?;
            let Some(last) = page.last().cloned() else { break };
            after = Some(last);
            let is_missing = |key: &String| !scan.keys.contains(&hash(key)) && !told.contains(key);
            missing.extend(page.into_iter().filter(is_missing));
        }
        Ok(missing)
    }
}
