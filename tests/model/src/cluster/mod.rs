//! A model of a Redis Cluster as the shared tier, and a search through all its states.
//!
//! There is one entry with two scopes, its own and a wide one, which begin on two shards. One instance reads, with a
//! local tier and a connection to every primary; others write:
//!
//! * servers (`servers.rs`): generations, locks and a registration, each on a server, and the process mark of that
//!   server in what a reader sees (`stamp.rs`); the epoch of the namespace is in a slot of its own. A slot moves key by
//!   key to a server that the instance is connected to or does not know; commands follow their keys (`routing.rs`). A
//!   server without slots may be removed. One server fails over to a replica that lags behind;
//! * the instance (`instance.rs`): a bus from each server in order; a heartbeat is begun, asks the servers for their
//!   views, connects to those that are new and leaves those that are gone, is executed on each server, and counts when
//!   it has returned over each bus (`gather.rs`, `heartbeat.rs`). The messages of a server from before its subscription
//!   are missed, and so are those in transit when it is left: either flushes the local tier. The loss of a primary ends
//!   the connection. The instance then distrusts and flushes its local tier and connects again, in one step, since the
//!   recovery barrier is part of the other model;
//! * a reader (`readers.rs`) takes the epoch and its local sequence, reads the two generations and the entry one by one
//!   and in any order, compares, loads, and fills both tiers;
//! * a writer (`writers.rs`, `operations.rs`) locks its scopes in any order, commits, releases in any order, and is
//!   acknowledged. It may die after its commit. One that finds the entry by its result registers on the wide scope,
//!   invalidates the entry, and then ends its registration. One with an overflowed journal gives the namespace a new
//!   epoch.
//!
//! What is checked in every state:
//!
//! * an entry of the shared tier that a reader would accept is not older than a write that *counts*: one that was
//!   acknowledged, or whose writer died after the commit and whose lock or registration has expired; after an overflow,
//!   one whose new epoch the instance has received. A reader that began after that gets no older value either;
//! * while the lease lasts, the local tier is not older than such a write whose last message was published a lease ago.
//!
//! The loss of a lock by a fail-over, with the death of its writer, is the documented loss of locks. So is the return
//! of a lost generation to the process that had it: by a fail-over and one back, or by a slot that moves away, loses
//! the newer generation by a fail-over there, and moves back. Left out are views that lag behind (a part of the split
//! brain), registrations of two writers, and the clocks of the servers, which are one.

mod instance;
mod large;
mod readers;
mod servers;
mod state;
mod writers;

use std::collections::HashSet;
use std::fmt::Arguments;
use std::hash::BuildHasher as _;

use foldhash::fast::FixedState;

pub use self::large::LARGE_CLUSTERS;
use self::state::State;

/// A protection to leave out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClusterVariant {
    /// The protocol as built.
    AsBuilt,
    /// A heartbeat counts when the first server has returned it.
    FirstServerCounts,
    /// The lease counts from the return of the heartbeat.
    LeaseFromArrival,
    /// The lease counts from the last sending of the heartbeat.
    LeaseFromLastSending,
    /// The servers are not asked for their views.
    NoViews,
    /// The local tier is kept when a server is connected to or left.
    NoFlush,
    /// A generation does not have the mark of the process that holds it.
    NoMarkOfGenerations,
    /// The epoch of the namespace does not have the mark of the process that holds it.
    NoMarkOfEpochs,
    /// The generations are read after the load.
    GenerationsAfterLoad,
    /// A registration ends before the found scopes are invalidated.
    EndsBeforeInvalidations,
}

/// What a writer does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClusterWrite {
    /// Locks the entry.
    Own,
    /// Locks the wide scope.
    Wide,
    /// Locks both.
    Both,
    /// Registers on the wide scope, and finds the entry by its result. At most one writer does.
    Found,
    /// Writes while it cannot lock, and gives the namespace a new epoch later.
    Everything,
}

