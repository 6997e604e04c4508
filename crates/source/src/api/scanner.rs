//! What is read when: new records often, changes now and then, everything once and then every night.

use std::{collections::HashMap, time::Duration};

use gancho_facturascripts::{columns::Kind, shape::Shape};
use tokio::time::Instant;

use super::{
    ApiError, ErpClient,
    compare::RecordDiff,
    list_state::{ListState, ScanKind, lists},
    poller::{ApiPoller, SourceError},
};

/// Ids may be committed late: whatever is as young as this is read again.
pub(crate) const LATE: Duration = Duration::from_secs(300);
/// How long a list that can't be read is left alone.
const REST: Duration = Duration::from_secs(60);
/// After so many failures in a row a list is not swept any more in this night.
const FAILS_MAX: u32 = 5;
/// The longest that nothing is looked at.
const IDLE_MAX: Duration = Duration::from_secs(30);
/// How long pieces are read one after the other before it is looked for new records again.
const PIECES: Duration = Duration::from_millis(500);
/// Pages of a reading between looks at what else is due.
const SLICE_PAGES: u32 = 5;
/// Pages of a list without dates read in one cycle.
const ROUND_PAGES: u32 = 20;
/// A day in milliseconds.
const DAY_MS: i64 = 86_400_000;
/// When everything is read, by the ERP's clock.
const NIGHT: std::ops::Range<i8> = 2..6;
/// The name of the mark that says when everything was read last.
const SCANNED: &str = "swept";

/// The one who asks: everything it knows between two questions.
pub(crate) struct ApiScanner<'a> {
    pub poller: &'a ApiPoller,
    pub client: ErpClient,
    pub shape: Shape,
    pub lists: Vec<ListState>,
    /// Found and not told yet.
    pub diffs: Vec<RecordDiff>,
    /// Receipts of payments, and how often they are still read again.
    pub follow: HashMap<(&'static str, String), u8>,
    /// Counts looks for new records.
    pub cycle: u64,
    /// Lists that could not be read in this cycle, and whether that was told.
    trouble: Option<ApiError>,
    troubled: bool,
    next_new: Instant,
    next_changes: Instant,
    scanned_ms: i64,
    scanning: bool,
}

impl<'a> ApiScanner<'a> {
    /// Looks which lists there are, and how far they were read before.
    pub async fn begin(
        poller: &'a ApiPoller,
        mut client: ErpClient,
        marks: &HashMap<String, String>,
    ) -> Result<Self, SourceError> {
        let source = &poller.source;
        let mut watched: Vec<ListState> = lists(source.models.as_deref()).into_iter().map(ListState::new).collect();
        for list in &mut watched {
            if let Some(watermark) = marks.get(&mark("list", list)) {
                (list.known, list.watermark) = (true, watermark.parse().unwrap_or(0));
            }
            learn_kinds(&mut client, list).await?;
        }
        let now = Instant::now();
        let (delay, options) = (poller.options.delay(watched.len()), poller.options);
        poller.report.asks(source.id, (delay, options.changes_every));
        Ok(Self {
            poller,
            client,
            shape: Shape::new(&source.time_zone).map_err(SourceError::ours)?,
            lists: watched,
            diffs: vec![],
            follow: HashMap::new(),
            cycle: 0,
            trouble: None,
            troubled: false,
            next_new: now,
            next_changes: now,
            scanned_ms: marks.get(SCANNED).and_then(|at| at.parse().ok()).unwrap_or(0),
            scanning: false,
        })
    }

    /// Does whatever is due, with pieces of what takes long in between, or waits.
    pub async fn turn(&mut self) -> Result<(), SourceError> {
        let options = self.poller.options;
        let began = Instant::now();
        let mut idle = true;
        if began >= self.next_new {
            self.look_for_new().await?;
            (idle, self.next_new) = (false, began + options.new_every);
        }
        loop {
            let mut worked = false;
            for whys in [
                &[ScanKind::Baseline][..],
                &[ScanKind::Touched, ScanKind::Recent, ScanKind::Rotation],
                &[ScanKind::Full],
            ] {
                worked |= self.piece(whys).await?;
            }
            idle &= !worked;
            self.begin_baseline().await?;
            self.begin_sweep().await?;
            if !worked || began.elapsed() > PIECES {
                break;
            }
        }
        if !self.lists.iter().any(|list| list.is_being_read(began)) {
            // What one cycle finds is told together: a user's roles go with the user.
            self.flush().await?;
            if began >= self.next_changes {
                self.end_round().await;
                self.note_floors().await?;
                self.begin_round();
                (idle, self.next_changes) = (false, began + options.changes_every);
            }
        }
        if idle {
            // Not longer: the night may have begun.
            let due = Instant::min(self.next_new, self.next_changes);
            tokio::time::sleep_until(due.min(began + IDLE_MAX)).await;
        }
        Ok(())
    }

