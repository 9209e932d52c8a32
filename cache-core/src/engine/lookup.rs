//! One look-up in the shared tier, and the fill permit of the load that may follow.

use std::sync::Arc;
use std::time::Duration;

use super::names::Names;
use super::region::Region;
use super::user_code::guarded;
use crate::coherence::{Epoch, Gen, GenState, Live, Stamp, WAITS};
use crate::envelope::{self, Identity, Unfit};
use crate::flight::{Found, FoundFence, Source};
use crate::key::KeyPart;
use crate::observability::{Backend, Counters, Request};
use crate::policy::Mode;
use crate::runtime::Moment;
use crate::tier::remote::{RemoteError, Snapshot};
use crate::value::Cacheable;

/// The outcome of a look-up.
pub(super) enum Step<R> {
    /// The shared tier returned the value, or the previous flight did and nothing has changed since.
    Hit(Found<R>),
    /// The store must be called.
    Load(Ticket),
}

/// The fill permit of a load, from the state before it began.
#[derive(Debug)]
pub(super) struct Ticket {
    pub(super) started: Moment,
    pub(super) keep: Keep,
}

/// The tiers that may cache the value of a load.
#[derive(Debug)]
pub(super) enum Keep {
    /// No tier: a write is in progress, or its invalidation has not reached Redis.
    Nothing,
    /// No tier, with limited concurrent loads: the shared tier did not answer.
    NothingDegraded,
    /// The local tier for a short time, with limited concurrent loads: the shared tier is unreachable.
    Degraded(Stamp),
    /// The local tier of the only instance.
    Local(Stamp),
    /// Both tiers; the local one until the earliest pending writer expires at `until`.
    Both { stamp: Stamp, live: Arc<Live>, fence: Arc<FoundFence>, until: Moment },
}

impl Keep {
    pub(super) fn fence(&self) -> Option<Arc<FoundFence>> {
        match self {
            Self::Both { fence, .. } => Some(Arc::clone(fence)),
            _ => None,
        }
    }

    pub(super) fn is_bypass(&self) -> bool {
        matches!(self, Self::Nothing | Self::NothingDegraded | Self::Degraded(_))
    }

    pub(super) fn is_degraded(&self) -> bool {
        matches!(self, Self::NothingDegraded | Self::Degraded(_))
    }
}

/// The state before a look-up reads anything.
#[derive(Debug, Clone, Copy)]
pub(super) struct Begun {
    started: Moment,
    pub(super) stamp: Stamp,
}

impl Begun {
    /// Ends the look-up with a miss. `keep` limits where the loaded value is cached.
    pub(super) fn load<R>(self, keep: Keep) -> Step<R> {
        Step::Load(Ticket { started: self.started, keep })
    }
}

/// A connection to the shared tier, and the epoch of the look-up.
pub(super) struct Shared {
    pub(super) live: Arc<Live>,
    epoch: Epoch,
}

/// One entry in the shared tier, with the states of its scopes.
pub(super) struct Answered<'a> {
    pub(super) entry: &'a [u8],
    pub(super) gens: Vec<GenState>,
}

impl<K: KeyPart, R: Cacheable> Region<K, R> {
    /// Looks up an entry in the shared tier. `carried` is the value of the previous flight.
    pub(super) async fn look_up(&self, key: &K, names: &Names, carried: Option<Found<R>>) -> Step<R> {
        let begun = self.begin(names);
        if self.is_journaled(names) {
            return begun.load(Keep::Nothing);
        }
        let Some(shared) = self.shared() else { return begun.load(self.keep_unshared(begun)) };
        let gens: Vec<&str> = names.gens().collect();
        match self.fetch(&shared.live, &[names.key()], &gens).await {
            Ok(Snapshot { entries, gens }) => {
                let answered = Answered { entry: entries.first().map_or(&[], Vec::as_slice), gens };
                self.judge(key, names, begun, &shared, answered, carried)
            }
            Err(_) => begun.load(Keep::NothingDegraded),
        }
    }

    /// Begins a look-up. The local tier must not store anything that is invalidated from now on.
    pub(super) fn begin(&self, names: &Names) -> Begun {
        let link = &self.0.link;
        Begun { started: link.clock.now(), stamp: link.gate.stamp(names.hashes()) }
    }

    /// Whether an invalidation by this instance has not reached the shared tier yet.
    pub(super) fn is_journaled(&self, names: &Names) -> bool {
        self.0.link.journal.holds(&names.scopes)
    }