/// The participants of a search, and its faults.
#[derive(Debug, Clone, Copy, Default)]
pub struct ClusterSize {
    /// Up to two writers.
    pub writers: &'static [ClusterWrite],
    /// Up to two readers.
    pub readers: usize,
    /// The server of the wide scope at the beginning, 0 or 1. The epoch of the namespace is on the other one.
    pub wide: usize,
    /// Whether both tiers are empty at the beginning, and there is no lease. Else they have the first version.
    pub is_cold: bool,
    /// How far the time goes. A lock and a lease live for one tick.
    pub ticks: u8,
    /// How many heartbeats are sent.
    pub heartbeats: u8,
    /// How many slots move.
    pub moves: u8,
    /// Whether servers without slots are removed.
    pub removals: bool,
    /// The server that fails over once: 0, which has the entry, 1, or the new one (2).
    pub failover: Option<usize>,
}

/// What a search finds.
#[derive(Debug, Clone)]
pub struct ClusterExploration {
    /// The number of reached states.
    pub states: usize,
    /// The steps of a shortest trace to a broken promise.
    pub refutation: Option<Vec<String>>,
}

/// Explores every order of the steps of readers and writers, one call of each.
///
/// The search stores a hash of each seen state, as that of the other model does.
pub fn explore_cluster(variant: ClusterVariant, size: ClusterSize) -> ClusterExploration {
    let search = Search { variant, size };
    let first = State::new(variant, &size);
    let mut seen = HashSet::from([hash(&first)]);
    let mut found = vec![Found { from: 0, step: 0 }];
    let (mut frontier, mut next) = (vec![(0, first)], Vec::new());
    while !frontier.is_empty() {
        for (number, state) in frontier.drain(..) {
            if let Some(how) = state.broken(&size) {
                return ClusterExploration { states: found.len(), refutation: Some(search.trace(&found, number, how)) };
            }
            for (step, (state, _)) in search.successors(&state, false).into_iter().enumerate() {
                if seen.insert(hash(&state)) {
                    next.push((found.len(), state));
                    found.push(Found { from: number, step });
                }
            }
        }
        std::mem::swap(&mut frontier, &mut next);
    }
    ClusterExploration { states: found.len(), refutation: None }
}

fn hash(state: &State) -> u64 {
    FixedState::with_seed(0).hash_one(state)
}

/// The predecessor of a reached state, and the number of the step from there.
struct Found {
    from: usize,
    step: usize,
}

struct Search {
    variant: ClusterVariant,
    size: ClusterSize,
}

impl Search {
    fn successors(&self, state: &State, is_described: bool) -> Vec<(State, String)> {
        let Self { variant, ref size } = *self;
        let mut steps = Steps { state: state.clone(), variant, size, is_described, next: Vec::new() };
        steps.all();
        steps.next
    }

    /// Replays the steps to a state.
    fn trace(&self, found: &[Found], mut at: usize, how: String) -> Vec<String> {
        let mut steps = Vec::new();
        while at != 0 {
            steps.push(found[at].step);
            at = found[at].from;
        }
        let mut state = State::new(self.variant, &self.size);
        let mut trace = Vec::new();
        for step in steps.into_iter().rev() {
            let (next, what) = self.successors(&state, true).swap_remove(step);
            state = next;
            trace.push(what);
        }
        trace.push(how);
        trace
    }
}

/// Collects the states that follow one.
struct Steps<'a> {
    state: State,
    variant: ClusterVariant,
    size: &'a ClusterSize,
    /// Whether the steps get their descriptions.
    is_described: bool,
    next: Vec<(State, String)>,
}

impl Steps<'_> {
    fn all(&mut self) {
        (0..self.size.readers).for_each(|at| self.reader(at));
        (0..self.size.writers.len()).for_each(|at| self.writer(at));
        self.heartbeat();
        self.messages();
        self.loss();
        self.slots();
        self.removals();
        self.replica();
        if self.state.now < self.size.ticks {
            let now = self.state.now + 1;
            self.add(format_args!("the time is {now}"), State::tick);
        }
    }

    fn is(&self, variant: ClusterVariant) -> bool {
        self.variant == variant
    }

    /// Adds the state after a step.
    fn add(&mut self, what: Arguments<'_>, step: impl FnOnce(&mut State)) {
        let mut state = self.state.clone();
        step(&mut state);
        let what = if self.is_described { what.to_string() } else { String::new() };
        self.next.push((state, what));
    }
}
