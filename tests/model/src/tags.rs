//! A model of tags that the value of an entry determines, and a search through all its states.
//!
//! The tag of such an entry is unknown before its load, so a fill reads the generation of the tag *after* the load. It
//! is sound if no write of the tag falls in between, which the clock of the family shows. The model has one tag, its
//! clock, one entry in each tier, readers of one instance, and writers of another:
//!
//! * a reader (`SharedEntries::judge`, `SharedEntries::tag`) takes the clock in Redis and its local sequence, loads, reads
//!   the tag and the clock again in one step, and fills both tiers, each in a step of its own;
//! * a writer (`TierConnection::lock`, `release`) locks the tag and registers on the clock, commits, renews the clock,
//!   renews the tag, and is acknowledged; it may die before any of these steps;
//! * the bus delivers in order, at any time: an instance advances the clock's sequence and then the tag's
//!   (`Freshness::advance_name`), with a step of a reader in between;
//! * locks and registrations expire with the clock of the server, and Redis may evict the tag or the clock. That a
//!   registration is evicted and its writer dies is the documented loss of registrations.
//!
//! What is checked in every state: an entry that a reader would accept is not older than a write that *counts*: one that
//! was acknowledged, or whose writer died after the commit and whose lock has expired. In the local tier such a write
//! counts once its messages were delivered.

use std::collections::{HashSet, VecDeque};

/// The life of a lock and of a registration, in ticks.
const LOCK: u8 = 1;

/// A protection to leave out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TagVariant {
    /// The protocol as built.
    AsBuilt,
    /// A fill does not compare the clocks.
    NoClock,
    /// A release renews the tag before the clock.
    TagBeforeClock,
    /// A fill ignores the writers that are registered on the clock.
    IgnoresRegistrations,
    /// A writer does not register on the clock.
    NoRegistration,
    /// An instance advances the tag's sequence before that of the clock.
    LocalTagBeforeClock,
}