    /// Returns the shared tier, if there is one and it is reachable.
    pub(super) fn shared(&self) -> Option<Shared> {
        let link = &self.0.link;
        // Readers of a strict method must also see the writes of a member that is cut off.
        if self.0.policy.mode == Mode::Strict && link.membership.is_incomplete() {
            return None;
        }
        let (live, epoch) = link.readable(self.0.namespace)?;
        Some(Shared { live, epoch })
    }

    /// Returns where a value may be cached without the shared tier.
    pub(super) fn keep_unshared(&self, begun: Begun) -> Keep {
        match self.0.cache.backend() {
            Backend::PassThrough => Keep::Nothing,
            Backend::SingleInstance => Keep::Local(begun.stamp),
            Backend::Memory | Backend::Redis => Keep::Degraded(begun.stamp),
        }
    }

    /// Fetches entries and generations in one round trip.
    ///
    /// A second round trip creates generations that are missing. An error is counted, and reported to the link unless
    /// it concerns only this command.
    pub(super) async fn fetch(&self, live: &Live, entries: &[&str], gens: &[&str]) -> Result<Snapshot, RemoteError> {
        let asked = async {
            let mut snapshot = self.in_time(live, live.session.read(entries, gens)).await?;
            self.0.entry_size.observe(snapshot.entries.iter().map(Vec::len));
            let now = self.0.link.clock.now();
            let missing = (0..gens.len()).filter(|at| self.is_missing(&snapshot.gens[*at], live, now));
            let missing: Vec<usize> = missing.collect();
            if !missing.is_empty() {
                let nameless: Vec<&str> = missing.iter().map(|at| gens[*at]).collect();
                let made = self.in_time(live, live.session.init_gens(&nameless)).await?;
                missing.into_iter().zip(made).for_each(|(at, state)| snapshot.gens[at] = state);
            }
            Ok(snapshot)
        };
        let answered = self.0.counters.meter.look_up.of(&self.0.link.clock, asked).await;
        match &answered {
            Ok(_) => self.0.link.succeeded(),
            Err(error) => self.remote_failed(live, Request::Read, error),
        }
        answered
    }

    /// Evaluates the shared tier's reply for one entry.
    pub(super) fn judge(
        &self,
        key: &K,
        names: &Names,
        begun: Begun,
        shared: &Shared,
        answered: Answered<'_>,
        carried: Option<Found<R>>,
    ) -> Step<R> {
        let now = self.0.link.clock.now();
        let Some(Unlocked { gens, until }) = unlocked(answered.gens, &shared.live, now) else {
            return begun.load(Keep::Nothing);
        };
        let fence = Arc::new(FoundFence { epoch: shared.epoch, gens });
        let until = self.checked_end(until);
        if let Some(found) = self.open(key, names, answered.entry, &shared.live, &fence, begun.stamp, until) {
            return Step::Hit(found);
        }
        if let Some(found) = carried.filter(|found| found.fence.as_ref() == Some(&fence)) {
            return Step::Hit(Found { source: Source::Shared, ..found });
        }
        begun.load(Keep::Both { stamp: begun.stamp, live: Arc::clone(&shared.live), fence, until })
    }

    pub(super) async fn in_time<T>(
        &self,
        live: &Live,
        asked: impl Future<Output = Result<T, RemoteError>>,
    ) -> Result<T, RemoteError> {
        let link = &self.0.link;
        live.in_time(&link.clock, link.settings.read_timeout, WAITS, "a read", asked).await
    }

    pub(super) fn remote_failed(&self, live: &Live, request: Request, error: &RemoteError) {
        self.0.counters.remote_error(error.kind());
        self.0.link.tally.error(request, error.kind());
        // One entry that the server does not accept must not open the circuit for all others.
        if !error.is_of_one_command() {
            self.0.link.failed(live, error);
        }
        tracing::debug!(key = self.0.head.text(), %error, "the shared tier did not answer");
    }

    /// Decodes an entry and stores it locally, if it belongs to this key and is current.
    #[expect(clippy::too_many_arguments, reason = "the results of a look-up, each used once")]
    fn open(
        &self,
        key: &K,
        names: &Names,
        bytes: &[u8],
        live: &Live,
        fence: &Arc<FoundFence>,
        stamp: Stamp,
        until: Moment,
    ) -> Option<Found<R>> {
        if bytes.is_empty() {
            return None;
        }
        Counters::add_many(&self.0.counters.bytes_read, bytes.len());
        let now = self.0.link.clock.now();
        match self.decode(names, bytes, live.server_now(now), fence) {
            Ok((value, left)) => {
                self.count_shared_hit(&value);
                if let Some(copy) = guarded(self.0.head.text(), "Clone", || value.clone()) {
                    self.keep_local(key.clone(), copy, stamp, now.after(left).min(until));
                }
                Some(Found { value, source: Source::Shared, fence: Some(Arc::clone(fence)) })
            }
            Err(reason) => {
                self.0.counters.unfit(reason);
                self.0.cache.0.mixups.found(reason, self.0.head.text());
                None
            }
        }
    }

