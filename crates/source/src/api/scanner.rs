//! Polls lists that are due, and runs slices of long scans in between.

use std::{collections::HashMap, sync::Arc, time::Duration};

use gancho_facturascripts::shape::Shape;
use gancho_model::Timestamp;

use super::{
    ApiError, ErpClient,
    list_state::{ListState, Scan, ScanKind, lists},
    payments::FollowedPayments,
    poller::ApiPoller,
    record_reader::RecordReader,
    schedule::Schedule,
    seen::SeenRecords,
    source_error::SourceError,
};

/// How long a list is skipped after a failure.
const REST: Duration = Duration::from_secs(60);
/// After this many consecutive failures, a list's nightly scan is given up.
const FAILS_MAX: u32 = 5;
/// Maximum time for slices before new records are polled again, milliseconds.
const PIECES_MS: i64 = 500;
/// Pages of a slice before other due work.
const SLICE_PAGES: u32 = 5;
/// Pages of a list without dates per cycle.
const CYCLE_PAGES: u32 = 20;
/// A day in milliseconds.
const DAY_MS: i64 = 86_400_000;
/// The mark with the time of the last full scan.
const SCANNED: &str = "swept";

/// Polls one ERP's lists.
pub(super) struct ApiScanner<'a> {
    poller: &'a ApiPoller,
    reader: RecordReader,
    schedule: Schedule,
    lists: Vec<ListState>,
    payments: FollowedPayments,
    trouble: Trouble,
}

/// Lists that failed in this cycle, and whether that was reported.
#[derive(Debug, Default)]
struct Trouble {
    error: Option<ApiError>,
    is_told: bool,
}

impl<'a> ApiScanner<'a> {
    /// Loads the lists and their progress.
    pub async fn begin(
        poller: &'a ApiPoller,
        client: ErpClient,
        seen: Arc<SeenRecords>,
        marks: &HashMap<String, String>,
    ) -> Result<Self, SourceError> {
        let (source, options) = (&poller.source, poller.options);
        let mut reader = RecordReader {
            client,
            shape: Shape::new(&source.time_zone).map_err(SourceError::ours)?,
            options,
            seen,
            intake: poller.intake.clone(),
            source: source.id,
            diffs: vec![],
            cycle: 0,
        };
        let mut watched: Vec<ListState> = lists(source.models.as_deref()).into_iter().map(ListState::new).collect();
        for list in &mut watched {
            if let Some(watermark) = marks.get(&mark("list", list)) {
                (list.known, list.watermark) = (true, watermark.parse().unwrap_or(0));
            }
            reader.learn_kinds(list).await?;
        }
        poller.report.asks(source.id, (options.delay(watched.len()), options.changes_every));
        let scanned = marks.get(SCANNED).and_then(|at| at.parse().ok()).unwrap_or(0);
        let schedule = Schedule::new(options, Timestamp::from_ms(scanned), reader.now());
        let (payments, trouble) = (FollowedPayments::default(), Trouble::default());
        Ok(Self { poller, reader, schedule, lists: watched, payments, trouble })
    }

    /// Runs due work, with slices of long scans in between, or waits.
    pub async fn turn(&mut self) -> Result<(), SourceError> {
        let now = self.reader.now();
        let mut idle = true;
        if self.schedule.take_new(now) {
            self.look_for_new().await?;
            idle = false;
        }
        loop {
            let mut worked = false;
            for kinds in [
                &[ScanKind::Baseline][..],
                &[ScanKind::Touched, ScanKind::Recent, ScanKind::Rotation],
                &[ScanKind::Full],
            ] {
                worked |= self.piece(kinds).await?;
            }
            idle &= !worked;
            self.begin_baseline().await?;
            self.begin_full_scan().await?;
            if !worked || self.reader.now().since_ms(now) > PIECES_MS {
                break;
            }
        }
        if !self.lists.iter().any(|list| list.is_scanned_for_changes(now)) {
            // Changes of one cycle are submitted together: a user's roles with the user.
            self.reader.flush().await?;
            if self.schedule.take_changes(now) {
                self.end_cycle().await;
                self.note_watermarks().await?;
                self.begin_cycle();
                idle = false;
            }
        }
        if idle {
            tokio::time::sleep(Duration::from_millis(self.schedule.idle_ms(self.reader.now()))).await;
        }
        Ok(())
    }

