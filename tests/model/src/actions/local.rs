//! `engine/local.rs`: hits and fills of the local tier.

use crate::configuration::{Mode, Variant};
use crate::state::{Barrier, Degraded, Keep, Kept, Link, Namespace, Snapshot, Version};
use crate::world::World;

impl World<'_> {
    /// `Freshness::is_trusted`.
    pub(crate) fn is_trusted(&self, at: usize) -> bool {
        let instance = &self.state.instances[at];
        let is_joining = instance.namespace == Namespace::Joined && !self.is(Variant::TrustingJoin);
        if is_joining || !self.is_settled(at) {
            return false;
        }
        match instance.link {
            Link::Absent => true,
            Link::Down | Link::Subscribed | Link::FirstHeartbeat => false,
            Link::Trusted | Link::Up | Link::Silent | Link::Lost => self.configuration.lease == 0 || instance.trust > 0,
        }
    }

    /// Whether the recovery barrier allows reads from either tier.
    pub(crate) fn is_settled(&self, at: usize) -> bool {
        let Barrier { settled, sees_silence, .. } = self.state.instances[at].barrier;
        settled && !sees_silence
    }

    /// `find` and `find_degraded` of the local tier, which check each answer against the promises.
    pub(super) fn find(&mut self, reader: usize) -> Option<Version> {
        let at = self.configuration.readers[reader];
        let is_trusted = self.is_trusted(at);
        let (value, degraded) = match self.state.instances[at].local? {
            Kept::Fenced(value) if is_trusted => (value, None),
            Kept::Degraded(entry) if !is_trusted => (entry.value, Some(entry)),
            Kept::Degraded(entry) if self.is(Variant::NoMark) => (entry.value, None),
            _ => return None,
        };
        match degraded {
            None => self.check_local_hit(reader, value),
            Some(entry) => {
                self.note(format_args!(", degraded"));
                self.check_degraded_hit(reader, entry);
            }
        }
        Some(value)
    }

    /// `keep` of the local tier.
    pub(super) fn keep_local(&mut self, at: usize, value: Version, snapshot: Snapshot) {
        let is_let_in = snapshot == Snapshot::Current || self.is(Variant::NoSequenceCheck);
        if !self.configuration.local || !is_let_in {
            return;
        }
        if self.is(Variant::InsertAfterCheck) {
            self.instance(at).inserting = Some(value);
        } else {
            self.insert(at, value);
        }
    }

    /// The insertion is one step with the check: both are under the lock that the removal of an invalidation takes.
    pub(super) fn insert(&mut self, at: usize, value: Version) {
        self.instance(at).inserting = None;
        self.instance(at).local = Some(Kept::Fenced(value));
        self.note(format_args!(", kept locally"));
    }

    /// `FillTarget::Degraded` with a shared tier: nothing fences a value that is loaded now.
    pub(super) fn keep_degraded_later(&self) -> Keep {
        let is_allowed = self.configuration.mode != Mode::Strict || self.is(Variant::DegradedStrict);
        match self.configuration.degraded {
            life if life > 0 && is_allowed => Keep::Degraded(Snapshot::Current, life),
            _ => Keep::Nothing,
        }
    }

    /// `keep_degraded` of the local tier.
    pub(super) fn keep_degraded(&mut self, at: usize, value: Version, snapshot: Snapshot, mut life: u8) {
        if self.is(Variant::DegradedFromEnd) {
            life = self.configuration.degraded;
        }
        if snapshot == Snapshot::Current && life > 0 {
            self.instance(at).local = Some(Kept::Degraded(Degraded { value, life, outlived: false }));
            self.note(format_args!(", kept for degraded reads"));
        }
    }
}

impl Kept {
    /// The entry after a tick of the clock.
    pub(super) fn ticked(self) -> Option<Self> {
        match self {
            Self::Degraded(Degraded { life: 0 | 1, .. }) => None,
            Self::Degraded(entry) => Some(Self::Degraded(Degraded { life: entry.life - 1, ..entry })),
            Self::Fenced(_) => Some(self),
        }
    }
}