    /// Goes on with the first reading of one of these kinds, if there is any.
    async fn piece(&mut self, whys: &[ScanKind]) -> Result<bool, SourceError> {
        let now = Instant::now();
        let due = |place: usize| whys.iter().find(|kind| self.lists[place].has(**kind, now)).map(|kind| (place, *kind));
        let Some((place, kind)) = (0..self.lists.len()).find_map(due) else { return Ok(false) };
        let done = self.slice(place, kind, SLICE_PAGES).await;
        self.spare(place, done)?;
        Ok(true)
    }

    /// A list that can't be read does not keep the others from being read; an ERP that can't does.
    pub fn spare(&mut self, place: usize, done: Result<(), SourceError>) -> Result<(), SourceError> {
        match done {
            Err(SourceError::Erp(error)) if error.is_of_one_list() => {
                let list = &mut self.lists[place];
                tracing::warn!(list = list.resource.name, %error, "a list of the ERP can't be read; the others go on");
                list.rests_until = Some(Instant::now() + REST.min(self.poller.options.changes_every));
                list.fails += 1;
                let goes_on =
                    |kind: ScanKind| kind == ScanKind::Baseline || (kind == ScanKind::Full && list.fails < FAILS_MAX);
                list.scans.retain(|scan| goes_on(scan.kind));
                self.trouble = Some(error);
                Ok(())
            }
            done => done,
        }
    }

    /// Tells whether all lists could be read since the last time.
    async fn end_round(&mut self) {
        match self.trouble.take() {
            Some(error) => {
                self.poller.report.down(&self.poller.source, error.message()).await;
                self.troubled = true;
            }
            None if self.troubled => {
                self.poller.report.up(&self.poller.source).await;
                self.troubled = false;
            }
            None => {}
        }
    }

    /// What may have changed: documents of the last days, products touched, other lists piece by piece.
    fn begin_round(&mut self) {
        let (yesterday, since) = (self.day(1), self.day(self.poller.options.changes_days));
        for list in self.lists.iter_mut().filter(|list| list.known) {
            if let Some(touched) = list.resource.touched {
                let cursor = list.cursor().only(&format!("{touched}_gte"), yesterday.as_str());
                list.begin(ScanKind::Touched, cursor, None, u32::MAX);
            }
            match list.resource.day {
                Some(day) => {
                    let cursor = list.cursor().only(&format!("{day}_gte"), since.as_str());
                    list.begin(ScanKind::Recent, cursor, Some(since.clone()), u32::MAX);
                }
                None => list.begin(ScanKind::Rotation, list.cursor(), None, ROUND_PAGES),
            }
        }
    }

    /// Everything, once a night: it is noted when it has ended.
    async fn begin_sweep(&mut self) -> Result<(), SourceError> {
        if self.lists.iter().any(|list| !list.known) {
            return Ok(());
        }
        let is_dated = |list: &&mut ListState| list.resource.day.is_some();
        if self.scanning {
            let goes_on = self.lists.iter().any(|list| list.scans.iter().any(|scan| scan.kind == ScanKind::Full));
            if !goes_on {
                self.scanning = false;
                self.note_swept().await?;
            }
        } else if self.is_night() {
            self.scanning = true;
            for list in &mut self.lists {
                learn_kinds(&mut self.client, list).await?;
            }
            for list in self.lists.iter_mut().filter(is_dated) {
                list.begin(ScanKind::Full, list.cursor(), None, u32::MAX);
            }
        }
        Ok(())
    }

    async fn note_swept(&mut self) -> Result<(), SourceError> {
        self.scanned_ms = self.poller.intake.now().ms();
        self.set_mark(SCANNED, self.scanned_ms.to_string()).await?;
        self.note_floors().await
    }

    fn is_night(&self) -> bool {
        let now = self.poller.intake.now();
        let every_ms = self.poller.options.sweep_every.as_millis() as i64;
        let since = now.ms() - self.scanned_ms;
        let night = NIGHT.contains(&self.shape.wall_clock(now).1);
        // A machine that sleeps at night reads by day, a day late; a clock that was ahead once is not waited for.
        since < 0 || (since >= every_ms && (every_ms < DAY_MS || night || since >= every_ms + DAY_MS))
    }

