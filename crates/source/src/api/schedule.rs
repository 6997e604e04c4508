//! Schedules reads: new records often and cheaply, changes less often, everything at first and then every night. Pure.

use std::{cmp::Reverse, ops::Range, time::Duration};

use gancho_model::{MonoTime, Timestamp};

use super::{PollingOptions, list_state::ListState};

/// Maximum wait: the night may have begun.
const IDLE_MS_MAX: i64 = 30_000;
/// A day in milliseconds.
const DAY_MS: i64 = 86_400_000;
/// Hours of the full scan, in the ERP's time zone.
const NIGHT: Range<i8> = 2..6;

impl PollingOptions {
    /// Lists polled per cycle: half of the request rate is left for other scans, if there are any.
    fn lists_a_cycle(&self, others: bool) -> usize {
        let requests = f64::from(self.requests_per_s) * self.new_every.as_secs_f64().max(1.0);
        (requests / if others { 2.0 } else { 1.0 }).max(1.0) as usize
    }

    /// Maximum delay until a new record is found, with this many lists.
    pub(super) fn delay(&self, lists: usize) -> Duration {
        let cycles = lists.div_ceil(self.lists_a_cycle(false)) as u32;
        self.new_every.max(Duration::from_secs_f64(lists as f64 / f64::from(self.requests_per_s.max(1))))
            * cycles.max(1)
    }
}

/// Due times.
#[derive(Clone, Debug)]
pub(super) struct Schedule {
    options: PollingOptions,
    new_at: MonoTime,
    changes_at: MonoTime,
    /// Time of the last full scan by the wall clock; 0 for never.
    scanned: Timestamp,
    /// Whether a full scan is under way.
    pub is_scanning: bool,
}

impl Schedule {
    /// New records and changes are due at once.
    pub fn new(options: PollingOptions, scanned: Timestamp, now: MonoTime) -> Self {
        Self { options, new_at: now, changes_at: now, scanned, is_scanning: false }
    }

    /// Whether new records are due; if so, schedules the next poll.
    pub fn take_new(&mut self, now: MonoTime) -> bool {
        take(&mut self.new_at, self.options.new_every, now)
    }

    /// Whether changes are due; if so, schedules the next poll.
    pub fn take_changes(&mut self, now: MonoTime) -> bool {
        take(&mut self.changes_at, self.options.changes_every, now)
    }

    /// Time until something is due, milliseconds.
    pub fn idle_ms(&self, now: MonoTime) -> u64 {
        let due_ms = self.new_at.min(self.changes_at).since_ms(now);
        due_ms.clamp(0, IDLE_MS_MAX).unsigned_abs()
    }

    /// Whether there was no full scan yet.
    pub fn is_first(&self) -> bool {
        self.scanned.ms() == 0
    }

    /// A full scan ended.
    pub fn scanned(&mut self, now: Timestamp) {
        (self.scanned, self.is_scanning) = (now, false);
    }

    /// Whether a full scan is due at this hour in the ERP's time zone. A machine that sleeps at night scans by day, a
    /// day late; a last scan in the future (the clock was wrong) is ignored.
    pub fn is_full_scan_due(&self, now: Timestamp, hour: i8) -> bool {
        let every_ms = self.options.sweep_every.as_millis() as i64;
        let since = now.since_ms(self.scanned);
        since < 0 || (since >= every_ms && (every_ms < DAY_MS || NIGHT.contains(&hour) || since >= every_ms + DAY_MS))
    }

    /// The lists to poll for new records next, by index. Lists of users and rights are polled together, so that a
    /// user's roles come with the user.
    pub fn next_lists(&self, lists: &[ListState], now: MonoTime) -> Vec<usize> {
        let mut groups: Vec<Vec<usize>> = vec![];
        let mut people = vec![];
        for (place, list) in lists.iter().enumerate().filter(|(_, list)| list.known && !list.rests(now)) {
            if list.is_of_people() { people.push(place) } else { groups.push(vec![place]) }
        }
        groups.push(people);
        groups.sort_by_key(|group| Reverse(group.iter().map(|place| lists[*place].waits_ms(now)).max()));
        let others = lists.iter().any(|list| !list.scans.is_empty());
        let mut left = self.options.lists_a_cycle(others);
        let mut next = vec![];
        for group in groups.into_iter().filter(|group| !group.is_empty()) {
            if left == 0 {
                break;
            }
            left = left.saturating_sub(group.len());
            next.extend(group);
        }
        // Lists needed to understand others come first.
        next.sort_unstable();
        next
    }
}

