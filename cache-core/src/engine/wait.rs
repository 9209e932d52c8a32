//! Waiting for another caller's flight, which may never end by itself.
//!
//! A flight may wait for a load that its own follower is part of, or have a leader that is no longer polled. In both
//! cases followers give it up: waiting must end without any timeout of the user.

use std::sync::Arc;
use std::time::Duration;

use super::nesting;
use super::read_options::LoadErrors;
use super::region::Region;
use crate::coherence::WAITS;
use crate::key::KeyPart;
use crate::single_flight::{Flight, FlightOutcome, Progress, Stage};
use crate::value::Cacheable;

/// The shortest time without progress before a look-up is given up. On a busy machine it may just be slow.
const STALLED: Duration = Duration::from_millis(250);

impl<K: KeyPart, R: Cacheable> Region<K, R> {
    /// Waits for a flight; returns `None` if the caller must call the store itself.
    ///
    /// That is the case if the flight waits for a load that the caller is part of, or if the load exceeds its deadline
    /// and the error type cannot report that. Otherwise a load ends by its deadline. A flight whose leader is not
    /// polled makes no progress: it is given up, and all callers that wait for it start over.
    pub(super) async fn wait_for<E: Send + 'static>(
        &self,
        errors: LoadErrors<E>,
        flight: &Arc<Flight<R>>,
    ) -> Option<FlightOutcome<R>> {
        let _waiting = nesting::wait(flight.id(), flight.before()).ok()?;
        let (process, flights) = (self.method().process(), &self.inner.flights);
        let clock = &process.clock;
        let began = clock.now();
        let (mut seen, mut since) = (flights.progress(flight), began);
        loop {
            let patience = if errors.can_report_a_deadline() { Duration::MAX } else { self.method().load_deadline };
            let now = clock.now();
            let limit = seen.map_or(STALLED, |progress| self.longest(progress.stage));
            let left = limit.saturating_sub(now.since(since)).min(patience.saturating_sub(now.since(began)));
            if let Some(outcome) = clock.timeout(left, flight.outcome()).await {
                return Some(outcome);
            }
            let now = clock.now();
            if now.since(began) >= patience {
                return None;
            }
            let progress = flights.progress(flight);
            if progress != seen || progress.is_none() {
                (seen, since) = (progress, now);
            } else if let Some(Progress { flight: id, stage, .. }) = progress
                && now.since(since) >= self.longest(stage)
            {
                flights.give_up(flight, id);
            }
        }
    }

    /// The longest time at one stage. A load in a task ends by its deadline, unless its runtime is blocked.
    fn longest(&self, stage: Stage) -> Duration {
        let method = self.method();
        match stage {
            // A look-up of one key has two steps at most.
            Stage::Looking => STALLED.max(method.process().settings.read_timeout.saturating_mul(2 * WAITS)),
            Stage::LoadingInline => method.load_deadline.saturating_add(STALLED),
            Stage::LoadingInTask => method.load_deadline.saturating_mul(2).saturating_add(STALLED),
        }
    }
}
