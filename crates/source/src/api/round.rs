//! What is read when: new records often, changes now and then, everything once and then every night.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use gancho_facturascripts::{columns::Kind, shape::Shape};
use tokio::time::Instant;

use super::{
    ApiError, Client, Walk,
    compare::News,
    poller::{Cut, Poller},
    reading::hash,
    watched::{Watched, Why, lists},
};

/// Ids may be committed late: whatever is as young as this is read again.
const LATE: Duration = Duration::from_secs(300);
/// The longest that nothing is looked at.
const IDLE_MAX: Duration = Duration::from_secs(30);
/// Pages of a reading between looks at what else is due.
const SLICE_PAGES: u32 = 5;
/// Pages of a list without dates read in one round.
const ROUND_PAGES: u32 = 20;
/// A day in milliseconds.
const DAY_MS: i64 = 86_400_000;
/// When everything is read, by the ERP's clock.
const NIGHT: std::ops::Range<i8> = 2..6;
/// The name of the mark that says when everything was read last.
const SWEPT: &str = "swept";

/// The one who asks: everything it knows between two questions.
pub(crate) struct Asker<'a> {
    pub poller: &'a Poller,
    pub client: Client,
    pub shape: Shape,
    pub lists: Vec<Watched>,
    /// Found and not told yet.
    pub news: Vec<News>,
    /// Names of changes that can't come again.
    pub forget: Vec<String>,
    /// Counts looks for new records.
    pub round: u64,
    next_new: Instant,
    next_changes: Instant,
    swept_ms: i64,
}

impl<'a> Asker<'a> {
    /// Looks which lists there are, and how far they were read before.
    pub async fn begin(poller: &'a Poller, mut client: Client) -> Result<Self, Cut> {
        let source = &poller.source;
        let marks = poller.store.marks(source.id).await.map_err(Cut::ours)?;
        let marks: HashMap<String, String> = marks.into_iter().collect();
        let mut watched: Vec<Watched> = lists(source.models.as_deref()).into_iter().map(Watched::new).collect();
        for list in &mut watched {
            if let Some(floor) = marks.get(&mark(list)) {
                (list.known, list.floor) = (true, floor.parse().unwrap_or(0));
            }
        }
        learn_kinds(&mut client, &mut watched).await?;
        let swept_ms = marks.get(SWEPT).and_then(|at| at.parse().ok()).unwrap_or(0);
        let now = Instant::now();
        Ok(Self {
            poller,
            client,
            shape: Shape::new(&source.time_zone).map_err(Cut::ours)?,
            lists: watched,
            news: vec![],
            forget: vec![],
            round: 0,
            next_new: now,
            next_changes: now,
            swept_ms,
        })
    }

    /// Does whatever is due, with a piece of what takes long in between, or waits.
    pub async fn turn(&mut self) -> Result<(), Cut> {
        let options = self.poller.options;
        let began = Instant::now();
        let mut idle = true;
        if began >= self.next_new {
            self.look_for_new().await?;
            self.flush().await?;
            (idle, self.next_new) = (false, began + options.new_every);
        }
        if let Some(place) = self.long_reading().await? {
            self.slice(place, SLICE_PAGES).await?;
            self.flush().await?;
            idle = false;
        }
        if began >= self.next_changes {
            self.look_for_changes().await?;
            self.flush().await?;
            (idle, self.next_changes) = (false, began + options.changes_every);
        }
        if idle {
            // Not longer: the night may have begun.
            let due = Instant::min(self.next_new, self.next_changes);
            tokio::time::sleep_until(due.min(began + IDLE_MAX)).await;
        }
        Ok(())
    }

    /// Records with keys beyond those known, or made lately.
    async fn look_for_new(&mut self) -> Result<(), Cut> {
        self.round += 1;
        let yesterday = self.day(1);
        for place in 0..self.lists.len() {
            let list = &self.lists[place];
            let walk = match (&list.resource, list.resource.born) {
                _ if !list.known => continue,
                (resource, _) if resource.serial => list.walk().beyond(list.low(Instant::now()).to_string()),
                (_, Some(born)) => list.walk().only(&format!("{born}_gte"), yesterday.as_str()),
                _ => {
                    // Users and roles are few: a new one is on the first page.
                    let rows = list.walk().page(&mut self.client, self.poller.options.page_rows).await?;
                    self.take(place, rows).await?;
                    continue;
                }
            };
            self.walk(place, walk).await?;
        }
        self.follow_payments().await
    }

    /// What may have changed: documents of the last days, products touched, other lists piece by piece.
    async fn look_for_changes(&mut self) -> Result<(), Cut> {
        let (yesterday, since) = (self.day(1), self.day(self.poller.options.changes_days));
        for place in 0..self.lists.len() {
            let list = &self.lists[place];
            if !list.known {
                continue;
            }
            if let Some(touched) = list.resource.touched {
                let walk = list.walk().only(&format!("{touched}_gte"), yesterday.as_str());
                self.walk(place, walk).await?;
            }
            match self.lists[place].resource.day {
                Some(day) => self.read_since(place, day, &since).await?,
                None => {
                    let list = &mut self.lists[place];
                    if list.pass.is_none() {
                        list.begin(Why::Turn);
                    }
                    self.slice(place, ROUND_PAGES).await?;
                }
            }
        }
        self.note_floors().await
    }

    /// Everything of the last days; what is missing among it may be gone.
    async fn read_since(&mut self, place: usize, day: &str, since: &str) -> Result<(), Cut> {
        let walk = self.lists[place].walk().only(&format!("{day}_gte"), since);
        let (keys, example, whole) = self.walk(place, walk).await?;
        if whole {
            self.missing(place, Some(since.to_owned()), &keys, example.as_deref()).await?;
        }
        Ok(())
    }

