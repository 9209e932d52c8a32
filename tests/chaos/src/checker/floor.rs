//! The newest version that is due at a time.

/// Finds the version that is due to a read by its start.
#[derive(Debug, Clone, Default)]
pub(super) struct Floor(Vec<Step>);

#[derive(Debug, Clone, Copy)]
struct Step {
    after: u64,
    version: u64,
}

impl Floor {
    /// `dues` are versions with the time after which each is due.
    pub(super) fn new(dues: impl IntoIterator<Item = (u64, u64)>) -> Self {
        let mut steps: Vec<Step> = dues.into_iter().map(|(after, version)| Step { after, version }).collect();
        steps.sort_by_key(|step| step.after);
        let mut newest = 0;
        for step in &mut steps {
            newest = step.version.max(newest);
            step.version = newest;
        }
        Self(steps)
    }

    /// The newest version that is due to a read that begins at `start`, or 0.
    pub(super) fn at(&self, start: u64) -> u64 {
        let before = self.0.partition_point(|step| step.after < start);
        before.checked_sub(1).map_or(0, |last| self.0[last].version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_due_after_its_time_and_a_later_one_covers_it() {
        let floor = Floor::new([(30, 2), (10, 1), (20, 5)]);
        let due = [10, 11, 20, 21, 31].map(|start| floor.at(start));
        assert_eq!(due, [0, 1, 1, 5, 5]);
        assert_eq!(Floor::default().at(7), 0);
    }
}
