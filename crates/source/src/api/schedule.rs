//! New records, looked for often and cheaply: one small request a list, those first that lately had diffs.

use std::{cmp::Reverse, time::Duration};

use gancho_facturascripts::catalogue::{self, Kind};
use tokio::time::Instant;

use super::{PageCursor, PollingOptions, list_state::ListState, poller::SourceError, scanner::ApiScanner};

/// How long a list that had diffs is looked at before others.
const NEWS_LASTS: Duration = Duration::from_secs(300);
/// How much before.
const NEWS_WEIGHT: u32 = 3;
/// How often it is looked for ids that were committed late.
const LATE_EVERY: Duration = Duration::from_secs(30);

impl PollingOptions {
    /// How many lists are looked at in one cycle: half of what may be asked is left for other readings, if there
    /// are any.
    fn lists_a_round(&self, others: bool) -> usize {
        let requests = f64::from(self.requests_per_s) * self.new_every.as_secs_f64().max(1.0);
        (requests / if others { 2.0 } else { 1.0 }).max(1.0) as usize
    }

    /// How long a new record of one of so many lists may wait until it is seen.
    pub(super) fn delay(&self, lists: usize) -> Duration {
        let rounds = lists.div_ceil(self.lists_a_round(false)) as u32;
        self.new_every.max(Duration::from_secs_f64(lists as f64 / f64::from(self.requests_per_s.max(1))))
            * rounds.max(1)
    }
}

impl ApiScanner<'_> {
    /// Records with keys beyond those known, or made lately.
    pub async fn look_for_new(&mut self) -> Result<(), SourceError> {
        self.cycle += 1;
        for place in self.next_lists() {
            let now = Instant::now();
            let (cursor, pages) = self.walk_of(place, now);
            self.lists[place].looked_at = Some(now);
            let read = self.read_along(place, cursor, pages).await;
            self.spare(place, read)?;
        }
        self.follow_payments().await?;
        self.flush().await
    }

    /// Whose turn it is. Lists of users and rights are looked at together: a user's roles go with the user.
    fn next_lists(&self) -> Vec<usize> {
        let now = Instant::now();
        let mut groups: Vec<Vec<usize>> = vec![];
        let mut people = vec![];
        for (place, list) in self.lists.iter().enumerate() {
            if !list.known || list.rests_until.is_some_and(|until| now < until) {
                continue;
            }
            if list.is_of_people() { people.push(place) } else { groups.push(vec![place]) }
        }
        groups.push(people);
        groups.sort_by_key(|group| Reverse(group.iter().map(|place| self.lists[*place].waits(now)).max()));
        let others = self.lists.iter().any(|list| !list.scans.is_empty());
        let mut left = self.poller.options.lists_a_round(others);
        let mut next = vec![];
        for group in groups.into_iter().filter(|group| !group.is_empty()) {
            if left == 0 {
                break;
            }
            left = left.saturating_sub(group.len());
            next.extend(group);
        }
        // What must be known to understand others comes first.
        next.sort_unstable();
        next
    }

    /// How a list is looked at.
    fn walk_of(&mut self, place: usize, now: Instant) -> (PageCursor, u32) {
        let yesterday = self.day(1);
        let list = &mut self.lists[place];
        let deep =
            std::mem::take(&mut list.again) || list.deep_at.is_none_or(|at| now.duration_since(at) >= LATE_EVERY);
        match list.resource.born {
            _ if list.resource.serial && deep => {
                list.deep_at = Some(now);
                (list.cursor().beyond(list.low(now).to_string()), u32::MAX)
            }
            _ if list.resource.serial => (list.cursor().beyond(list.high(now).to_string()), u32::MAX),
            Some(born) => (list.cursor().only(&format!("{born}_gte"), yesterday.as_str()), u32::MAX),
            // Users and roles are few: a new one is on the first page.
            None => (list.cursor(), 1),
        }
    }
}

impl ListState {
    /// How urgently it is to be looked at: for how long it was not, and more if it lately had diffs.
    fn waits(&self, now: Instant) -> Duration {
        let Some(looked_at) = self.looked_at else { return Duration::MAX };
        let is_lively = self.news_at.is_some_and(|at| now.duration_since(at) < NEWS_LASTS);
        now.duration_since(looked_at) * if is_lively { NEWS_WEIGHT } else { 1 }
    }

    /// The greatest key that was seen.
    fn high(&self, now: Instant) -> u64 {
        self.recent_keys.back().map(|(_, high)| *high).unwrap_or(0).max(self.low(now))
    }

    /// Whether it says who there is and what they may do.
    pub fn is_of_people(&self) -> bool {
        let kind = catalogue::find(&self.resource.model).map(|model| model.kind);
        matches!(kind, Some(Kind::User | Kind::Permission)) || self.resource.model == "RoleUser"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(new_s: u64, requests_per_s: u32) -> PollingOptions {
        let day = Duration::from_secs(86_400);
        let new_every = Duration::from_secs(new_s);
        PollingOptions {
            new_every,
            changes_every: day,
            changes_days: 90,
            sweep_every: day,
            page_rows: 100,
            requests_per_s,
        }
    }

    #[test]
    fn no_more_is_asked_than_may_be() {
        assert_eq!(options(5, 4).lists_a_round(false), 20);
        assert_eq!(options(5, 4).lists_a_round(true), 10);
        assert_eq!(options(0, 1).lists_a_round(true), 1);
        assert_eq!(options(5, 4).delay(20), Duration::from_secs(5));
        assert_eq!(options(5, 1).delay(20), Duration::from_secs(80));
    }
}
