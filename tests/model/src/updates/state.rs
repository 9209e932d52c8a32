//! The state of the model, and its promises.

use super::readers::Reader;
use super::scopes::{OWN, SCOPES, Scope, WIDE};
use super::writers::Writer;
use super::{Change, UpdateSize};

pub(super) const INSTANCES: [usize; 2] = [0, 1];

/// For each scope, whether a generation or a sequence is still the current one.
pub(super) type Current = [bool; 2];

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct State {
    pub(super) now: u8,
    /// The version in the store.
    pub(super) row: u8,
    pub(super) scopes: [Scope; 2],
    pub(super) shared: Option<Shared>,
    pub(super) instances: [Instance; 2],
    pub(super) readers: [Reader; 2],
    pub(super) writers: [Writer; 3],
    pub(super) evictions: u8,
    pub(super) silences: u8,
    pub(super) drops: u8,
}

/// The entry of the shared tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Shared {
    pub(super) value: u8,
    pub(super) fence: Current,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) struct Instance {
    /// The entry of the local tier; an invalidation of either scope ends it.
    pub(super) local: Option<u8>,
    /// The messages of each scope on their way.
    pub(super) messages: [u8; 2],
    pub(super) journal: [bool; 2],
}

impl Change {
    pub(super) fn scope(self) -> usize {
        match self {
            Self::Update | Self::Write | Self::Invalidation => OWN,
            Self::WideWrite | Self::WideInvalidation => WIDE,
        }
    }

    pub(super) fn locks(self) -> bool {
        matches!(self, Self::Update | Self::Write | Self::WideWrite)
    }
}

impl State {
    pub(super) fn new(size: &UpdateSize) -> Self {
        Self {
            now: 0,
            row: 0,
            scopes: [Scope::Free; 2],
            shared: (!size.is_single).then_some(Shared { value: 0, fence: [true; 2] }),
            instances: [Instance::default(); 2],
            readers: [Reader::Idle; 2],
            writers: [Writer::default(); 3],
            evictions: size.evictions,
            silences: size.silences,
            drops: size.drops,
        }
    }

    /// Invalidates the local entries of a scope, and refuses the fills that have begun.
    pub(super) fn advance(&mut self, size: &UpdateSize, instance: usize, scope: usize) {
        self.instances[instance].local = None;
        for (reader, _) in self.readers.iter_mut().zip(size.readers).filter(|(_, at)| **at == instance) {
            reader.advanced(scope);
        }
        for (writer, _) in self.writers.iter_mut().zip(size.writers).filter(|(_, (_, at))| *at == instance) {
            writer.advanced(size, scope);
        }
    }

    /// Fills the local tier under sequences that must be the current ones.
    pub(super) fn fill_local(&mut self, instance: usize, value: u8, sequences: Current) {
        if sequences == [true; 2] {
            self.instances[instance].local = Some(value);
        }
    }

    /// Whether reads of an instance bypass the shared tier: an invalidation is in its journal, or in progress.
    pub(super) fn is_bypassed(&self, size: &UpdateSize, instance: usize) -> bool {
        let is_held = |(writer, (change, at)): (&Writer, &(Change, usize))| {
            *at == instance && !change.locks() && writer.is_releasing()
        };
        self.has_journaled(instance) || self.writers.iter().zip(size.writers).any(is_held)
    }

    pub(super) fn has_journaled(&self, instance: usize) -> bool {
        self.instances[instance].journal != [false; 2]
    }

    /// Notes that the journal has delivered the acknowledged writes of a scope.
    pub(super) fn delivered(&mut self, size: &UpdateSize, instance: usize, scope: usize) {
        for (writer, (change, at)) in self.writers.iter_mut().zip(size.writers) {
            if *at == instance && change.scope() == scope && writer.is_acknowledged() {
                writer.is_delivered = true;
            }
        }
    }

    pub(super) fn tick(&mut self) {
        self.now += 1;
        for scope in SCOPES {
            self.expire(scope);
        }
    }

    /// The newest version that every reader has to see.
    fn counted(&self) -> u8 {
        let counted = self.writers.iter().filter(|writer| writer.counts(self.now)).map(|writer| writer.version);
        counted.max().unwrap_or(0)
    }

    /// The newest version that the readers of an instance have to see.
    fn own_writes(&self, size: &UpdateSize, instance: usize) -> u8 {
        let of_instance = self.writers.iter().zip(size.writers).filter(|(_, (_, at))| *at == instance);
        let acknowledged = of_instance.filter(|(writer, _)| writer.is_acknowledged()).map(|(writer, _)| writer.version);
        acknowledged.max().unwrap_or(0)
    }

    /// Describes a broken promise.
    pub(super) fn broken(&self, size: &UpdateSize) -> Option<String> {
        let counted = self.counted();
        let shared = self.shared.filter(|shared| shared.fence == [true; 2] && self.scopes == [Scope::Free; 2]);
        if let Some(Shared { value, .. }) = shared.filter(|shared| shared.value < counted) {
            return Some(format!("the shared tier answers v{value} after v{counted}"));
        }
        INSTANCES.into_iter().find_map(|at| {
            let Instance { local, messages, .. } = self.instances[at];
            let (value, own) = (local?, self.own_writes(size, at));
            if value < own {
                return Some(format!("the local tier of instance {at} answers v{value} after its own v{own}"));
            }
            (messages == [0; 2] && value < counted)
                .then(|| format!("the local tier of instance {at} answers v{value} after v{counted}"))
        })
    }
}