/// What a search finds.
#[derive(Debug, Clone)]
pub struct TagExploration {
    /// The number of reached states.
    pub states: usize,
    /// The steps of a shortest trace to a broken promise.
    pub refutation: Option<Vec<String>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct State {
    now: u8,
    /// The last generation that was given out.
    last: u8,
    tag: Tag,
    clock: Clock,
    shared: Option<Shared>,
    local: Option<Local>,
    /// The reader's instance: the sequences of the clock and of the tag.
    sequences: [u8; 2],
    /// The messages on the way to it, and whether the first one is half handled.
    messages: u8,
    is_half_handled: bool,
    /// The version in the store.
    row: u8,
    readers: [Reader; 2],
    writers: [Writer; 2],
    evictions: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Tag {
    Missing,
    Free(u8),
    Locked { until: u8, writer: usize },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Clock {
    /// Missing after an eviction.
    generation: Option<u8>,
    /// The companion of the generation, a key of its own: the expiry of the registration of each writer.
    pending: [Option<u8>; 2],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Shared {
    value: u8,
    tag: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Local {
    value: u8,
    tag: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct LookUp {
    clock: Option<u8>,
    sequence: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Reader {
    Idle,
    LookedUp(LookUp),
    Loaded(LookUp, u8),
    Tagged { up: LookUp, value: u8, tag: u8, fills_local: bool, fills_shared: bool },
    Done,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Writer {
    Idle,
    /// The lock expires at `until`, unless it is evicted before.
    Locked {
        until: u8,
    },
    /// `in_time` is whether its lock had not expired.
    Committed {
        version: u8,
        until: u8,
        in_time: bool,
    },
    HalfReleased(u8),
    Released(u8),
    /// Died; the version that it committed counts from the expiry of its lock.
    Dead {
        version: u8,
        until: u8,
    },
    Done(u8),
}

/// The participants of a search.
#[derive(Debug, Clone, Copy)]
pub struct TagSize {
    /// Up to two readers.
    pub readers: usize,
    /// Up to two writers.
    pub writers: usize,
    /// How far the time goes.
    pub ticks: u8,
    /// How many keys are evicted.
    pub evictions: u8,
}

/// Explores every order of the steps of readers and writers, one call of each.
pub fn explore_tags(variant: TagVariant, size: TagSize) -> TagExploration {
    let first = State {
        now: 0,
        last: 1,
        tag: Tag::Free(1),
        clock: Clock { generation: Some(1), pending: [None; 2] },
        shared: None,
        local: None,
        sequences: [0; 2],
        messages: 0,
        is_half_handled: false,
        row: 0,
        readers: [Reader::Idle; 2],
        writers: [Writer::Idle; 2],
        evictions: size.evictions,
    };
    let mut found: Vec<(State, usize, String)> = vec![(first.clone(), 0, String::new())];
    let (mut seen, mut queue) = (HashSet::from([first]), VecDeque::from([0]));
    while let Some(at) = queue.pop_front() {
        let state = found[at].0.clone();
        if let Some(how) = state.broken() {
            let mut trace = vec![how];
            let mut at = at;
            while at != 0 {
                trace.push(found[at].2.clone());
                at = found[at].1;
            }
            trace.reverse();
            return TagExploration { states: found.len(), refutation: Some(trace) };
        }
        for (next, step) in state.successors(variant, size) {
            if seen.insert(next.clone()) {
                found.push((next, at, step));
                queue.push_back(found.len() - 1);
            }
        }
    }
    TagExploration { states: found.len(), refutation: None }
}

impl State {
    /// The newest version that every reader has to see.
    fn counted(&self) -> u8 {
        let counts = self.writers.iter().filter_map(|writer| match writer {
            Writer::Done(version) => Some(*version),
            Writer::Dead { version, until } if *until <= self.now => Some(*version),
            _ => None,
        });
        counts.max().unwrap_or(0)
    }

    fn broken(&self) -> Option<String> {
        let counted = self.counted();
        if let Some(Shared { value, tag }) = self.shared
            && self.tag() == Tag::Free(tag)
            && value < counted
        {
            return Some(format!("the shared tier answers v{value} after v{counted}"));
        }
        let local = self.local.filter(|local| local.tag == self.sequences[1]);
        match local {
            Some(Local { value, .. }) if value < counted && self.messages == 0 => {
                Some(format!("the local tier answers v{value} after v{counted}"))
            }
            _ => None,
        }
    }

    /// The tag as a script sees it.
    fn tag(&self) -> Tag {
        match self.tag {
            Tag::Locked { until, .. } if until <= self.now => Tag::Missing,
            tag => tag,
        }
    }

    /// The clock as GETINIT returns it: a missing one, or one with an expired registration, is renewed.
    fn init_clock(&mut self) -> Clock {
        let has_expired = |clock: &Clock| clock.pending.iter().flatten().any(|until| *until <= self.now);
        if self.clock.generation.is_none() || has_expired(&self.clock) {
            let now = self.now;
            let pending = self.clock.pending.map(|until| until.filter(|until| *until > now));
            self.clock = Clock { generation: Some(self.generation()), pending };
        }
        self.clock
    }

    fn generation(&mut self) -> u8 {
        self.last += 1;
        self.last
    }

    fn successors(&self, variant: TagVariant, size: TagSize) -> Vec<(Self, String)> {
        let mut next = Vec::new();
        for at in 0..size.readers {
            self.reads(variant, at, &mut next);
        }
        for at in 0..size.writers {
            self.writes(variant, at, &mut next);
        }
        self.delivers(variant, &mut next);
        if self.now < size.ticks {
            next.push((Self { now: self.now + 1, ..self.clone() }, "a tick".to_owned()));
        }
        if self.evictions > 0 {
            let evictions = self.evictions - 1;
            next.push((Self { tag: Tag::Missing, evictions, ..self.clone() }, "the tag is evicted".to_owned()));
            let clock = Clock { generation: None, ..self.clock };
            next.push((Self { clock, evictions, ..self.clone() }, "the clock is evicted".to_owned()));
        }
        next
    }

    fn reads(&self, variant: TagVariant, at: usize, next: &mut Vec<(Self, String)>) {
        let mut state = self.clone();
        let step = match self.readers[at] {
            Reader::Idle => {
                let clock = state.init_clock();
                let up = LookUp { clock: clock.generation, sequence: self.sequences[0] };
                state.readers[at] = Reader::LookedUp(up);
                "looks up"
            }
            Reader::LookedUp(up) => {
                state.readers[at] = Reader::Loaded(up, self.row);
                "loads"
            }
            Reader::Loaded(up, value) => {
                let clock = state.init_clock();
                let tag = match state.tag() {
                    Tag::Locked { .. } => None,
                    Tag::Free(tag) => Some(tag),
                    Tag::Missing => {
                        let tag = state.generation();
                        state.tag = Tag::Free(tag);
                        Some(tag)
                    }
                };
                let is_free = variant == TagVariant::IgnoresRegistrations || clock.pending == [None; 2];
                let is_sound = variant == TagVariant::NoClock || (clock.generation == up.clock && is_free);
                state.readers[at] = match tag.filter(|_| is_sound) {
                    Some(tag) => Reader::Tagged { up, value, tag, fills_local: true, fills_shared: true },
                    None => Reader::Done,
                };
                "reads the tag"
            }
            Reader::Tagged { up, value, tag, fills_local, fills_shared } => {
                if fills_shared {
                    let mut filled = self.clone();
                    filled.shared = Some(Shared { value, tag });
                    filled.readers[at] = Reader::Tagged { up, value, tag, fills_local, fills_shared: false };
                    next.push((filled, format!("reader {at} fills the shared tier")));
                }
                if fills_local {
                    let is_sound = variant == TagVariant::NoClock || up.sequence == self.sequences[0];
                    if is_sound {
                        state.local = Some(Local { value, tag: self.sequences[1] });
                    }
                    state.readers[at] = Reader::Tagged { up, value, tag, fills_local: false, fills_shared };
                    "fills the local tier"
                } else if fills_shared {
                    return;
                } else {
                    state.readers[at] = Reader::Done;
                    "returns"
                }
            }
            Reader::Done => return,
        };
        next.push((state, format!("reader {at} {step}")));
    }

    fn writes(&self, variant: TagVariant, at: usize, next: &mut Vec<(Self, String)>) {
        let mut state = self.clone();
        let until = self.now + LOCK;
        let step = match self.writers[at] {
            Writer::Idle => {
                // One lock at a time: a second writer waits in the model, and shares the lock in the code.
                if matches!(state.tag(), Tag::Locked { .. }) {
                    return;
                }
                state.tag = Tag::Locked { until, writer: at };
                if variant != TagVariant::NoRegistration {
                    state.init_clock();
                    state.clock.pending[at] = Some(until);
                }
                state.messages += 1;
                state.writers[at] = Writer::Locked { until };
                "locks"
            }
            Writer::Locked { until } => {
                state.row += 1;
                state.writers[at] = Writer::Committed { version: state.row, until, in_time: self.now < until };
                "commits"
            }
            Writer::Committed { version, .. } => {
                if variant == TagVariant::TagBeforeClock {
                    state.renew_tag(at);
                } else {
                    state.renew_clock();
                }
                state.writers[at] = Writer::HalfReleased(version);
                "begins its release"
            }
            Writer::HalfReleased(version) => {
                if variant == TagVariant::TagBeforeClock {
                    state.renew_clock();
                } else {
                    state.renew_tag(at);
                }
                state.clock.pending[at] = None;
                state.messages += 1;
                state.writers[at] = Writer::Released(version);
                "ends its release"
            }
            Writer::Released(version) => {
                state.writers[at] = Writer::Done(version);
                "is acknowledged"
            }
            Writer::Dead { .. } | Writer::Done(_) => return,
        };
        next.push((state, format!("writer {at} {step}")));
        // One that commits after the expiry of its lock and dies is the documented loss.
        if let Writer::Committed { version, until, in_time: true } = self.writers[at] {
            let mut dies = self.clone();
            dies.writers[at] = Writer::Dead { version, until };
            next.push((dies, format!("writer {at} dies")));
        }
    }

    fn renew_clock(&mut self) {
        self.clock.generation = Some(self.generation());
    }

    /// The release of a lock, which may have expired or be another writer's by now.
    fn renew_tag(&mut self, writer: usize) {
        if !matches!(self.tag(), Tag::Locked { writer: owner, .. } if owner != writer) {
            self.tag = Tag::Free(self.generation());
        }
    }

    /// Handles the next message in two steps.
    fn delivers(&self, variant: TagVariant, next: &mut Vec<(Self, String)>) {
        if self.messages == 0 {
            return;
        }
        let mut state = self.clone();
        let is_clock = self.is_half_handled == (variant == TagVariant::LocalTagBeforeClock);
        state.sequences[usize::from(!is_clock)] += 1;
        state.is_half_handled = !self.is_half_handled;
        state.messages -= u8::from(self.is_half_handled);
        next.push((state, format!("a message advances the {}", if is_clock { "clock" } else { "tag" })));
    }
}
