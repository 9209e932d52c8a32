//! A model of writes that store their value, and a search through all its states.
//!
//! `#[updates(..)]` stores a value under the generation of the write's own release. It is sound if no other change of
//! the entry overlapped the write, which the lock shows. The model has one entry with its own scope and a wide one, two
//! instances with a local tier each, up to three writers and two readers:
//!
//! * a writer (`writers.rs`; `WriteGuard`, `Update`) invalidates locally, locks its scope, commits, invalidates locally,
//!   releases, and is acknowledged. An update also reads the wide generation in either order with its lock, takes its own
//!   local sequence when the release begins, and fills the local and then the shared tier after its acknowledgement, as
//!   in mode fast. In mode safe the fills come before it;
//! * an invalidation without a lock (`Cache::invalidate`) of the own or the wide scope follows a change by another
//!   service;
//! * a reader (`readers.rs`) takes its local sequences, looks up, and fills what it has found or loaded;
//! * the scripts (`scopes.rs`; LOCK, RELEASE, INVALIDATE, GETINIT) are steps of their own, and so are the replies to a
//!   release and an invalidation. Messages reach each instance at any time, also those of its own writes;
//! * a single instance without a shared tier (`UpdateSize::is_single`) has no locks: an update is stored if the own
//!   sequence has advanced once between its two invalidations;
//! * faults: the eviction of a generation or a lock; the expiry of a lock while its writer is at work or after it was
//!   dropped, with a commit that is applied until then; a lock or a release without a reply, which is journaled and
//!   executed late, at once or never.
//!
//! A generation never returns, and a sequence never decreases. So a holder of one keeps only whether it is still the
//! current one.
//!
//! What is checked in every state, for a read that begins there: an entry of the shared tier is not older than a write
//! that *counts*: one that was acknowledged, for an undelivered one from the delivery of its journal, and for a dropped
//! one from the expiry of its lock. A local entry is not older than the acknowledged writes of its instance, and not
//! older than a write that counts once all messages were delivered. Left out are dropped writers whose lock was evicted
//! or not placed, which is the documented loss of locks, and everything that the other model has: leases, lost messages
//! and connections.

mod readers;
mod scopes;
mod state;
mod writers;

use std::collections::HashSet;

use foldhash::fast::RandomState;

use self::state::State;

/// A rule to leave out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpdateVariant {
    /// The protocol as built.
    AsBuilt,
    /// A lock, and the release of one, leave no mark in other locks.
    NoMarkOfLocks,
    /// An invalidation leaves no mark.
    NoMarkOfInvalidations,
    /// The release of a writer whose lock was lost leaves no mark.
    NoMarkOfLostWriters,
    /// A release replies with a generation although its lock was lost.
    StoresAfterLostLock,
    /// A release replies with a generation although its lock had not been placed before the call.
    StoresAfterLateLock,
    /// The same, and it stores nothing: only the last local invalidation is left out.
    NoLastInvalidationAfterLateLock,
    /// An update ignores the journal when its release begins.
    IgnoresJournal,
    /// The wide generation is read at the fill.
    WideAtFill,
    /// The wide local sequence is taken when the release begins.
    WideSequenceAtRelease,
    /// The own local sequence is taken after the release.
    SequenceAfterRelease,
    /// A local fill does not compare sequences.
    NoSequenceCheck,
    /// The last local invalidation is left out also if the lock was lost.
    NoLastInvalidation,
    /// A single instance stores a value although another write has invalidated the entry during its own.
    StoresOverlappedSequence,
}

/// What a writer does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Locks the entry, and stores its value.
    Update,
    /// Locks the entry.
    Write,
    /// Locks the wide scope.
    WideWrite,
    /// Invalidates the entry, without a lock.
    Invalidation,
    /// Invalidates the wide scope, without a lock.
    WideInvalidation,
}

/// The participants of a search, and its faults.
#[derive(Debug, Clone, Copy, Default)]
pub struct UpdateSize {
    /// Up to three writers, with their instances: 0 or 1.
    pub writers: &'static [(Change, usize)],
    /// The instances of up to two readers.
    pub readers: &'static [usize],
    /// Whether there is one instance without a shared tier, and without faults.
    pub is_single: bool,
    /// How far the time goes. A lock lives for one tick.
    pub ticks: u8,
    /// How many keys are evicted.
    pub evictions: u8,
    /// How many locks and releases get no reply.
    pub silences: u8,
    /// How many writers are dropped.
    pub drops: u8,
}