    /// Polls for records with new keys or created recently.
    async fn look_for_new(&mut self) -> Result<(), SourceError> {
        self.reader.cycle += 1;
        let yesterday = self.day(1);
        for place in self.schedule.next_lists(&self.lists, self.reader.now()) {
            let list = &mut self.lists[place];
            let read = list.new_records(&yesterday, self.reader.now());
            let read = self.reader.read_along(list, read).await;
            self.spare(place, read)?;
        }
        self.payments.follow(&mut self.reader, &mut self.lists).await?;
        self.reader.flush().await
    }

    /// Continues the first scan of one of these kinds, if any.
    async fn piece(&mut self, kinds: &[ScanKind]) -> Result<bool, SourceError> {
        let now = self.reader.now();
        let due =
            |place: usize| kinds.iter().find(|kind| self.lists[place].has(**kind, now)).map(|kind| (place, *kind));
        let Some((place, kind)) = (0..self.lists.len()).find_map(due) else { return Ok(false) };
        let done = self.slice(place, kind, SLICE_PAGES).await;
        self.spare(place, done)?;
        Ok(true)
    }

    /// Continues a scan for some pages. A failed page is read again.
    async fn slice(&mut self, place: usize, kind: ScanKind, pages: u32) -> Result<(), SourceError> {
        for _ in 0..pages {
            let list = &mut self.lists[place];
            let Some(mut scan) = list.take(kind) else { return Ok(()) };
            let before = scan.cursor.clone();
            if scan.pages == 0 {
                list.scans.push(scan);
                return Ok(());
            }
            if let Err(error) = self.reader.page(list, &mut scan).await {
                scan.cursor = before;
                list.scans.push(scan);
                return Err(error);
            }
            list.fails = 0;
            if scan.cursor.ended {
                return self.ended(place, scan).await;
            }
            scan.pages -= 1;
            list.scans.push(scan);
        }
        Ok(())
    }

    async fn ended(&mut self, place: usize, scan: Scan) -> Result<(), SourceError> {
        let list = &mut self.lists[place];
        match scan.kind {
            ScanKind::Baseline if !scan.cursor.whole && self.reader.client.counts => {
                // Records skipped now would be reported as created later.
                list.begin(ScanKind::Baseline, list.cursor(), None, u32::MAX);
                Err(ApiError::Unreadable("a list ends too early").into())
            }
            ScanKind::Baseline if scan.keys.is_empty() && !list.was_empty => {
                // Invalid SQL also yields an empty list: check again.
                list.was_empty = true;
                list.begin(ScanKind::Baseline, list.cursor(), None, u32::MAX);
                Ok(())
            }
            ScanKind::Baseline => self.baseline_ended(place).await,
            ScanKind::Recent | ScanKind::Rotation | ScanKind::Full if scan.cursor.whole => {
                self.reader.missing(list, &scan).await
            }
            ScanKind::Touched | ScanKind::Recent | ScanKind::Rotation | ScanKind::Full => Ok(()),
        }
    }

    /// A list that fails does not block the others; an ERP that fails does.
    fn spare(&mut self, place: usize, done: Result<(), SourceError>) -> Result<(), SourceError> {
        match done {
            Err(SourceError::Erp(error)) if error.is_of_one_list() => {
                let rest = REST.min(self.poller.options.changes_every);
                let list = &mut self.lists[place];
                tracing::warn!(list = list.resource.name, %error, "a list of the ERP can't be read; skipped for now");
                list.rests_until = Some(self.reader.now().plus_ms(rest.as_millis() as i64));
                list.fails += 1;
                let goes_on =
                    |kind: ScanKind| kind == ScanKind::Baseline || (kind == ScanKind::Full && list.fails < FAILS_MAX);
                list.scans.retain(|scan| goes_on(scan.kind));
                self.trouble.error = Some(error);
                Ok(())
            }
            done => done,
        }
    }

    /// Reports whether all lists could be read since the last cycle.
    async fn end_cycle(&mut self) {
        let (report, source) = (&self.poller.report, &self.poller.source);
        match self.trouble.error.take() {
            Some(error) => {
                report.down(source, error.message()).await;
                self.trouble.is_told = true;
            }
            None if self.trouble.is_told => {
                report.up(source).await;
                self.trouble.is_told = false;
            }
            None => {}
        }
    }

