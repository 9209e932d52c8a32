//! One step from a state: what several actions have in common.

use std::fmt::{Arguments, Write as _};

use crate::configuration::{Configuration, Promise, Reads, Variant};
use crate::state::{
    Asking, Bus, Carried, Epoch, Fence, Found, Gen, Instance, Keep, Keys, Landing, Link, Phase, Reader, SCOPES, Scopes,
    Source, Stamp, State, Step, Token, Version, Writer,
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
    /// What the step came to, where somebody wants to read it.
    pub(crate) note: Option<String>,
}

impl State {
    /// Nothing is cached, every instance is connected and trusted, and nobody has begun.
    pub(crate) fn first(configuration: &Configuration) -> Self {
        let keys = Keys { gens: [Gen::Free(0); SCOPES], entry: None, namespace: 0 };
        let faults = configuration.faults;
        let instance = Instance {
            link: if configuration.shared { Link::Up } else { Link::Absent },
            trust: configuration.lease,
            epoch: Epoch::default(),
            local: None,
            bus: Bus::default(),
            journal: crate::state::Journal::default(),
            drain: None,
            current: false,
            next: false,
            acked: 0,
        };
        let writer = Writer { phase: Phase::Over, version: 0, news: None, counts: false, untold: false };
        let mut state = Self {
            redis: keys,
            run: 0,
            replica: (faults.failovers > 0).then_some(keys),
            database: 0,
            instances: [instance; _],
            readers: [Reader { step: Step::Done, floor: 0, own_floor: 0 }; _],
            writers: [writer; _],
            acked: 0,
            faults,
            loads: 0,
        };
        for reader in 0..configuration.readers.len() {
            state.readers[reader].step = Step::Idle;
        }
        for writer in 0..configuration.writers.len() {
            state.writers[writer].phase = Phase::Begins;
        }
        state
    }

    /// A token of the scope that nothing remembers.
    pub(crate) fn fresh_token(&self, scope: usize) -> Token {
        let mut known = 0_u64;
        let mut note = |token: Token| known |= 1 << token;
        for keys in std::iter::once(&self.redis).chain(&self.replica) {
            if let Gen::Free(token) = keys.gens[scope] {
                note(token);
            }
        }
        self.each_fence(|fence| note(fence.gens[scope]));
        for reader in &self.readers {
            if let Step::Inits(_, gens) = reader.step
                && let Gen::Free(token) = gens[scope]
            {
                note(token);
            }
        }
        lowest_free(known)
    }

    /// A namespace epoch that nothing remembers.
    pub(crate) fn fresh_namespace(&self) -> Token {
        let mut known = 0_u64;
        let mut note = |token: Token| known |= 1 << token;
        for keys in std::iter::once(&self.redis).chain(&self.replica) {
            note(keys.namespace);
        }
        self.each_fence(|fence| note(fence.epoch.namespace));
        for instance in &self.instances {
            note(instance.epoch.namespace);
            if let Some(beat) = instance.bus.beat {
                note(beat.namespace);
            }
        }
        for reader in &self.readers {
            if let Step::Asks(asking) | Step::Inits(asking, _) = reader.step {
                note(asking.epoch.namespace);
            }
        }
        lowest_free(known)
    }

    fn each_fence(&self, mut visit: impl FnMut(&Fence)) {
        for keys in std::iter::once(&self.redis).chain(&self.replica) {
            if let Some(entry) = &keys.entry {
                visit(&entry.fence);
            }
        }
        for reader in &self.readers {
            match &reader.step {
                Step::Asks(asking) | Step::Inits(asking, _) => {
                    if let Some(carried) = &asking.carried {
                        visit(&carried.fence);
                    }
                }
                Step::Leads(Some(carried)) | Step::Hits(carried, _) | Step::Fills(carried) => visit(&carried.fence),
                Step::Loads(Keep::Both(_, fence)) | Step::Loaded(Keep::Both(_, fence), _) => visit(fence),
                _ => {}
            }
        }
    }
}

fn lowest_free(known: u64) -> Token {
    Token::try_from(known.trailing_ones()).expect("fewer than 64 tokens are remembered")
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

    /// `Gate::advance` and `Gate::flush`: nothing that is local or on its way there answers any more.
    pub(crate) fn advance(&mut self, at: usize) {
        self.instance(at).local = None;
        for (reader, place) in self.state.readers.iter_mut().zip(self.configuration.readers) {
            if *place == at {
                reader.step.kill_stamp();
            }
        }
    }

    /// `Write::advance`, which is a protection of its own.
    pub(crate) fn advance_own(&mut self, at: usize) {
        if !self.is(Variant::NoLocalAdvance) {
            self.advance(at);
        }
    }

    /// `Journal::add`.
    pub(crate) fn remember(&mut self, at: usize, scopes: Scopes) {
        if !self.is(Variant::NoJournal) {
            let capacity = self.configuration.journal;
            self.instance(at).journal.add(scopes, capacity);
        }
        self.note(format_args!(" -> the journal remembers"));
    }

    /// Whether `Region::local` may answer at all.
    pub(crate) fn is_trusted(&self, at: usize) -> bool {
        let instance = &self.state.instances[at];
        match instance.link {
            Link::Absent => true,
            Link::Down | Link::Subscribed | Link::Beating => false,
            Link::Up | Link::Deaf | Link::Lost => self.configuration.lease == 0 || instance.trust > 0,
        }
    }

    /// The local entry, if the local tier answers. That it does not keep a promise shows here.
    pub(crate) fn find(&mut self, reader: usize) -> Option<Version> {
        let at = self.configuration.readers[reader];
        let value = self.state.instances[at].local.filter(|_| self.is_trusted(at))?;
        self.check_local_hit(reader, value);
        Some(value)
    }

    /// `Region::keep_local`.
    pub(crate) fn keep_local(&mut self, at: usize, value: Version, stamp: Stamp) {
        let is_let_in = stamp == Stamp::Current || self.is(Variant::NoSequenceCheck);
        if self.configuration.local && is_let_in {
            self.instance(at).local = Some(value);
            self.note(format_args!(", kept locally"));
        }
    }

    /// The read is over, and with it whatever its task had to do.
    pub(crate) fn end(&mut self, reader: usize) {
        let step = if self.configuration.reads == Reads::Forever { Step::Idle } else { Step::Done };
        self.state.readers[reader] = Reader { step, floor: 0, own_floor: 0 };
    }

    /// `Lead::land`: ends the current flight of the instance. Whoever waits has the end before him; the next flight is
    /// the current one from here on.
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
    fn kill_stamp(&mut self) {
        match self {
            Self::Asks(Asking { stamp, .. })
            | Self::Inits(Asking { stamp, .. }, _)
            | Self::Hits(_, Some(stamp))
            | Self::Loads(Keep::Local(stamp) | Keep::Both(stamp, _))
            | Self::Loaded(Keep::Local(stamp) | Keep::Both(stamp, _), _) => *stamp = Stamp::Dead,
            _ => {}
        }
    }
}