/// What a search finds.
#[derive(Debug, Clone)]
pub struct UpdateExploration {
    /// The number of reached states.
    pub states: usize,
    /// The steps of a shortest trace to a broken promise.
    pub refutation: Option<Vec<String>>,
}

/// Explores every order of the steps of readers and writers, one call of each.
pub fn explore_updates(variant: UpdateVariant, size: UpdateSize) -> UpdateExploration {
    let first = State::new(&size);
    let mut found = vec![Found { state: first, from: 0, step: Step::of("the beginning", 0, "") }];
    let mut seen: HashSet<State, RandomState> = HashSet::from_iter([first]);
    let (mut at, mut next) = (0, Vec::new());
    while let Some(Found { state, .. }) = found.get(at) {
        let state = *state;
        if let Some(how) = state.broken(&size) {
            return UpdateExploration { states: found.len(), refutation: Some(trace(&found, at, how)) };
        }
        Steps { state, variant, size: &size, next: &mut next }.all();
        found.extend(next.drain(..).filter(|(state, _)| seen.insert(*state)).map(|(state, step)| Found {
            state,
            from: at,
            step,
        }));
        at += 1;
    }
    UpdateExploration { states: found.len(), refutation: None }
}

/// A reached state, and the step that has led to it.
struct Found {
    state: State,
    from: usize,
    step: Step,
}

/// A step of a participant.
#[derive(Debug, Clone, Copy)]
struct Step {
    who: &'static str,
    number: usize,
    what: &'static str,
}

impl Step {
    fn of(who: &'static str, number: usize, what: &'static str) -> Self {
        Self { who, number, what }
    }
}

fn trace(found: &[Found], mut at: usize, how: String) -> Vec<String> {
    let mut trace = vec![how];
    while at != 0 {
        let Found { from, step: Step { who, number, what }, .. } = &found[at];
        trace.push(format!("{who} {number} {what}"));
        at = *from;
    }
    trace.reverse();
    trace
}

/// Collects the states that follow one.
struct Steps<'a> {
    state: State,
    variant: UpdateVariant,
    size: &'a UpdateSize,
    next: &'a mut Vec<(State, Step)>,
}

impl Steps<'_> {
    fn all(&mut self) {
        (0..self.size.readers.len()).for_each(|at| self.reader(at));
        (0..self.size.writers.len()).for_each(|at| self.writer(at));
        self.messages();
        self.journals();
        self.time();
        self.evictions();
    }

    /// Adds the state after a step.
    fn add(&mut self, who: &'static str, number: usize, what: &'static str, step: impl FnOnce(&mut State)) {
        let mut state = self.state;
        step(&mut state);
        self.next.push((state, Step::of(who, number, what)));
    }

    fn messages(&mut self) {
        for (instance, scope) in state::INSTANCES.into_iter().flat_map(|at| scopes::SCOPES.map(|scope| (at, scope))) {
            if self.state.instances[instance].messages[scope] > 0 {
                let what = ["receives a message of the entry", "receives a message of the wide scope"][scope];
                let size = self.size;
                self.add("instance", instance, what, |state| {
                    state.instances[instance].messages[scope] -= 1;
                    state.advance(size, instance, scope);
                });
            }
        }
    }

    fn journals(&mut self) {
        for (instance, scope) in state::INSTANCES.into_iter().flat_map(|at| scopes::SCOPES.map(|scope| (at, scope))) {
            if self.state.instances[instance].journal[scope] {
                let (variant, size) = (self.variant, self.size);
                self.add("instance", instance, "delivers its journal", |state| {
                    state.invalidate(variant, scope);
                    state.instances[instance].journal[scope] = false;
                    state.delivered(size, instance, scope);
                });
            }
        }
    }

    fn time(&mut self) {
        if self.state.now < self.size.ticks {
            self.add("the time is", usize::from(self.state.now) + 1, "", State::tick);
        }
    }

    fn evictions(&mut self) {
        for scope in scopes::SCOPES {
            if self.state.evictions > 0 && self.state.is_evictable(self.size, scope) {
                self.add("Redis evicts the scope", scope, "", |state| {
                    state.evictions -= 1;
                    state.evict(scope);
                });
            }
        }
    }
}
