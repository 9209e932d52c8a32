//! All possible next steps.

mod fast;
mod faults;
mod flight;
mod join;
mod late;
mod link;
mod load;
mod local;
mod lookup;
mod members;
mod pending;
mod scripts;
mod session;
mod strict;
mod write;

use std::fmt::Arguments;

use crate::configuration::Configuration;
use crate::state::State;
use crate::world::{Broken, World};

/// A state that one action leads to.
pub(crate) struct Successor {
    pub(crate) state: State,
    pub(crate) broken: Option<Broken>,
    /// A description of the step, empty unless requested.
    pub(crate) line: String,
}

/// The states that one action leads to, always in the same order.
pub(crate) struct Successors<'a> {
    configuration: &'a Configuration,
    from: &'a State,
    with_lines: bool,
    found: Vec<Successor>,
}

impl<'a> Successors<'a> {
    /// Collects them in a list that is reused.
    pub(crate) fn of(
        configuration: &'a Configuration,
        from: &'a State,
        with_lines: bool,
        mut found: Vec<Successor>,
    ) -> Vec<Successor> {
        found.clear();
        let mut all = Self { configuration, from, with_lines, found };
        for reader in 0..configuration.readers.len() {
            all.arrive(reader);
            all.look_up(reader);
            all.load(reader);
        }
        for writer in 0..configuration.writers.len() {
            all.write(writer);
            all.observe(writer);
        }
        for instance in 0..configuration.instances {
            all.connection(instance);
            all.join(instance);
            all.member(instance);
        }
        all.tick();
        all.faults();
        all.found
    }

    /// One action: its name and its effect.
    fn act(&mut self, name: Arguments<'_>, action: impl FnOnce(&mut World<'_>)) {
        let note = self.with_lines.then(|| name.to_string());
        let mut world = World { configuration: self.configuration, state: *self.from, broken: None, note };
        action(&mut world);
        let line = world.note.unwrap_or_default();
        self.found.push(Successor { state: world.state, broken: world.broken, line });
    }
}