    /// What is made while everything is read for the first time is diffs all the same: up to which key it
    /// was there is noted before, and stays noted if the reading has to begin anew.
    async fn begin_baseline(&mut self) -> Result<(), SourceError> {
        let now = Instant::now();
        let waits = |list: &ListState| {
            !list.known && list.scans.is_empty() && list.rests_until.is_none_or(|until| until <= now)
        };
        if self.lists.iter().any(|list| list.has(ScanKind::Baseline, now)) {
            return Ok(());
        }
        let Some(place) = self.lists.iter().position(waits) else { return Ok(()) };
        let begun = mark("begun", &self.lists[place]);
        if self.lists[place].resource.serial {
            let marks = self.poller.marks().await?;
            let watermark = match marks.get(&begun).and_then(|watermark| watermark.parse().ok()) {
                Some(watermark) => Some(watermark),
                None => {
                    let asked = self.greatest(place).await;
                    if let Err(error) = asked {
                        return self.spare(place, Err(error));
                    }
                    asked?
                }
            };
            // Of a list that shows no record at first, the greatest key is known when it was read.
            self.lists[place].watermark = watermark.unwrap_or(u64::MAX);
            if let Some(watermark) = watermark {
                self.set_mark(&begun, watermark.to_string()).await?;
            }
        }
        let list = &mut self.lists[place];
        list.begin(ScanKind::Baseline, list.cursor(), None, u32::MAX);
        Ok(())
    }

    /// The greatest key of a list.
    async fn greatest(&mut self, place: usize) -> Result<Option<u64>, SourceError> {
        let list = &self.lists[place];
        let query = [(format!("sort[{}]", list.resource.key), "DESC".to_owned()), ("limit".to_owned(), "1".to_owned())];
        let last = self.client.list(&list.resource.name, &query).await?.rows.pop();
        Ok(last.and_then(|row| self.lists[place].key_of(&row)?.parse().ok()))
    }

    /// A list was read for the first time.
    pub async fn baseline_ended(&mut self, place: usize) -> Result<(), SourceError> {
        self.learn(place).await?;
        let now = Instant::now();
        let list = &mut self.lists[place];
        if list.watermark == u64::MAX {
            list.watermark = list.recent_keys.iter().map(|(_, high)| *high).max().unwrap_or(0);
        }
        (list.known, list.rests_until) = (true, None);
        list.recent_keys.retain(|(at, _)| *at > now);
        let (name, watermark) = (mark("list", list), list.watermark);
        self.set_mark(&name, watermark.to_string()).await?;
        if self.lists.iter().all(|list| list.known) && self.scanned_ms == 0 {
            self.note_swept().await?;
        }
        Ok(())
    }

    async fn note_floors(&mut self) -> Result<(), SourceError> {
        let now = Instant::now();
        for place in 0..self.lists.len() {
            let list = &mut self.lists[place];
            if list.known && list.low(now) > list.watermark {
                list.watermark = list.low(now);
                let (name, watermark) = (mark("list", list), list.watermark);
                self.set_mark(&name, watermark.to_string()).await?;
            }
        }
        Ok(())
    }

    async fn set_mark(&self, name: &str, text: String) -> Result<(), SourceError> {
        self.poller.store.set_mark(self.poller.source.id, name, text).await.map_err(SourceError::ours)
    }

    /// The day so many days ago, by the ERP's clock.
    pub fn day(&self, ago: u32) -> String {
        self.shape.wall_clock(self.poller.intake.now().plus_ms(-DAY_MS * i64::from(ago))).0
    }
}

impl ListState {
    /// Whether a reading of what may have changed is under way.
    fn is_being_read(&self, now: Instant) -> bool {
        [ScanKind::Touched, ScanKind::Recent, ScanKind::Rotation].into_iter().any(|kind| self.has(kind, now))
    }

    /// The key beyond which records may be new.
    pub fn low(&self, now: Instant) -> u64 {
        let old = self.recent_keys.iter().filter(|(at, _)| now.duration_since(*at) >= LATE).map(|(_, high)| *high);
        old.max().unwrap_or(0).max(self.watermark)
    }

    /// Notes the greatest key of a look.
    pub fn note_high(&mut self, now: Instant, key: u64) {
        while self.recent_keys.len() > 1 && now.duration_since(self.recent_keys[1].0) >= LATE {
            self.recent_keys.pop_front();
        }
        if self.recent_keys.back().is_none_or(|(_, high)| *high < key) {
            self.recent_keys.push_back((now, key));
        }
    }
}

/// Which columns there are and of which kind: plugins of the ERP add some.
pub(crate) async fn learn_kinds(client: &mut ErpClient, list: &mut ListState) -> Result<(), ApiError> {
    let kinds = |types: HashMap<String, String>| {
        types.into_iter().map(|(column, kind)| (column, Kind::of_database(&kind))).collect()
    };
    list.kinds = kinds(client.types(&list.resource.name).await?);
    if let Some(lines) = &list.resource.lines {
        list.line_kinds = kinds(client.types(lines).await?);
    }
    Ok(())
}

/// The name of a mark of a list: `begun` and `list` say up to which key it was there when it was read first.
fn mark(what: &str, list: &ListState) -> String {
    format!("{what}:{}", list.resource.model)
}
