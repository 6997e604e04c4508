//! Shares the concurrent attempts among endpoints, so that hanging endpoints leave slots for those that respond.

/// An endpoint's speed, as far as known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Pace {
    /// No attempt has ended yet.
    #[default]
    Unknown,
    /// Attempts usually end quickly, and none has been under way for long.
    Fast,
    /// Attempts take long, or one has been under way for long.
    Slow,
}

/// Attempts under way, by their endpoints' pace.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slots {
    limit: u32,
    fast: u32,
    /// Includes those of unknown pace, which may hang.
    slow: u32,
}

impl Slots {
    pub fn new(limit: u32) -> Self {
        Self { limit, fast: 0, slow: 0 }
    }

    pub fn in_flight(&self) -> u32 {
        self.fast + self.slow
    }

    fn of(&mut self, pace: Pace) -> &mut u32 {
        if pace == Pace::Fast { &mut self.fast } else { &mut self.slow }
    }

    pub fn take(&mut self, pace: Pace) {
        *self.of(pace) += 1;
    }

    pub fn free(&mut self, pace: Pace, count: u32) {
        let slots = self.of(pace);
        *slots = slots.saturating_sub(count);
    }

    /// Moves an endpoint's attempts under way to another pace.
    pub fn repace(&mut self, from: Pace, to: Pace, count: u32) {
        self.free(from, count);
        *self.of(to) += count;
    }

    /// Whether an endpoint with `own` of at most `most` attempts under way may start another. The more it has, the more
    /// slots must stay free: a single endpoint gets its maximum, and if 200 start to hang at once, each gets some and
    /// leaves some. A quarter of all slots is never used by endpoints known to be slow.
    pub fn allow(&self, pace: Pace, own: u32, most: u32) -> bool {
        self.are_free() && self.allow_once_free(pace, own, most)
    }

    /// Whether a slot is free.
    pub fn are_free(&self) -> bool {
        self.in_flight() < self.limit
    }

    /// Like [`Slots::allow`] if all slots are taken: whether the endpoint may wait for the next free one.
    pub fn allow_once_free(&self, pace: Pace, own: u32, most: u32) -> bool {
        if own >= most {
            return false;
        }
        let group = if pace == Pace::Fast { self.fast } else { self.slow };
        let others = u64::from(group.saturating_sub(own));
        let below = |part: u64, of: u64| others * of < u64::from(self.limit) * part;
        match (pace, own) {
            (Pace::Fast, 0) | (Pace::Unknown, 0) => true,
            (Pace::Slow, 0) => u64::from(self.slow) * 4 < u64::from(self.limit) * 3,
            (Pace::Fast, own) if own * 2 >= most => below(1, 4),
            (Pace::Fast, own) if own * 4 >= most => below(1, 2),
            (Pace::Fast, _) => below(3, 4),
            (_, own) if own * 2 >= most => below(1, 8),
            (_, own) if own * 4 >= most => below(1, 4),
            _ => below(1, 2),
        }
    }

    /// How many more attempts an endpoint may start now.
    pub fn room(&self, pace: Pace, own: u32, most: u32) -> u32 {
        let mut slots = *self;
        let mut room = 0;
        while slots.allow(pace, own + room, most) {
            slots.take(pace);
            room += 1;
        }
        room
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// This many endpoints of one pace take all allowed slots, one after the other; returns each one's number.
    fn fill(slots: &mut Slots, pace: Pace, endpoints: u32) -> Vec<u32> {
        let mut got = vec![];
        for _ in 0..endpoints {
            let room = slots.room(pace, 0, 8);
            (0..room).for_each(|_| slots.take(pace));
            got.push(room);
        }
        got
    }

    #[test]
    fn one_alone_gets_all_that_it_may_have() {
        for pace in [Pace::Unknown, Pace::Fast, Pace::Slow] {
            assert_eq!(Slots::new(512).room(pace, 0, 256), 256, "{pace:?}");
        }
        assert_eq!(Slots::new(8).room(Pace::Unknown, 0, 8), 8);
        assert_eq!(Slots::new(1).room(Pace::Unknown, 0, 8), 1);
    }

    #[test]
    fn of_200_that_begin_to_hang_each_gets_something_and_leaves_something() {
        for pace in [Pace::Unknown, Pace::Fast, Pace::Slow] {
            let mut slots = Slots::new(512);
            let got = fill(&mut slots, pace, 200);
            assert!(got.iter().all(|got| *got > 0), "{pace:?}: {got:?}");
            assert!(slots.room(Pace::Unknown, 0, 8) > 0, "{pace:?}: a healthy one, known or not, begins");
            // Hanging endpoints are slow after a second.
            slots.repace(pace, Pace::Slow, slots.in_flight());
            assert_eq!(slots.room(Pace::Fast, 0, 8), 8, "{pace:?}: a healthy one works at full width");
        }
    }

    #[test]
    fn slow_ones_never_take_the_last_quarter() {
        let mut slots = Slots::new(512);
        fill(&mut slots, Pace::Slow, 2_000);
        assert_eq!(slots.in_flight(), 384);
    }

    #[test]
    fn never_more_than_the_limit() {
        for limit in 1..40 {
            let mut slots = Slots::new(limit);
            for pace in [Pace::Unknown, Pace::Fast, Pace::Slow] {
                fill(&mut slots, pace, 50);
            }
            assert_eq!(slots.in_flight(), limit);
        }
    }
}
