//! One step from a state: the common parts of several actions.

use std::fmt::{Arguments, Write as _};

use crate::configuration::{Configuration, Promise, Reads, Variant};
use crate::state::{
    Carried, Found, Instance, Keep, Landing, LookUp, Reader, Scopes, Snapshot, Source, State, Step, Version,
};

/// A promise that a step broke, and how.
#[derive(Debug, Clone)]
pub(crate) struct Broken {
    pub(crate) promise: Promise,
    pub(crate) how: String,
}

/// A state in the making.
pub(crate) struct World<'a> {
    pub(crate) configuration: &'a Configuration,
    pub(crate) state: State,
    pub(crate) broken: Option<Broken>,
    /// A description of the step, if requested.
    pub(crate) note: Option<String>,
}

impl World<'_> {
    pub(crate) fn is(&self, variant: Variant) -> bool {
        self.configuration.variant == variant
    }

    /// Adds to the line of the trace.
    pub(crate) fn note(&mut self, text: Arguments<'_>) {
        if let Some(note) = &mut self.note {
            // Writing to a string cannot fail.
            let _ = note.write_fmt(text);
        }
    }

    pub(crate) fn instance(&mut self, at: usize) -> &mut Instance {
        &mut self.state.instances[at]
    }

    /// `Freshness::advance` and `Freshness::flush`: drops local values, and fills under way.
    pub(crate) fn advance(&mut self, at: usize) {
        self.instance(at).local = None;
        for (reader, place) in self.state.readers.iter_mut().zip(self.configuration.readers) {
            if *place == at {
                reader.step.kill_snapshot();
            }
        }
    }

    /// `WriteGuard::advance`, which is a protection of its own.
    pub(crate) fn advance_own(&mut self, at: usize) {
        if !self.is(Variant::NoLocalAdvance) {
            self.advance(at);
        }
    }

    /// `Journal::add`.
    pub(crate) fn record(&mut self, at: usize, scopes: Scopes) {
        if !self.is(Variant::NoJournal) {
            let capacity = self.configuration.journal;
            self.instance(at).journal.add(scopes, None, capacity);
        }
        self.note(format_args!(" -> the journal records"));
    }

    /// `Journal::add`, so that [`Journal::forget`](crate::state::Journal::forget) finds what this writer added.
    pub(crate) fn record_for(&mut self, writer: usize) {
        let of = self.configuration.writers[writer];
        let (capacity, noted) = (self.configuration.journal, u8::try_from(writer).ok());
        self.instance(of.instance).journal.add(of.scopes, noted, capacity);
        self.note(format_args!(" -> the journal records"));
    }

    /// Ends the read together with all work of its task.
    pub(crate) fn end(&mut self, reader: usize) {
        let step = if self.configuration.reads == Reads::Forever { Step::Idle } else { Step::Done };
        self.state.readers[reader] = Reader { step, floor: 0, own_floor: 0, observed: 0 };
    }

    /// `Lead::finish`: ends the current flight of the instance.
    ///
    /// Its followers proceed from that end, and the next flight becomes the current one.
    pub(crate) fn land(&mut self, at: usize, landing: Landing) {
        let carried = match landing {
            Landing::Found(Found { value, fence: Some(fence), .. }) => Some(Carried { value, fence }),
            _ => None,
        };
        // A follower takes the value; the fence is for the next flight.
        let landing = match landing {
            Landing::Found(found) => Landing::Found(Found { fence: None, ..found }),
            Landing::Abandoned => Landing::Abandoned,
        };
        let instance = self.instance(at);
        instance.current = std::mem::take(&mut instance.next);
        for (reader, place) in self.state.readers.iter_mut().zip(self.configuration.readers) {
            if *place == at {
                reader.step = match reader.step {
                    Step::FollowsCurrent => Step::Lands(landing),
                    Step::FollowsNext => Step::FollowsCurrent,
                    Step::AwaitsTurn => Step::Leads(carried),
                    other => other,
                };
            }
        }
    }

    /// A read returns.
    pub(crate) fn answer(&mut self, reader: usize, value: Version, source: Source) {
        self.note(format_args!(" -> v{value}"));
        self.check_answer(reader, value, source);
    }
}

impl Step {
    fn kill_snapshot(&mut self) {
        match self {
            Self::LooksUp(LookUp { snapshot, .. })
            | Self::Inits(LookUp { snapshot, .. }, _)
            | Self::Hits(_, Some(snapshot))
            | Self::Loads(Keep::Local(snapshot) | Keep::Degraded(snapshot, _) | Keep::Both(snapshot, _))
            | Self::Loaded(Keep::Local(snapshot) | Keep::Degraded(snapshot, _) | Keep::Both(snapshot, _), _) => {
                *snapshot = Snapshot::Dead;
            }
            _ => {}
        }
    }
}
