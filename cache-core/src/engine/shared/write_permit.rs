//! The permission to cache the value that a write stores.

use std::sync::Arc;

use smallvec::SmallVec;

use super::{Begun, EntryKeys, FillPermit, FillTarget, SharedEntries, Unlocked, unlocked};
use crate::coherence::Connection;
use crate::freshness::{Freshness, SequenceSnapshot};
use crate::protocol::{Backend, Epoch, Fence, Generation, Protection, Scope, ScopeState, ScopeStates};
use crate::runtime::Moment;
use crate::value::Cacheable;

/// The state of an entry before the call of the write that has locked it.
pub(in crate::engine) struct WritePermit {
    started: Moment,
    snapshot: SequenceSnapshot,
    /// The fence without the entry's own generation; nothing in a single instance.
    wider: Option<WiderFence>,
}

/// The generations of all scopes of an entry but its own.
struct WiderFence {
    connection: Arc<Connection>,
    epoch: Epoch,
    generations: SmallVec<[Generation; 2]>,
    clocks: Vec<ScopeState>,
    until: Moment,
}

impl<R: Cacheable> SharedEntries<R> {
    /// Returns the permit for the value of a write that locks the entry, in one round trip.
    ///
    /// There is none while the shared tier is unreachable, and if another write holds a wider scope of the entry, or in a
    /// single instance any of its scopes.
    pub(in crate::engine) async fn write_permit(&self, keys: &EntryKeys) -> Option<WritePermit> {
        let Begun { started, snapshot } = self.begin(keys);
        let wider = match self.method.cache.backend() {
            Backend::PassThrough => return None,
            Backend::SingleInstance if self.overlaps_locally(keys) => return None,
            Backend::SingleInstance => None,
            Backend::Memory | Backend::Redis => Some(self.wider_fence(keys).await?),
        };
        Some(WritePermit { started, snapshot, wider })
    }

    /// Whether another write of the entry is in progress in the only instance.
    fn overlaps_locally(&self, keys: &EntryKeys) -> bool {
        let is_alone = self.method.coherence().local_writers.has_one(keys.fenced_scopes());
        !is_alone && self.method.protects(Protection::UpdateOverlap)
    }

    async fn wider_fence(&self, keys: &EntryKeys) -> Option<WiderFence> {
        if self.method.coherence().journal.holds(&keys.scopes) {
            return None;
        }
        let (connection, epoch) = self.readable()?;
        let generations: Vec<&str> = keys.scopes[1..].iter().map(Scope::generation_key).collect();
        let states = self.in_time(&connection, connection.tier.init_generations(&generations)).await.ok()?;
        let mut states = ScopeStates::from(states);
        let clocks = states.drain(keys.fenced - 1..).collect();
        let Unlocked { generations, until } = unlocked(states, &connection, self.method.process().clock.now())?;
        let until = self.end_of_pending(until);
        Some(WiderFence { connection, epoch, generations, clocks, until })
    }

    /// Returns the current generation of an entry, for an update without its protection.
    pub(in crate::engine) async fn own_generation(&self, keys: &EntryKeys) -> Option<Generation> {
        let (_, _, Unlocked { generations, .. }) = self.generations(keys).await?;
        generations.into_iter().next()
    }
}

impl WritePermit {
    /// Notes that the release begins, after the write's own invalidation of the local entry.
    ///
    /// In a single instance there is no permit any more if another write has begun or ended meanwhile.
    pub(in crate::engine) fn at_release(self, freshness: &Freshness, checks_overlap: bool) -> Option<Self> {
        let snapshot = freshness.with_own(self.snapshot);
        let is_alone = self.wider.is_some() || snapshot.is_next_of(&self.snapshot);
        (is_alone || !checks_overlap).then_some(Self { snapshot, ..self })
    }

    /// Returns the permit of the fill, with the entry's own generation.
    pub(in crate::engine) fn for_fill(self, keys: &EntryKeys, generation: Option<Generation>) -> Option<FillPermit> {
        let Self { started, snapshot, wider } = self;
        let Some(WiderFence { connection, epoch, generations, clocks, until }) = wider else {
            return Some(FillPermit { started, target: FillTarget::Local(snapshot) });
        };
        let generations = std::iter::once(generation?).chain(generations);
        let fence = Arc::new(Fence::new(epoch, keys.fenced_scopes(), generations));
        Some(FillPermit { started, target: FillTarget::Both { snapshot, connection, fence, clocks, until } })
    }
}
