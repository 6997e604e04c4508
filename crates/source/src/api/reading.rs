//! Records that were read are compared, told and kept.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    hash::{DefaultHasher, Hash, Hasher},
};

use gancho_model::{ObjectKey, Record};
use gancho_store::Seen;
use tokio::time::{Duration, Instant};

use super::{
    ApiError, Walk,
    compare::{self, News},
    poller::Cut,
    round::{Asker, learn_kinds},
    watched::{Pass, Why},
};
use crate::database::key_text;

/// Found changes told together.
pub(super) const TELL: usize = 500;
/// Keys looked up together.
const KEYS: u32 = 1000;
/// Documents whose numbers are at most so far apart have their lines read together.
const GAP: u64 = 20;
/// The least that a document being made is waited for.
const HALF_MADE: Duration = Duration::from_secs(10);
/// A payment may be seen before its receipt: so many looks in all.
const FOLLOW: u8 = 2;
/// Models of payments, each with that of its receipts and that of their invoices.
const PAYMENTS: [(&str, &str, &str); 2] =
    [("PagoCliente", "ReciboCliente", "FacturaCliente"), ("PagoProveedor", "ReciboProveedor", "FacturaProveedor")];

/// Keys are remembered by a hash.
fn hash(key: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}

impl Asker<'_> {
    /// Goes on with a reading, so many pages. A page that fails is read again.
    pub async fn slice(&mut self, place: usize, why: Why, pages: u32) -> Result<(), Cut> {
        for _ in 0..pages {
            let Some(mut pass) = self.lists[place].take(why) else { return Ok(()) };
            let before = pass.walk.clone();
            if pass.pages == 0 {
                self.lists[place].passes.push(pass);
                return Ok(());
            }
            if let Err(error) = self.page(place, &mut pass).await {
                pass.walk = before;
                self.lists[place].passes.push(pass);
                return Err(error);
            }
            self.lists[place].fails = 0;
            if pass.walk.ended {
                return self.ended(place, pass).await;
            }
            pass.pages -= 1;
            self.lists[place].passes.push(pass);
        }
        Ok(())
    }

    async fn page(&mut self, place: usize, pass: &mut Pass) -> Result<(), Cut> {
        let rows = pass.walk.page(&mut self.client, self.poller.options.page_rows).await?;
        for key in rows.iter().filter_map(|row| self.lists[place].key_of(row)) {
            pass.keys.insert(hash(&key));
            pass.example = Some(key);
        }
        match pass.why {
            Why::Baseline => self.take_quietly(place, rows).await,
            _ => self.take(place, rows).await,
        }
    }

    async fn ended(&mut self, place: usize, pass: Pass) -> Result<(), Cut> {
        match pass.why {
            Why::Baseline if !pass.walk.whole && self.client.counts => {
                // What is left out now would be told as made later.
                let list = &mut self.lists[place];
                list.begin(Why::Baseline, list.walk(), None, u32::MAX);
                Err(ApiError::Unreadable("a list ends too early").into())
            }
            Why::Baseline if pass.keys.is_empty() && !self.lists[place].was_empty => {
                // Wrong SQL is answered with nothing, too: once more.
                let list = &mut self.lists[place];
                list.was_empty = true;
                list.begin(Why::Baseline, list.walk(), None, u32::MAX);
                Ok(())
            }
            Why::Baseline => self.baseline_ended(place).await,
            Why::Touched => Ok(()),
            Why::Recent | Why::Turn | Why::Sweep if pass.walk.whole => self.missing(place, &pass).await,
            Why::Recent | Why::Turn | Why::Sweep => Ok(()),
        }
    }

    /// Reads along a walk, at most so many pages.
    pub async fn read_along(&mut self, place: usize, mut walk: Walk, pages: u32) -> Result<(), Cut> {
        for _ in 0..pages {
            if walk.ended {
                break;
            }
            let rows = walk.page(&mut self.client, self.poller.options.page_rows).await?;
            self.take(place, rows).await?;
        }
        Ok(())
    }

    /// Compares records that were read with what was seen of them.
    pub async fn take(&mut self, place: usize, rows: Vec<Record>) -> Result<(), Cut> {
        self.note_highs(place, &rows);
        // Whatever cuts this short, it is read once more.
        let was_again = std::mem::replace(&mut self.lists[place].again, true);
        let (mut found, all) = self.compare(place, rows.clone()).await?;
        let count = found.len();
        if self.lists[place].resource.lines.is_some() && !found.is_empty() {
            let steady = self.steady(place, &rows, &found).await?;
            found.retain(|news| steady.contains(&news.sight.key));
        }
        self.wait_for_half_made(place, &mut found);
        self.lists[place].again = was_again || !all || found.len() < count;
        if count > 0 {
            self.lists[place].news_at = Some(Instant::now());
        }
        self.news.extend(found);
        if self.news.len() >= TELL { self.flush().await } else { Ok(()) }
    }

    fn note_highs(&mut self, place: usize, rows: &[Record]) {
        let list = &mut self.lists[place];
        if list.resource.serial {
            let high = rows.iter().filter_map(|row| list.key_of(row)?.parse().ok()).max();
            high.iter().for_each(|high| list.note_high(Instant::now(), *high));
        }
    }

    /// Keeps records of a list that is read for the first time: nothing in it is news. What came
    /// after the beginning is left for the next look, which tells it.
    async fn take_quietly(&mut self, place: usize, rows: Vec<Record>) -> Result<(), Cut> {
        if self.lists[place].floor == u64::MAX {
            self.note_highs(place, &rows);
        }
        let (found, all) = self.compare(place, rows).await?;
        if !all {
            return Err(ApiError::Unreadable("a list of lines is cut").into());
        }
        let list = &self.lists[place];
        let (serial, floor) = (list.resource.serial, list.floor);
        let is_old = |news: &News| !serial || news.sight.key.parse::<u64>().is_ok_and(|key| key <= floor);
        self.news.extend(found.into_iter().filter(is_old).map(|news| News { change: None, ..news }));
        self.flush().await
    }

    /// What differs from what was seen; and whether all records could be compared.
    async fn compare(&mut self, place: usize, rows: Vec<Record>) -> Result<(Vec<News>, bool), Cut> {
        let list = &self.lists[place];
        let is_odd = |column: &String| !list.kinds.contains_key(column);
        if !list.kinds.is_empty() && rows.first().is_some_and(|row| row.keys().any(is_odd)) {
            learn_kinds(&mut self.client, &mut self.lists[place]).await?;
        }
        let count = rows.len();
        let rows = self.with_lines(place, rows).await?;
        let all = rows.len() == count;
        let keys = rows.keys().cloned().collect();
        let model = self.lists[place].resource.model.clone();
        let seen = self.poller.store.seen(self.poller.source.id, &model, keys).await.map_err(Cut::ours)?;
        let mut seen: HashMap<String, Seen> = seen.into_iter().map(|seen| (seen.key.clone(), seen)).collect();
        // Found in this round already, and not kept yet.
        for sight in self.news.iter().map(|news| &news.sight).filter(|sight| sight.model == model) {
            match &sight.seen {
                Some(now) => drop(seen.insert(sight.key.clone(), now.clone())),
                None => drop(seen.remove(&sight.key)),
            }
        }
        let list = &self.lists[place];
        let compare = |(key, row): (String, Record)| compare::read(list, &key, seen.remove(&key), row);
        Ok((rows.into_iter().filter_map(compare).collect(), all))
    }

    /// Records in their one shape, documents with their lines, by key. Documents whose lines do not come
    /// whole are left for the next round.
    async fn with_lines(&mut self, place: usize, rows: Vec<Record>) -> Result<BTreeMap<String, Record>, Cut> {
        let list = &self.lists[place];
        let keyed = rows.into_iter().filter_map(|row| Some((list.key_of(&row)?, row)));
        let Some(lines) = list.resource.lines.clone() else {
            return Ok(keyed.map(|(key, row)| (key, list.shaped(&self.shape, row))).collect());
        };
        let mut rows: BTreeMap<u64, Record> = keyed.filter_map(|(key, row)| Some((key.parse().ok()?, row))).collect();
        let column = list.line_column().to_owned();
        let mut by_document: HashMap<u64, Vec<Record>> = HashMap::new();
        for (first, last) in runs(rows.keys().copied()) {
            let walk = Walk::new(&lines, "idlinea");
            let walk = walk.only(&format!("{column}_gte"), first.to_string());
            let mut walk = walk.only(&format!("{column}_lte"), last.to_string());
            while !walk.ended {
                for line in walk.page(&mut self.client, self.poller.options.page_rows).await? {
                    let document = line.get(&column).and_then(|key| key_text(key).parse().ok());
                    if let Some(document) = document.filter(|document| rows.contains_key(document)) {
                        by_document.entry(document).or_default().push(line);
                    }
                }
            }
            if !walk.whole && self.client.counts {
                rows.retain(|key, _| !(first..=last).contains(key));
            }
        }
        let list = &self.lists[place];
        let with = |(key, row): (u64, Record)| {
            let lines = by_document.remove(&key).unwrap_or_default();
            (key.to_string(), list.with_lines(&self.shape, row, lines))
        };
        Ok(rows.into_iter().map(with).collect())
    }

    /// Documents that still look as they did before their lines were read, and of which no line is there
    /// that was not shown: the others are being worked on, and are for the next round.
    async fn steady(&mut self, place: usize, rows: &[Record], found: &[News]) -> Result<HashSet<String>, Cut> {
        let list = &self.lists[place];
        let first: HashMap<String, &Record> = rows.iter().filter_map(|row| Some((list.key_of(row)?, row))).collect();
        let changed: BTreeSet<u64> = found.iter().filter_map(|news| news.sight.key.parse().ok()).collect();
        let mut steady = HashSet::new();
        for (low, high) in runs(changed) {
            let list = &self.lists[place];
            let key = &list.resource.key;
            let walk = list.walk().only(&format!("{key}_gte"), low.to_string());
            let walk = walk.only(&format!("{key}_lte"), high.to_string());
            let again = walk.all(&mut self.client, self.poller.options.page_rows).await?;
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
            let Some(line) = compare::missing_line(news) else { continue };
            if self.client.one(&lines, &line).await?.is_some() {
                steady.remove(&news.sight.key);
            }
        }
        Ok(steady)
    }

    /// New documents without lines or total get one more round.
    fn wait_for_half_made(&mut self, place: usize, found: &mut Vec<News>) {
        // Who looks all the time, as tests do, is not to wait.
        let is_patient = self.poller.options.new_every >= Duration::from_secs(1);
        let (round, least) = (self.round, if is_patient { HALF_MADE } else { Duration::ZERO });
        let list = &mut self.lists[place];
        let mut half_made = std::mem::take(&mut list.half_made);
        found.retain(|news| {
            let key = &news.sight.key;
            let is_half =
                news.is_new() && news.sight.seen.as_ref().is_some_and(|seen| compare::is_half_made(list, &seen.record));
            let (first, at) = *half_made.entry(key.clone()).or_insert_with(|| (round, Instant::now()));
            let is_told = !is_half || (first < round && at.elapsed() >= least);
            if is_told {
                half_made.remove(key);
            }
            is_told
        });
        list.half_made = half_made;
    }

    /// A payment changes its receipt, and that its invoice: they are read at once, whatever their day.
    pub async fn follow_payments(&mut self) -> Result<(), Cut> {
        for (payment, receipt, _) in PAYMENTS {
            for key in self.found(payment, "idrecibo") {
                self.follow.insert((receipt, key), FOLLOW);
            }
        }
        let due: Vec<(&'static str, String)> = self.follow.keys().cloned().collect();
        for (receipt, key) in due {
            let invoice = self.read_again(receipt, &key, "idfactura").await?;
            let model = PAYMENTS.iter().find(|(_, of, _)| *of == receipt).map(|(_, _, invoice)| *invoice);
            if let (Some(model), Some(invoice)) = (model, invoice) {
                self.read_again(model, &invoice, "").await?;
            }
            if let Some(left) = self.follow.get_mut(&(receipt, key.clone())) {
                *left -= 1;
                if *left == 0 {
                    self.follow.remove(&(receipt, key));
                }
            }
        }
        Ok(())
    }

    /// What records of a model that were found in this round say in a column.
    fn found(&self, model: &str, column: &str) -> HashSet<String> {
        let of = self.news.iter().filter(|news| news.sight.model == model && news.change.is_some());
        of.filter_map(|news| news.sight.seen.as_ref()?.record.get(column).map(key_text)).collect()
    }

    /// Reads one record by its own address; returns what it says in a column.
    async fn read_again(&mut self, model: &str, key: &str, column: &str) -> Result<Option<String>, Cut> {
        let Some(place) = self.lists.iter().position(|list| list.known && list.resource.model == model) else {
            return Ok(None);
        };
        let name = self.lists[place].resource.name.clone();
        let Some(record) = self.client.one(&name, key).await? else { return Ok(None) };
        let said = record.get(column).map(key_text);
        self.take(place, vec![record]).await?;
        Ok(said)
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

    /// Tells what was found, and keeps how it looks in the same transaction.
    pub async fn flush(&mut self) -> Result<(), Cut> {
        let source = self.poller.source.id;
        let (told, noted): (Vec<&News>, Vec<&News>) = self.news.iter().partition(|news| news.change.is_some());
        if !told.is_empty() {
            let changes = told.iter().filter_map(|news| news.change.clone()).collect();
            let sights = told.iter().map(|news| news.sight.clone()).collect();
            self.poller.intake.found(source, changes, sights).await.map_err(Cut::ours)?;
        }
        if !noted.is_empty() {
            let sights = noted.iter().map(|news| news.sight.clone()).collect();
            self.poller.store.keep_seen(source, sights).await.map_err(Cut::ours)?;
        }
        self.news.clear();
        Ok(())
    }

    /// Keys that were seen and are not in a reading.
    pub(super) async fn not_in(&self, place: usize, pass: &Pass, most: usize) -> Result<Vec<String>, Cut> {
        let model = &self.lists[place].resource.model;
        let told: HashSet<&String> = self
            .news
            .iter()
            .map(|news| &news.sight)
            .filter(|sight| sight.model == *model)
            .map(|sight| &sight.key)
            .collect();
        let (mut missing, mut after) = (vec![], None);
        while missing.len() < most {
            let (source, since) = (self.poller.source.id, pass.since.clone());
            let page =
                self.poller.store.seen_keys(source, model, since, after.take(), KEYS).await.map_err(Cut::ours)?;
            let Some(last) = page.last().cloned() else { break };
            after = Some(last);
            let is_missing = |key: &String| !pass.keys.contains(&hash(key)) && !told.contains(key);
            missing.extend(page.into_iter().filter(is_missing));
        }
        Ok(missing)
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