fn take(at: &mut MonoTime, every: Duration, now: MonoTime) -> bool {
    let is_due = now >= *at;
    if is_due {
        *at = now.plus_ms(every.as_millis() as i64);
    }
    is_due
}

#[cfg(test)]
mod tests {
    use gancho_facturascripts::resource::Resource;

    use super::*;

    fn options(new_s: u64, requests_per_s: u32) -> PollingOptions {
        let day = Duration::from_secs(86_400);
        let new_every = Duration::from_secs(new_s);
        PollingOptions {
            new_every,
            changes_every: Duration::from_secs(300),
            changes_days: 90,
            sweep_every: day,
            page_rows: 100,
            requests_per_s,
        }
    }

    fn at(s: i64) -> MonoTime {
        MonoTime::from_ms(s * 1000)
    }

    #[test]
    fn no_more_is_asked_than_may_be() {
        assert_eq!(options(5, 4).lists_a_cycle(false), 20);
        assert_eq!(options(5, 4).lists_a_cycle(true), 10);
        assert_eq!(options(0, 1).lists_a_cycle(true), 1);
        assert_eq!(options(5, 4).delay(20), Duration::from_secs(5));
        assert_eq!(options(5, 1).delay(20), Duration::from_secs(80));
    }

    #[test]
    fn new_records_and_changes_have_their_times() {
        let mut schedule = Schedule::new(options(5, 4), Timestamp::default(), at(0));
        assert!(schedule.take_new(at(0)) && schedule.take_changes(at(0)));
        assert!(!schedule.take_new(at(4)) && schedule.idle_ms(at(4)) == 1000);
        assert!(schedule.take_new(at(9)), "late is late once, not again and again");
        assert!(!schedule.take_new(at(13)));
        assert!(!schedule.take_changes(at(299)) && schedule.take_changes(at(300)));
        assert!(schedule.take_new(at(301)));
        assert_eq!(schedule.idle_ms(at(1000)), 0);
    }

    #[test]
    fn everything_is_read_at_night_or_a_day_late() {
        let hour = |hours: i64| Timestamp::from_ms(1_000 * DAY_MS + hours * 3_600_000);
        let schedule = Schedule::new(options(5, 4), hour(0), at(0));
        assert!(!schedule.is_full_scan_due(hour(23), 3), "not twice in a night");
        assert!(!schedule.is_full_scan_due(hour(30), 12));
        assert!(schedule.is_full_scan_due(hour(30), 3));
        assert!(schedule.is_full_scan_due(hour(48), 12));
        assert!(schedule.is_full_scan_due(hour(-1), 12), "the clock was ahead");
    }

    #[test]
    fn lists_that_waited_longest_come_first() {
        let names = ["Cliente", "Proveedor", "User", "RoleUser", "Producto"];
        let mut lists: Vec<ListState> = names.map(|name| ListState::new(Resource::of(name))).into();
        for (place, list) in lists.iter_mut().enumerate() {
            (list.known, list.looked_at) = (true, Some(at(place as i64)));
        }
        // Two requests a second, one list a cycle beside other scans.
        let schedule = Schedule::new(options(1, 2), Timestamp::default(), at(0));
        assert_eq!(schedule.next_lists(&lists, at(10)), [0, 1]);
        lists[4].news_at = Some(at(9));
        assert_eq!(schedule.next_lists(&lists, at(10)), [0, 4], "news weigh more");
        lists[0].rests_until = Some(at(11));
        (lists[1].known, lists[4].known) = (false, false);
        assert_eq!(schedule.next_lists(&lists, at(10)), [2, 3], "people are looked at together");
    }
}
