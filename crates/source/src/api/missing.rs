//! Records that were seen and are missing: gone, if everything says so.

use tokio::time::Instant;

use super::{
    compare,
    poller::Cut,
    reading::TELL,
    round::{Asker, LATE},
    watched::Pass,
};

/// More than so many missing at once is not believed at once.
const MANY: usize = 20;
/// So many are looked for by their own address after one reading; the next one shows the others.
const MOST: usize = 2000;

impl Asker<'_> {
    /// Of what is missing in a whole reading, finds out what is gone: its own address must say so, where
    /// that of a record that was just read does not. Much that is missing, or all, must be so for a while: a
    /// table that is being restored is empty too.
    pub async fn missing(&mut self, place: usize, pass: &Pass) -> Result<(), Cut> {
        let missing = self.not_in(place, pass, MOST).await?;
        if missing.is_empty() {
            self.lists[place].suspected = None;
            return Ok(());
        }
        let is_much = missing.len() > if pass.example.is_none() { 1 } else { MANY };
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
        if let Some(example) = &pass.example
            && !gone.is_empty()
            && self.client.one(&name, example).await?.is_none()
        {
            // Where nothing is found by its own address, that says nothing.
            return Ok(());
        }
        for key in gone {
            let list = &self.lists[place];
            let seen = self.poller.store.seen(self.poller.source.id, &list.resource.model, vec![key]);
            let seen = seen.await.map_err(Cut::ours)?;
            self.news.extend(seen.into_iter().map(|seen| compare::gone(list, seen)));
            if self.news.len() >= TELL {
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
}