    /// Starts scans for changes: documents of the last days, products touched, other lists in slices.
    fn begin_cycle(&mut self) {
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
                None => list.begin(ScanKind::Rotation, list.cursor(), None, CYCLE_PAGES),
            }
        }
    }

    /// Starts the nightly full scan; its end is recorded.
    async fn begin_full_scan(&mut self) -> Result<(), SourceError> {
        if self.lists.iter().any(|list| !list.known) {
            return Ok(());
        }
        if self.schedule.is_scanning {
            let goes_on = self.lists.iter().any(|list| list.scans.iter().any(|scan| scan.kind == ScanKind::Full));
            return if goes_on { Ok(()) } else { self.note_scanned().await };
        }
        let now = self.reader.intake.now();
        if self.schedule.is_full_scan_due(now, self.reader.shape.wall_clock(now).1) {
            self.schedule.is_scanning = true;
            for list in &mut self.lists {
                self.reader.learn_kinds(list).await?;
                if list.resource.day.is_some() {
                    list.begin(ScanKind::Full, list.cursor(), None, u32::MAX);
                }
            }
        }
        Ok(())
    }

    async fn note_scanned(&mut self) -> Result<(), SourceError> {
        let now = self.reader.intake.now();
        self.schedule.scanned(now);
        self.reader.seen.set_mark(SCANNED, now.ms().to_string()).await?;
        self.note_watermarks().await
    }

    /// Records created during the first scan are changes: the greatest key is stored before it starts, and kept if the
    /// scan has to restart.
    async fn begin_baseline(&mut self) -> Result<(), SourceError> {
        let now = self.reader.now();
        let waits = |list: &ListState| !list.known && list.scans.is_empty() && !list.rests(now);
        if self.lists.iter().any(|list| list.has(ScanKind::Baseline, now)) {
            return Ok(());
        }
        let Some(place) = self.lists.iter().position(waits) else { return Ok(()) };
        if self.lists[place].resource.serial {
            let begun = mark("begun", &self.lists[place]);
            let marks = self.reader.seen.marks().await?;
            let watermark = match marks.get(&begun).and_then(|watermark| watermark.parse().ok()) {
                Some(watermark) => Some(watermark),
                None => match self.reader.greatest(&self.lists[place]).await {
                    Ok(greatest) => greatest,
                    Err(error) => return self.spare(place, Err(error)),
                },
            };
            // For a list that is empty at first, the greatest key is known after the scan.
            self.lists[place].watermark = watermark.unwrap_or(u64::MAX);
            if let Some(watermark) = watermark {
                self.reader.seen.set_mark(&begun, watermark.to_string()).await?;
            }
        }
        let list = &mut self.lists[place];
        list.begin(ScanKind::Baseline, list.cursor(), None, u32::MAX);
        Ok(())
    }

    /// The first scan of a list ended.
    async fn baseline_ended(&mut self, place: usize) -> Result<(), SourceError> {
        self.reader.learn_rows(&self.lists[place]).await?;
        let now = self.reader.now();
        let list = &mut self.lists[place];
        if list.watermark == u64::MAX {
            list.watermark = list.recent_keys.iter().map(|(_, high)| *high).max().unwrap_or(0);
        }
        (list.known, list.rests_until) = (true, None);
        list.recent_keys.retain(|(at, _)| *at > now);
        self.reader.seen.set_mark(&mark("list", list), list.watermark.to_string()).await?;
        if self.lists.iter().all(|list| list.known) && self.schedule.is_first() {
            self.note_scanned().await?;
        }
        Ok(())
    }

    async fn note_watermarks(&mut self) -> Result<(), SourceError> {
        let now = self.reader.now();
        for list in self.lists.iter_mut().filter(|list| list.known && list.low(now) > list.watermark) {
            list.watermark = list.low(now);
            self.reader.seen.set_mark(&mark("list", list), list.watermark.to_string()).await?;
        }
        Ok(())
    }

    /// The day this many days ago, in the ERP's time zone.
    fn day(&self, ago: u32) -> String {
        let now = self.reader.intake.now();
        self.reader.shape.wall_clock(now.plus_ms(-DAY_MS * i64::from(ago))).0
    }
}

/// The name of a list's mark: `begun` and `list` hold the greatest key before its first scan.
fn mark(what: &str, list: &ListState) -> String {
    format!("{what}:{}", list.resource.model)
}
