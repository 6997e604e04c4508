use std::collections::VecDeque;

use gancho_model::{DeliveryId, MonoTime};

use super::slots::{Pace, Slots};

/// An endpoint whose attempts take this long is slow, milliseconds.
const SLOW_MS: i64 = 1000;

/// An endpoint's attempts under way, and its speed.
#[derive(Default)]
pub(super) struct InFlight {
    /// Start times, oldest first.
    began: VecDeque<(DeliveryId, MonoTime)>,
    /// Moving average of attempt durations, milliseconds; `None` before the first ended.
    usual_ms: Option<f64>,
    /// The pace that they are counted under.
    pace: Pace,
}

impl InFlight {
    pub fn count(&self) -> u32 {
        self.began.len() as u32
    }

    pub fn pace(&self) -> Pace {
        self.pace
    }

    pub fn usual_ms(&self) -> Option<f64> {
        self.usual_ms
    }

    pub fn begin(&mut self, delivery: DeliveryId, now: MonoTime, slots: &mut Slots) {
        self.began.push_back((delivery, now));
        slots.take(self.pace);
    }

    pub fn end(&mut self, delivery: DeliveryId, slots: &mut Slots) {
        if let Some(at) = self.began.iter().position(|(id, _)| *id == delivery) {
            self.began.remove(at);
            slots.free(self.pace, 1);
        }
    }

    /// Records a duration.
    pub fn note(&mut self, duration_ms: u32) {
        let took_ms = f64::from(duration_ms);
        self.usual_ms = Some(self.usual_ms.map_or(took_ms, |usual_ms| usual_ms + (took_ms - usual_ms) * 0.2));
    }

    /// Updates the pace: an attempt that has been under way for long counts before it ends.
    pub fn repace(&mut self, now: MonoTime, slots: &mut Slots) {
        let stalled = self.began.front().is_some_and(|(_, began)| now.since_ms(*began) >= SLOW_MS);
        let pace = match self.usual_ms {
            _ if stalled => Pace::Slow,
            None => Pace::Unknown,
            Some(usual_ms) if usual_ms >= SLOW_MS as f64 => Pace::Slow,
            Some(_) => Pace::Fast,
        };
        slots.repace(self.pace, pace, self.count());
        self.pace = pace;
    }

    /// When a fast endpoint becomes slow unless an attempt ends first.
    pub fn slow_at(&self) -> Option<MonoTime> {
        let oldest = self.began.front().filter(|_| self.pace == Pace::Fast);
        oldest.map(|(_, began)| began.plus_ms(SLOW_MS))
    }
}
