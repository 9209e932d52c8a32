//! Breadth-first search over all reachable states, with a shortest trace to a broken promise.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, BuildHasherDefault, Hasher};
use std::time::{Duration, Instant};

use foldhash::quality::FixedState;

use crate::actions::{Successor, Successors};
use crate::configuration::{Configuration, Expected, Promise};
use crate::properties::stuck;
use crate::state::State;
use crate::world::Broken;

/// The result of a search.
#[derive(Debug, Clone)]
pub struct Exploration {
    /// The number of reached states.
    pub states: usize,
    /// The number of steps between them.
    pub transitions: usize,
    /// The duration of the search.
    pub took: Duration,
    /// A shortest way to break a promise, if there is one.
    pub refutation: Option<Refutation>,
}

/// A shortest way to break a promise.
#[derive(Debug, Clone)]
pub struct Refutation {
    /// The promise.
    pub promise: Promise,
    /// How it is broken.
    pub how: String,
    /// The steps of the trace, one per line.
    pub trace: Vec<String>,
}

impl Exploration {
    /// Checks that this is the result that the configuration expects.
    ///
    /// # Errors
    ///
    /// A description of the difference, in a sentence.
    pub fn judge(&self, expected: Expected) -> Result<(), String> {
        match (&self.refutation, expected) {
            (None, Expected::Holds) => Ok(()),
            (None, Expected::Refuted(promise, _)) => Err(format!("{promise:?} holds, and should not")),
            (Some(found), Expected::Holds) => Err(format!("{:?} is broken: {}", found.promise, found.how)),
            (Some(found), Expected::Refuted(promise, _)) if found.promise != promise => {
                Err(format!("{:?} is broken and not {promise:?}: {}", found.promise, found.how))
            }
            (Some(found), Expected::Refuted(_, essence)) => found.shows(essence),
        }
    }
}

impl Refutation {
    /// Whether the trace contains the words in this order, no two in one line.
    fn shows(&self, essence: &[&str]) -> Result<(), String> {
        let mut lines = self.trace.iter();
        match essence.iter().find(|words| !lines.any(|line| line.contains(**words))) {
            Some(words) => Err(format!("the trace does not show {words:?} where it was expected")),
            None => Ok(()),
        }
    }
}

/// The origin of a state: its predecessor, and the number of the step from there.
struct Found {
    from: u32,
    step: u32,
}

/// Explores all steps, up to the first broken promise.
///
/// The search stores a 64-bit hash of each seen state. Two states with one hash would hide the successors of the
/// second; among ten million states the chance of that is one in some hundred thousand. A refutation is never in doubt:
/// its trace is replayed.
///
/// # Panics
///
/// If there are more than 2³² states.
pub fn explore(configuration: &Configuration) -> Exploration {
    let began = Instant::now();
    let first = State::first(configuration);
    let mut seen = Seen::default();
    seen.insert(&first);
    let mut found = vec![Found { from: 0, step: 0 }];
    let mut transitions = 0;
    let mut successors = Vec::new();
    let (mut frontier, mut next) = (vec![(0, first)], Vec::new());
    while !frontier.is_empty() {
        for (number, state) in frontier.drain(..) {
            successors = Successors::of(configuration, &state, false, successors);
            if successors.is_empty()
                && let Some(broken) = stuck(configuration, &state)
            {
                let refutation = Some(refute(configuration, &found, number, None, broken));
                return Exploration { states: found.len(), transitions, took: began.elapsed(), refutation };
            }
            for (step, Successor { state, broken, .. }) in (0..).zip(successors.drain(..)) {
                transitions += 1;
                if let Some(broken) = broken {
                    let refutation = Some(refute(configuration, &found, number, Some(step), broken));
                    return Exploration { states: found.len(), transitions, took: began.elapsed(), refutation };
                }
                if seen.insert(&state) {
                    let new = u32::try_from(found.len()).expect("fewer than 2^32 states");
                    found.push(Found { from: number, step });
                    next.push((new, state));
                }
            }
        }
        std::mem::swap(&mut frontier, &mut next);
    }
    Exploration { states: found.len(), transitions, took: began.elapsed(), refutation: None }
}

/// Follows the steps back to the first state, and replays them to describe the trace.
fn refute(
    configuration: &Configuration,
    found: &[Found],
    mut at: u32,
    last: Option<u32>,
    broken: Broken,
) -> Refutation {
    let mut steps: Vec<u32> = last.into_iter().collect();
    while at != 0 {
        let Found { from, step } = found[at as usize];
        steps.push(step);
        at = from;
    }
    let mut state = State::first(configuration);
    let mut trace = Vec::new();
    for step in steps.into_iter().rev() {
        let taken = Successors::of(configuration, &state, true, Vec::new()).swap_remove(step as usize);
        state = taken.state;
        trace.push(taken.line);
    }
    Refutation { promise: broken.promise, how: broken.how, trace }
}

#[derive(Default)]
struct Seen(HashSet<u64, BuildHasherDefault<AsItIs>>);

impl Seen {
    /// Whether the state is new.
    fn insert(&mut self, state: &State) -> bool {
        self.0.insert(FixedState::with_seed(0).hash_one(state))
    }
}

/// Passes a hash through unchanged.
#[derive(Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("only numbers of 64 bits are hashed");
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}
