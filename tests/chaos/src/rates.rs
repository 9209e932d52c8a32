//! The distribution of a load among processes.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The calls of all processes together per second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    /// How many reads, at least one.
    pub reads: u32,
    /// How many writes, at least one.
    pub writes: u32,
    /// Whether half of the processes write and half read; else each does both.
    pub split: bool,
}

/// The intervals between the calls of one caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Apart {
    /// The interval of a reader; `None` if the process has no readers.
    pub reads: Option<Duration>,
    /// The interval of a writer; `None` if the process has no writers.
    pub writes: Option<Duration>,
}

impl Rates {
    /// The share of one of `places` processes, each with `callers` readers and `callers` writers.
    pub fn share(self, place: usize, places: usize, callers: u32) -> Apart {
        let writers = if self.split { places / 2 } else { places };
        let readers = if self.split { places - writers } else { places };
        let apart = |rate: u32, processes: usize| {
            let callers = u32::try_from(processes).unwrap_or(u32::MAX).saturating_mul(callers);
            Duration::from_secs(1) * callers / rate
        };
        let is_writer = place < writers;
        Apart {
            reads: (!self.split || !is_writer).then(|| apart(self.reads, readers)),
            writes: is_writer.then(|| apart(self.writes, writers)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_share_the_rates() {
        let share = |split, place, places| {
            let Apart { reads, writes } = Rates { reads: 1000, writes: 50, split }.share(place, places, 2);
            [reads, writes].map(|apart| apart.map(|apart| apart.as_millis()))
        };
        assert_eq!(share(false, 1, 4), [Some(8), Some(160)]);
        assert_eq!(share(true, 1, 4), [None, Some(80)]);
        assert_eq!(share(true, 2, 4), [Some(4), None]);
        assert_eq!(share(true, 0, 1), [Some(2), None]);
    }
}
