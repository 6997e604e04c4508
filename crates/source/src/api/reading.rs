//! Records that were read are compared, told and kept.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    hash::{DefaultHasher, Hash, Hasher},
};

use gancho_model::{ObjectKey, Record};
use gancho_store::Seen;
use tokio::time::Instant;

use super::{
    Walk,
    compare::{self, News},
    poller::Cut,
    round::Asker,
    watched::{Watched, Why},
};

/// Found changes told together.
const TELL: usize = 500;
/// Keys looked up together.
const KEYS: u32 = 1000;
/// Documents whose numbers are at most so far apart have their lines read together.
const GAP: u64 = 20;

/// Keys are remembered by a hash.
pub(crate) fn hash(key: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}

impl Asker<'_> {
    /// Goes on with a long reading, so many pages.
    pub async fn slice(&mut self, place: usize, pages: u32) -> Result<(), Cut> {
        for _ in 0..pages {
            let Some(mut pass) = self.lists[place].pass.take() else { return Ok(()) };
            let before = pass.walk.clone();
            let read = pass.walk.page(&mut self.client, self.poller.options.page_rows).await;
            let rows = match read {
                Ok(rows) => rows,
                Err(error) => {
                    self.lists[place].pass = Some(pass);
                    return Err(error.into());
                }
            };
            for key in rows.iter().filter_map(|row| self.lists[place].key_of(row)) {
                pass.keys.insert(hash(&key));
                pass.example = Some(key);
            }
            let why = pass.why;
            let taken = match why {
                Why::Baseline => self.take_quietly(place, rows).await,
                Why::Turn | Why::Sweep => self.take(place, rows).await,
            };
            if let Err(error) = taken {
                // This page again.
                pass.walk = before;
                self.lists[place].pass = Some(pass);
                return Err(error);
            }
            if !pass.walk.ended {
                self.lists[place].pass = Some(pass);
                continue;
            }
            match why {
                Why::Baseline => self.baseline_ended(place).await?,
                _ if pass.walk.whole => self.missing(place, None, &pass.keys, pass.example.as_deref()).await?,
                _ => {}
            }
            return Ok(());
        }
        Ok(())
    }

    /// Compares records that were read with what was seen of them.
    pub async fn take(&mut self, place: usize, rows: Vec<Record>) -> Result<(), Cut> {
        if self.lists[place].resource.serial {
            let high = rows.iter().filter_map(|row| self.lists[place].key_of(row)?.parse().ok()).max();
            high.iter().for_each(|high| self.lists[place].note_high(Instant::now(), *high));
        }
        let mut found = self.compare(place, rows.clone()).await?;
        if self.lists[place].resource.lines.is_some() && !found.is_empty() {
            let steady = self.steady(place, &rows, &found).await?;
            found.retain(|news| steady.contains(&news.key));
        }
        self.wait_for_half_made(place, &mut found);
        self.news.extend(found);
        if self.news.len() >= TELL { self.flush().await } else { Ok(()) }
    }

    /// Keeps records of a list that is read for the first time: nothing in it is news. What came
    /// after the beginning is left for the next look, which tells it.
    async fn take_quietly(&mut self, place: usize, rows: Vec<Record>) -> Result<(), Cut> {
        let list = &self.lists[place];
        let (serial, floor) = (list.resource.serial, list.floor);
        let is_old = |news: &News| !serial || news.key.parse::<u64>().is_ok_and(|key| key <= floor);
        let found = self.compare(place, rows).await?.into_iter().filter(is_old);
        self.news.extend(found.map(|news| News { change: None, ..news }));
        self.flush().await
    }

    async fn compare(&mut self, place: usize, rows: Vec<Record>) -> Result<Vec<News>, Cut> {
        let rows = self.with_lines(place, rows).await?;
        let keys = rows.keys().cloned().collect();
        let model = self.lists[place].resource.model.clone();
        let seen = self.poller.store.seen(self.poller.source.id, &model, keys).await.map_err(Cut::ours)?;
        let mut seen: HashMap<String, Seen> = seen.into_iter().map(|seen| (seen.key.clone(), seen)).collect();
        // Found in this round already, and not kept yet.
        for news in self.news.iter().filter(|news| news.model == model) {
            match &news.seen {
                Some(now) => drop(seen.insert(news.key.clone(), now.clone())),
                None => drop(seen.remove(&news.key)),
            }
        }
        let list = &self.lists[place];
        Ok(rows.into_iter().filter_map(|(key, row)| compare::read(list, &key, seen.remove(&key), row)).collect())
    }

    /// Records in their one shape, documents with their lines, by key. Documents whose lines do not come
    /// whole are left for the next round.
    async fn with_lines(&mut self, place: usize, rows: Vec<Record>) -> Result<BTreeMap<String, Record>, Cut> {
        let list = &self.lists[place];
        let keyed = rows.into_iter().filter_map(|row| Some((list.key_of(&row)?, row)));
        let Some(lines) = list.resource.lines.clone() else {
            return Ok(keyed.map(|(key, row)| (key, list.shaped(&self.shape, row))).collect());
        };
        let rows: BTreeMap<u64, Record> = keyed.filter_map(|(key, row)| Some((key.parse().ok()?, row))).collect();
        let column = list.line_column().to_owned();
        let mut by_document: HashMap<String, Vec<Record>> = HashMap::new();
        let mut rows = rows;
        for (first, last) in runs(rows.keys().copied()) {
            let walk = Walk::new(&lines, "idlinea");
            let walk = walk.only(&format!("{column}_gte"), first.to_string());
            let walk = walk.only(&format!("{column}_lte"), last.to_string());
            let (read, whole) = walk.all(&mut self.client, self.poller.options.page_rows).await?;
            if !whole && self.client.counts {
                rows.retain(|key, _| !(first..=last).contains(key));
            }
            for line in read {
                let Some(document) = line.get(&column).map(crate::database::key_text) else { continue };
                by_document.entry(document).or_default().push(line);
            }
        }
        let list = &self.lists[place];
        let with = |(key, row): (u64, Record)| {
            let key = key.to_string();
            let lines = by_document.remove(&key).unwrap_or_default();
            (key, list.with_lines(&self.shape, row, lines))
        };
        Ok(rows.into_iter().map(with).collect())
    }

    /// Documents that still look as they did before their lines were read: the others are being
    /// worked on, and are for the next round.
    async fn steady(&mut self, place: usize, rows: &[Record], found: &[News]) -> Result<HashSet<String>, Cut> {
        let list = &self.lists[place];
        let changed = found.iter().filter_map(|news| news.key.parse().ok());
        let first: HashMap<String, &Record> = rows.iter().filter_map(|row| Some((list.key_of(row)?, row))).collect();
        let mut steady = HashSet::new();
        for (low, high) in runs(changed.collect::<std::collections::BTreeSet<u64>>()) {
            let list = &self.lists[place];
            let key = &list.resource.key;
            let walk = list.walk().only(&format!("{key}_gte"), low.to_string());
            let walk = walk.only(&format!("{key}_lte"), high.to_string());
            let (again, _) = walk.all(&mut self.client, self.poller.options.page_rows).await?;
            let list = &self.lists[place];
            for row in again {
                let key = list.key_of(&row).unwrap_or_default();
                if first.get(&key) == Some(&&row) {
                    steady.insert(key);
                }
            }
        }
        let lines = self.lists[place].resource.lines.clone().unwrap_or_default();
        for news in found {
            let before = news.change.as_ref().and_then(|change| change.change.before.as_ref());
            let after = news.seen.as_ref().map(|seen| &seen.record);
            let Some(line) = compare::missing_line(before, after) else { continue };
            // The list of lines may have lied.
            if self.client.one(&lines, &line).await?.is_some() {
                steady.remove(&news.key);
            }
        }
        Ok(steady)
    }

    /// New documents without lines or total get one more round.
    fn wait_for_half_made(&mut self, place: usize, found: &mut Vec<News>) {
        let round = self.round;
        let list = &mut self.lists[place];
        let mut half_made = std::mem::take(&mut list.half_made);
        found.retain(|news| {
            let Some(seen) = news.seen.as_ref().filter(|seen| seen.version == 1) else { return true };
            if !compare::is_half_made(list, &seen.record) {
                half_made.remove(&news.key);
                return true;
            }
            let first = *half_made.entry(news.key.clone()).or_insert(round);
            let waited = first < round;
            if waited {
                half_made.remove(&news.key);
            }
            waited
        });
        list.half_made = half_made;
    }

    /// Records that were seen and are missing in a whole reading: gone, if their own address says so too.
    pub async fn missing(
        &mut self,
        place: usize,
        since: Option<String>,
        keys: &HashSet<u64>,
        example: Option<&str>,
    ) -> Result<(), Cut> {
        let (source, store) = (self.poller.source.id, self.poller.store.clone());
        let Watched { resource, .. } = &self.lists[place];
        let (model, name) = (resource.model.clone(), resource.name.clone());
        let mut after = None;
        let mut trusted = false;
        loop {
            let page = store.seen_keys(source, &model, since.clone(), after.clone(), KEYS).await.map_err(Cut::ours)?;
            let Some(last) = page.last().cloned() else { return Ok(()) };
            after = Some(last);
            for key in page.into_iter().filter(|key| !keys.contains(&hash(key))) {
                if self.news.iter().any(|news| news.model == model && news.key == key) {
                    continue;
                }
                if !trusted && let Some(example) = example {
                    // Where nothing is found by its own address, that says nothing.
                    if self.client.one(&name, example).await?.is_none() {
                        return Ok(());
                    }
                    trusted = true;
                }
                match self.client.one(&name, &key).await? {
                    Some(record) => self.take(place, vec![record]).await?,
                    None => self.gone(place, &key).await?,
                }
            }
        }
    }

    async fn gone(&mut self, place: usize, key: &str) -> Result<(), Cut> {
        let list = &self.lists[place];
        let (source, model) = (self.poller.source.id, &list.resource.model);
        let seen = self.poller.store.seen(source, model, vec![key.to_owned()]).await.map_err(Cut::ours)?;
        self.news.extend(seen.into_iter().map(|seen| compare::gone(list, seen)));
        Ok(())
    }

    /// A payment changes its receipt, and that its invoice: they are read at once, whatever their day.
    pub async fn follow_payments(&mut self) -> Result<(), Cut> {
        for (payment, receipt, invoice) in [
            ("PagoCliente", "ReciboCliente", "FacturaCliente"),
            ("PagoProveedor", "ReciboProveedor", "FacturaProveedor"),
        ] {
            let receipts: HashSet<String> = self.found(payment, "idrecibo");
            self.read_again(receipt, receipts).await?;
            let invoices: HashSet<String> = self.found(receipt, "idfactura");
            self.read_again(invoice, invoices).await?;
        }
        Ok(())
    }

    /// What records of a model that were found in this round say in a column.
    fn found(&self, model: &str, column: &str) -> HashSet<String> {
        let of = self.news.iter().filter(|news| news.model == model && news.change.is_some());
        of.filter_map(|news| news.seen.as_ref()?.record.get(column).map(crate::database::key_text)).collect()
    }

    async fn read_again(&mut self, model: &str, keys: HashSet<String>) -> Result<(), Cut> {
        let Some(place) = self.lists.iter().position(|list| list.known && list.resource.model == model) else {
            return Ok(());
        };
        for key in keys {
            let name = self.lists[place].resource.name.clone();
            if let Some(record) = self.client.one(&name, &key).await? {
                self.take(place, vec![record]).await?;
            }
        }
        Ok(())
    }

    /// What must be known before changes can be understood.
    pub async fn learn(&mut self, place: usize) -> Result<(), Cut> {
        let model = self.lists[place].resource.model.clone();
        if !gancho_facturascripts::Knowledge::is_remembered(&model) {
            return Ok(());
        }
        let (store, source) = (&self.poller.store, self.poller.source.id);
        let mut after = None;
        loop {
            let keys = store.seen_keys(source, &model, None, after.clone(), KEYS).await.map_err(Cut::ours)?;
            let Some(last) = keys.last().cloned() else { return Ok(()) };
            after = Some(last);
            let seen = store.seen(source, &model, keys).await.map_err(Cut::ours)?;
            let row = |seen: Seen| (ObjectKey { model: model.clone(), key: seen.key }, seen.record);
            self.poller.intake.learn(source, seen.into_iter().map(row).collect()).await.map_err(Cut::ours)?;
        }
    }

    /// Tells what was found, and then keeps how it looks: a crash in between finds it again, by the same name.
    pub async fn flush(&mut self) -> Result<(), Cut> {
        if self.news.is_empty() {
            return Ok(());
        }
        let source = self.poller.source.id;
        let changes: Vec<_> = self.news.iter().filter_map(|news| news.change.clone()).collect();
        let names: Vec<String> = changes.iter().filter_map(|change| change.change.id.clone()).collect();
        if !changes.is_empty() {
            self.poller.intake.take(source, changes, &self.forget).await.map_err(Cut::ours)?;
            self.forget.clear();
        }
        let mut kept: BTreeMap<String, (Vec<Seen>, Vec<String>)> = BTreeMap::new();
        for news in std::mem::take(&mut self.news) {
            let (seen, gone) = kept.entry(news.model).or_default();
            match news.seen {
                Some(now) => seen.push(now),
                None => gone.push(news.key),
            }
        }
        for (model, (seen, gone)) in kept {
            self.poller.store.keep_seen(source, &model, seen, gone).await.map_err(Cut::ours)?;
        }
        self.forget.extend(names);
        Ok(())
    }
}

/// Numbers in runs without great gaps: the first and last of each.
fn runs(numbers: impl IntoIterator<Item = u64>) -> Vec<(u64, u64)> {
    let mut runs: Vec<(u64, u64)> = vec![];
    for number in numbers {
        match runs.last_mut() {
            Some((_, last)) if number - *last <= GAP => *last = number,
            _ => runs.push((number, number)),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    #[test]
    fn runs_have_no_great_gaps() {
        assert_eq!(super::runs([1, 5, 25, 46, 100]), [(1, 25), (46, 46), (100, 100)]);
        assert!(super::runs([]).is_empty());
    }
}