    /// A list of which a long reading is under way or due.
    async fn long_reading(&mut self) -> Result<Option<usize>, Cut> {
        if let Some(place) = self.lists.iter().position(|list| !list.known) {
            if self.lists[place].pass.is_none() {
                self.begin_baseline(place).await?;
            }
            return Ok(Some(place));
        }
        if self.is_night() {
            self.swept_ms = self.poller.intake.now().ms();
            self.set_mark(SWEPT, self.swept_ms.to_string()).await?;
            learn_kinds(&mut self.client, &mut self.lists).await?;
            for list in self.lists.iter_mut().filter(|list| list.resource.day.is_some() && list.pass.is_none()) {
                list.begin(Why::Sweep);
            }
        }
        let sweeps = |list: &Watched| list.pass.as_ref().is_some_and(|pass| pass.why == Why::Sweep);
        Ok(self.lists.iter().position(sweeps))
    }

    fn is_night(&self) -> bool {
        let now = self.poller.intake.now();
        let every_ms = self.poller.options.sweep_every.as_millis() as i64;
        let since = now.ms() - self.swept_ms;
        let night = NIGHT.contains(&self.shape.wall_clock(now).1);
        // A machine that sleeps at night reads by day, a day late.
        since >= every_ms && (every_ms < DAY_MS || night || since >= every_ms + DAY_MS)
    }

    /// What is made while everything is read for the first time is news all the same.
    async fn begin_baseline(&mut self, place: usize) -> Result<(), Cut> {
        let (name, key) = (self.lists[place].resource.name.clone(), self.lists[place].resource.key.clone());
        if self.lists[place].resource.serial {
            let query = [(format!("sort[{key}]"), "DESC".to_owned()), ("limit".to_owned(), "1".to_owned())];
            let last = self.client.list(&name, &query).await?.rows.pop();
            let last = last.and_then(|row| self.lists[place].key_of(&row)?.parse().ok());
            self.lists[place].floor = last.unwrap_or(0);
        }
        self.lists[place].begin(Why::Baseline);
        Ok(())
    }

    /// A list was read for the first time.
    pub async fn baseline_ended(&mut self, place: usize) -> Result<(), Cut> {
        self.flush().await?;
        self.learn(place).await?;
        let list = &mut self.lists[place];
        list.known = true;
        let (name, floor) = (mark(list), list.floor);
        self.set_mark(&name, floor.to_string()).await?;
        if self.lists.iter().all(|list| list.known) && self.swept_ms == 0 {
            self.swept_ms = self.poller.intake.now().ms();
            self.set_mark(SWEPT, self.swept_ms.to_string()).await?;
        }
        Ok(())
    }

    async fn note_floors(&mut self) -> Result<(), Cut> {
        let now = Instant::now();
        let raised: Vec<(String, u64)> = self
            .lists
            .iter_mut()
            .filter(|list| list.known && list.low(now) > list.floor)
            .map(|list| {
                list.floor = list.low(now);
                (mark(list), list.floor)
            })
            .collect();
        for (name, floor) in raised {
            self.set_mark(&name, floor.to_string()).await?;
        }
        Ok(())
    }

    async fn set_mark(&self, name: &str, text: String) -> Result<(), Cut> {
        self.poller.store.set_mark(self.poller.source.id, name, text).await.map_err(Cut::ours)
    }

    /// The day so many days ago, by the ERP's clock.
    fn day(&self, ago: u32) -> String {
        self.shape.wall_clock(self.poller.intake.now().plus_ms(-DAY_MS * i64::from(ago))).0
    }

    /// Reads along a walk to its end: hashes of the keys, one of the keys, and whether it was whole.
    async fn walk(&mut self, place: usize, mut walk: Walk) -> Result<(HashSet<u64>, Option<String>, bool), Cut> {
        let (mut keys, mut example) = (HashSet::new(), None);
        while !walk.ended {
            let rows = walk.page(&mut self.client, self.poller.options.page_rows).await?;
            for key in rows.iter().filter_map(|row| self.lists[place].key_of(row)) {
                keys.insert(hash(&key));
                example = Some(key);
            }
            self.take(place, rows).await?;
        }
        Ok((keys, example, walk.whole))
    }
}

impl Watched {
    /// The key beyond which records may be new.
    fn low(&self, now: Instant) -> u64 {
        let old = self.highs.iter().filter(|(at, _)| now.duration_since(*at) >= LATE).map(|(_, high)| *high);
        old.max().unwrap_or(0).max(self.floor)
    }

    /// Notes the greatest key of a look.
    pub fn note_high(&mut self, now: Instant, key: u64) {
        while self.highs.len() > 1 && now.duration_since(self.highs[1].0) >= LATE {
            self.highs.pop_front();
        }
        if self.highs.back().is_none_or(|(_, high)| *high < key) {
            self.highs.push_back((now, key));
        }
    }
}

/// Which columns there are and of which kind: plugins of the ERP add some.
async fn learn_kinds(client: &mut Client, lists: &mut [Watched]) -> Result<(), ApiError> {
    let kinds = |types: HashMap<String, String>| {
        types.into_iter().map(|(column, kind)| (column, Kind::of_database(&kind))).collect()
    };
    for list in lists {
        list.kinds = kinds(client.types(&list.resource.name).await?);
        if let Some(lines) = &list.resource.lines {
            list.line_kinds = kinds(client.types(lines).await?);
        }
    }
    Ok(())
}

/// The name of the mark that says that a list was read, and up to which key.
fn mark(list: &Watched) -> String {
    format!("list:{}", list.resource.model)
}
