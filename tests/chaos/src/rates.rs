//! How a load is shared out among processes.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What all processes together do in a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    /// How many reads, at least one.
    pub reads: u32,
    /// How many writes, at least one.
    pub writes: u32,
    /// Whether one half of the processes writes and the other half reads; else each does both.
    pub split: bool,
}

/// How long apart the calls of one caller are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Apart {
    /// Those of a reader; nothing where the process has none.
    pub reads: Option<Duration>,
    /// Those of a writer; nothing where the process has none.
    pub writes: Option<Duration>,
}

impl Rates {
    /// The share of one of so many processes, each of which has so many readers and as many writers.
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
