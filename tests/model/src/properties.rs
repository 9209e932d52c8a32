//! Checks of the promises at each step.

use crate::configuration::{Configuration, Promise};
use crate::state::{Degraded, Instance, Source, Standing, State, Step, Version};
use crate::world::{Broken, World};

impl World<'_> {
    pub(crate) fn broke(&mut self, promise: Promise, how: impl FnOnce() -> String) {
        self.broken.get_or_insert_with(|| Broken { promise, how: how() });
    }

    /// T2, T3 and T4: checks a local hit at the moment of the hit.
    pub(crate) fn check_local_hit(&mut self, reader: usize, value: Version) {
        self.check_any_hit(reader, value);
        let lease = self.configuration.lease;
        if lease == 0 {
            return;
        }
        let received = self
            .state
            .writers
            .iter()
            .filter(|writer| writer.standing == Standing::Counts && writer.message_age == Some(lease));
        if let Some(newest) = received.map(|writer| writer.version).max().filter(|newest| value < *newest) {
            self.broke(Promise::Local, || format!("a local hit of v{value} a lease after the message of v{newest}"));
        }
    }

    /// Checks a degraded read at the moment of the hit.
    pub(crate) fn check_degraded_hit(&mut self, reader: usize, entry: Degraded) {
        let Degraded { value, outlived, .. } = entry;
        self.check_any_hit(reader, value);
        if outlived {
            self.broke(Promise::Degraded, || format!("v{value} was kept before the connection was made"));
        }
        let limit = Some(self.configuration.degraded);
        let old = self.state.writers.iter().filter(|writer| writer.age >= limit).map(|writer| writer.version);
        if let Some(newest) = old.max().filter(|newest| value < *newest) {
            self.broke(Promise::Degraded, || {
                format!("a degraded read of v{value}, D after v{newest} was acknowledged")
            });
        }
    }

    /// T3, T4 and sessions, whether the local tier is trusted or not.
    fn check_any_hit(&mut self, reader: usize, value: Version) {
        let at = self.configuration.readers[reader];
        let Instance { acked: own, observed, .. } = self.state.instances[at];
        if value < own {
            self.broke(Promise::OwnWrites, || format!("a local hit of v{value} on the instance that wrote v{own}"));
        }
        if value < observed {
            self.broke(Promise::Session, || format!("a local hit of v{value} after the token of v{observed}"));
        }
        let strict = self.state.writers.iter().filter(|writer| writer.strict).map(|writer| writer.version);
        if let Some(newest) = strict.max().filter(|newest| value < *newest) {
            self.broke(Promise::Strict, || format!("a local hit of v{value} after v{newest} was acknowledged"));
        }
    }

    /// T1 and T4: checks an answer against the writes acknowledged when its read began.
    pub(crate) fn check_answer(&mut self, reader: usize, value: Version, source: Source) {
        let of = self.state.readers[reader];
        if source != Source::Local && value < of.floor {
            let floor = of.floor;
            self.broke(Promise::Shared, || format!("v{value} is read after v{floor} was acknowledged"));
        }
        if value < of.own_floor {
            let own = of.own_floor;
            self.broke(Promise::OwnWrites, || format!("v{value} is read on the instance that had written v{own}"));
        }
        if value < of.observed {
            let observed = of.observed;
            self.broke(Promise::Session, || format!("v{value} is read after the token of v{observed} was observed"));
        }
    }

    /// Counts one more call of the store.
    pub(crate) fn count_load(&mut self) {
        let Some(most) = self.configuration.max_loads else { return };
        self.state.loads += 1;
        if self.state.loads > most {
            let loads = self.state.loads;
            self.broke(Promise::Loads, || format!("the store is called {loads} times"));
        }
    }
}

/// Whether a read is left although no further step is possible.
pub(crate) fn stuck(configuration: &Configuration, state: &State) -> Option<Broken> {
    let reading = (0..configuration.readers.len()).find(|reader| state.readers[*reader].step != Step::Done)?;
    let how = format!("reader {} waits forever", reading + 1);
    Some(Broken { promise: Promise::Ends, how })
}