    /// Returns the value and its remaining lifetime.
    fn decode(&self, names: &Names, bytes: &[u8], now: u64, fence: &FoundFence) -> Result<(R, Duration), Unfit> {
        if bytes.len() > self.0.link.settings.max_entry {
            return Err(Unfit::TooLarge);
        }
        #[cfg(feature = "testing")]
        let readdressed = self.readdressed(names, bytes, fence);
        #[cfg(feature = "testing")]
        let bytes = readdressed.as_deref().unwrap_or(bytes);
        let opened = envelope::open(bytes, &self.identity(names), &names.fence(fence), now)?;
        let value = self.0.policy.codec.decode(&bytes[opened.payload]).map_err(|_| Unfit::Payload)?;
        // Some codecs encode `Some(())` and `None` alike.
        if self.0.presence.is_absent(&value) != opened.absent {
            return Err(Unfit::Payload);
        }
        Ok((value, Duration::from_millis(opened.expiry.hard - now)))
    }

    /// For a negative control: rewrites the entry so that its identity matches.
    #[cfg(feature = "testing")]
    fn readdressed(&self, names: &Names, bytes: &[u8], fence: &FoundFence) -> Option<Vec<u8>> {
        let weak = self.0.link.settings.weakness == crate::testing::Weakness::NoIdentity;
        weak.then(|| envelope::readdress(bytes, &self.identity(names), &names.fence(fence)))
    }

    fn count_shared_hit(&self, value: &R) {
        let counters = &self.0.counters;
        let absent = self.0.presence.is_absent(value);
        Counters::add(if absent { &counters.shared_negative_hits } else { &counters.shared_hits });
    }

    /// The encoding of this region's values: the codec, and the fingerprint of the type.
    fn shape(&self) -> (u8, u64) {
        #[cfg(feature = "testing")]
        if self.0.link.lacks(crate::testing::Weakness::NoFingerprint) {
            return (0, 0);
        }
        (self.0.policy.codec.id(), self.0.fingerprint)
    }

    /// The source and the method hash in the entries of this region.
    fn owner(&self) -> (u128, u64) {
        #[cfg(feature = "testing")]
        if self.0.link.lacks(crate::testing::Weakness::NoOwner) {
            return (0, 0);
        }
        (self.0.source, self.0.method)
    }

    pub(super) fn identity<'a>(&self, names: &'a Names) -> Identity<'a> {
        let ((source, method), (codec, fingerprint)) = (self.owner(), self.shape());
        Identity { source, method, codec, fingerprint, key_hash: names.key_hash(), full_key: names.full_key.as_deref() }
    }
}

impl<K, R> Region<K, R> {
    /// Whether a scope needs, or may need, a new generation.
    ///
    /// The server's clock decides whether a pending writer has expired, and its decision is final.
    fn is_missing(&self, state: &GenState, live: &Live, now: Moment) -> bool {
        match state {
            GenState::Missing => true,
            GenState::Pending { expiry, .. } => self.checked_end(live.moment_of(*expiry, now)) <= now,
            GenState::Locked | GenState::Free(_) => false,
        }
    }

    #[cfg(not(feature = "testing"))]
    #[expect(clippy::unused_self, reason = "the version for negative controls needs it")]
    fn checked_end(&self, until: Moment) -> Moment {
        until
    }

    /// The local expiry of an entry; never, if the check of pending writers is disabled.
    #[cfg(feature = "testing")]
    fn checked_end(&self, until: Moment) -> Moment {
        if self.0.link.lacks(crate::testing::Weakness::KeepPending) { Moment::NEVER } else { until }
    }
}

/// Current generations, and the local expiry of an entry that is filled under them.
pub(super) struct Unlocked {
    pub(super) gens: Vec<Gen>,
    pub(super) until: Moment,
}

/// Returns the generations, if no scope is locked and none is missing.
pub(super) fn unlocked(states: Vec<GenState>, live: &Live, now: Moment) -> Option<Unlocked> {
    let mut until = Moment::NEVER;
    let generation = |state| match state {
        GenState::Free(generation) => Some(generation),
        GenState::Pending { generation, expiry } => {
            until = live.moment_of(expiry, now).min(until);
            Some(generation)
        }
        GenState::Locked | GenState::Missing => None,
    };
    let gens = states.into_iter().map(generation).collect::<Option<_>>()?;
    Some(Unlocked { gens, until })
}
