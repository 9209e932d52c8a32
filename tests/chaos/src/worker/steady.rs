//! Readers and writers at a fixed rate, as in a service.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cache_chaos::history::{Mode, Operation};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use super::calls::{Caller, Place};
use crate::settings::MEMBERS;

/// Two groups of rows in the default mode and one in mode `fast`.
///
/// Mode `strict` is omitted, since its writes take a lease even without faults.
const GROUPS: [(Mode, u32); 3] = [(Mode::Safe, 0), (Mode::Safe, 1), (Mode::Fast, 0)];

/// A caller that repeats the same call until it is halted.
pub(super) struct Steady {
    pub(super) caller: Caller,
    /// The interval between the starts of its calls. A slow call delays the next one and is not caught up.
    pub(super) pace: Duration,
    pub(super) halt: Arc<AtomicBool>,
}

impl Steady {
    pub(super) async fn read(mut self) {
        let mut ticks = self.ticks();
        while self.continues(&mut ticks).await {
            let place = self.place();
            self.caller.read(place).await;
        }
    }

    pub(super) async fn write(mut self) {
        let mut ticks = self.ticks();
        while self.continues(&mut ticks).await {
            let place = self.place();
            let operation = if self.caller.random.per_mille(50) { Operation::Touch } else { Operation::Put };
            self.caller.write(place, operation, None).await;
        }
    }

    /// The ticks of the calls, with a random start that separates the callers.
    fn ticks(&mut self) -> Interval {
        let first = Instant::now() + self.caller.random.span(Duration::ZERO, self.pace);
        let mut ticks = interval_at(first, self.pace);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks
    }

    async fn continues(&self, ticks: &mut Interval) -> bool {
        ticks.tick().await;
        !self.halt.load(Ordering::Relaxed)
    }

    fn place(&mut self) -> Place {
        let rows = GROUPS.len() as u64 * u64::from(MEMBERS);
        let row = u32::try_from(self.caller.random.less_than(rows)).unwrap_or(0);
        let (mode, group) = GROUPS[(row / MEMBERS) as usize];
        Place { mode, group, member: row % MEMBERS }
    }
}
