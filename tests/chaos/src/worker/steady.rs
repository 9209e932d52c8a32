//! Readers and writers at a rate, as of a service in use.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cache_chaos::history::{Mode, Operation};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use super::calls::{Caller, Place};
use crate::settings::MEMBERS;

/// Two groups of rows in the default mode, for one in mode `fast`. Mode `strict` is left out: its writes take as long as a lease
/// with all things well.
const GROUPS: [(Mode, u32); 3] = [(Mode::Safe, 0), (Mode::Safe, 1), (Mode::Fast, 0)];

/// One caller that does the same again and again until it is told to halt.
pub(super) struct Steady {
    pub(super) caller: Caller,
    /// How long apart its calls begin. One that takes longer puts off the next: nothing is made up for.
    pub(super) pace: Duration,
    pub(super) halt: Arc<AtomicBool>,
}

impl Steady {
    pub(super) async fn read(mut self) {
        let mut ticks = self.ticks();
        while self.goes_on(&mut ticks).await {
            let place = self.place();
            self.caller.read(place).await;
        }
    }

    pub(super) async fn write(mut self) {
        let mut ticks = self.ticks();
        while self.goes_on(&mut ticks).await {
            let place = self.place();
            let operation = if self.caller.chance.per_mille(50) { Operation::Touch } else { Operation::Put };
            self.caller.write(place, operation, None).await;
        }
    }

    /// Callers do not begin at the same moment.
    fn ticks(&mut self) -> Interval {
        let first = Instant::now() + self.caller.chance.span(Duration::ZERO, self.pace);
        let mut ticks = interval_at(first, self.pace);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks
    }

    async fn goes_on(&self, ticks: &mut Interval) -> bool {
        ticks.tick().await;
        !self.halt.load(Ordering::Relaxed)
    }

    fn place(&mut self) -> Place {
        let rows = GROUPS.len() as u64 * u64::from(MEMBERS);
        let row = u32::try_from(self.caller.chance.less_than(rows)).unwrap_or(0);
        let (mode, group) = GROUPS[(row / MEMBERS) as usize];
        Place { mode, group, member: row % MEMBERS }
    }
}
