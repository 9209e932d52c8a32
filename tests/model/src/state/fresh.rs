//! The first state, and generations that no part of the state holds.

use super::{
    Barrier, Bus, Entry, Epoch, Fence, Generation, Instance, Keep, Kept, Keys, Link, Namespace, Phase, Reader, Record,
    SCOPES, Standing, State, Step, Token, Writer,
};
use crate::configuration::Configuration;

impl State {
    /// An empty cache with all instances connected and trusted, and no reads or writes begun.
    pub(crate) fn first(configuration: &Configuration) -> Self {
        let keys =
            Keys { generations: [Generation::Free(0); SCOPES], entry: None, namespace: 0, pending: 0, suffix: 0 };
        let faults = configuration.faults;
        let instance = Instance {
            link: if configuration.shared { Link::Up } else { Link::Absent },
            namespace: Namespace::Subscribed,
            trust: configuration.lease,
            answered: configuration.lease,
            barrier: Barrier::settled(),
            expects: 0,
            epoch: Epoch::default(),
            received_epoch: 0,
            local: None,
            inserting: None,
            bus: Bus::default(),
            journal: crate::state::Journal::default(),
            drain: None,
            current: false,
            next: false,
            acked: 0,
            observed: 0,
        };
        let writer = Writer {
            phase: Phase::Over,
            version: 0,
            message_age: None,
            standing: Standing::Open,
            received: false,
            age: None,
            waited: None,
            cut_off: false,
            shown: false,
            strict: false,
        };
        let mut state = Self {
            redis: keys,
            run: 0,
            down: false,
            stalled: false,
            records: std::array::from_fn(|at| Record::first(configuration, at)),
            expired: 0,
            replica: (faults.failovers > 0).then_some(keys),
            database: 0,
            instances: [instance; _],
            readers: [Reader { step: Step::Done, floor: 0, own_floor: 0, observed: 0 }; _],
            writers: [writer; _],
            acked: 0,
            faults,
            loads: 0,
        };
        if configuration.joins {
            state.instances[0].namespace = Namespace::Foreign;
        }
        if configuration.newcomer {
            state.instances[0] = Instance { link: Link::Down, trust: 0, answered: 0, ..instance };
            state.instances[0].barrier = Barrier::fresh();
        }
        if configuration.warm {
            state.redis.entry = Some(Entry { value: 0, fence: Fence::default() });
            for reader in configuration.readers.iter().filter(|_| configuration.local) {
                state.instances[*reader].local = Some(Kept::Fenced(0));
            }
        }
        for reader in 0..configuration.readers.len() {
            state.readers[reader].step = Step::Idle;
        }
        for writer in 0..configuration.writers.len() {
            state.writers[writer].phase = Phase::Begins;
        }
        state
    }

    /// A generation of the scope that no part of the state holds.
    pub(crate) fn fresh_generation(&self, scope: usize) -> Token {
        let mut known = 0_u64;
        let mut note = |token: Token| known |= 1 << token;
        for keys in std::iter::once(&self.redis).chain(&self.replica) {
            if let Generation::Free(token) = keys.generations[scope] {
                note(token);
            }
        }
        self.each_fence(|fence| note(fence.generations[scope]));
        for reader in &self.readers {
            if let Step::Inits(_, generations) = reader.step
                && let Generation::Free(token) = generations[scope]
            {
                note(token);
            }
        }
        lowest_free(known)
    }

    /// A namespace epoch that no part of the state holds.
    pub(crate) fn fresh_namespace(&self) -> Token {
        let mut known = 0_u64;
        let mut note = |token: Token| known |= 1 << token;
        for keys in std::iter::once(&self.redis).chain(&self.replica) {
            note(keys.namespace);
        }
        self.each_fence(|fence| note(fence.epoch.namespace));
        for instance in &self.instances {
            note(instance.epoch.namespace);
            note(instance.received_epoch);
            if let Some(heartbeat) = instance.bus.heartbeat {
                note(heartbeat.namespace);
            }
        }
        for reader in &self.readers {
            if let Step::LooksUp(look_up) | Step::Inits(look_up, _) = reader.step {
                note(look_up.epoch.namespace);
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
                Step::LooksUp(look_up) | Step::Inits(look_up, _) => {
                    if let Some(carried) = &look_up.carried {
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

impl Record {
    /// The record at the start: present, except for an instance that has not connected yet.
    fn first(configuration: &Configuration, at: usize) -> Self {
        let present = configuration.members && at < configuration.instances && !(configuration.newcomer && at == 0);
        Self { present, age: 0, pending: false, settled: configuration.newcomer }
    }
}

impl Barrier {
    /// The state after the barrier has ended.
    fn settled() -> Self {
        Self {
            settled: true,
            awaits: 0,
            is_due: false,
            fresh: false,
            sees_silence: false,
            unanswered: None,
            in_vain: false,
            isolated: false,
            queued: None,
        }
    }

    /// The state of a process that has not connected yet.
    pub(crate) fn fresh() -> Self {
        Self { settled: false, is_due: true, fresh: true, ..Self::settled() }
    }
}

fn lowest_free(known: u64) -> Token {
    Token::try_from(known.trailing_ones()).expect("fewer than 64 tokens are known")
}
