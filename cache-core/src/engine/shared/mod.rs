//! Look-ups in the shared tier, and the permits of the fills that may follow.
//!
//! A look-up fetches an entry together with the states of its scopes, and decides whether the entry is current. A miss
//! comes with a permit, which holds the generations and the snapshot from before the load. Invariant: nothing is filled
//! without a permit.

mod entry_size;
mod fill;
mod value_tags;
mod write_permit;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use foldhash::fast::RandomState;
use smallvec::SmallVec;

use self::entry_size::EntrySize;
pub(super) use self::fill::{Encoded, SharedFill};
pub(super) use self::value_tags::Loaded;
use self::value_tags::TaggedHit;
pub(super) use self::write_permit::WritePermit;
use super::entry_keys::EntryKeys;
use super::local::{Age, Ends};
use super::method::Method;
use crate::coherence::Connection;
use crate::freshness::SequenceSnapshot;
use crate::observability::{CallSpan, Counters, Request};
use crate::protocol::envelope::{self, Expiry, Identity, Unusable};
use crate::protocol::{
    Backend, EntryReplies, EntryReply, Epoch, Fence, Generation, Mode, Protection, Scope, ScopeHash, ScopeState,
    ScopeStates, TierError, Wanted,
};
use crate::runtime::Moment;
use crate::single_flight::{Found, Source};
use crate::value::Cacheable;

/// The shared tier, for the entries of one read method.
pub(super) struct SharedEntries<R> {
    method: Arc<Method<R>>,
    /// The index of its bus namespace among those of the cache.
    namespace: usize,
    /// The identity of the store's database; 0 if unknown.
    source: u128,
    /// The hash of trait and method.
    method_hash: u64,
    fingerprint: u64,
    entry_size: EntrySize,
}

/// The parts of a read: one for most reads, or those of a batch.
pub(super) type Few<T> = SmallVec<[T; 1]>;

/// The look-up of one entry.
pub(super) struct Query<R> {
    pub(super) keys: EntryKeys,
    begun: Begun,
    accepted: Accepted<R>,
    answer: Option<LookUp<R>>,
}

/// The values that a look-up accepts.
pub(super) enum Accepted<R> {
    /// That of the shared tier, or the one that the previous flight of the key found, if it is still current.
    Entry(Option<Found<R>>),
    /// That of the shared tier, if it is not to be refreshed.
    Young,
    /// None: the look-up ends with a permit for the value of the store.
    Nothing,
}

impl<R> Accepted<R> {
    /// Takes the value that the previous flight found.
    fn carried(&mut self) -> Option<Found<R>> {
        match self {
            Self::Entry(carried) => carried.take(),
            Self::Young | Self::Nothing => None,
        }
    }
}

/// The state before a look-up reads anything.
#[derive(Debug, Clone, Copy)]
pub(super) struct Begun {
    started: Moment,
    /// The local tier must not store anything that is invalidated after this snapshot.
    pub(super) snapshot: SequenceSnapshot,
}

/// The outcome of a look-up.
pub(super) enum LookUp<R> {
    /// The shared tier has the value. The local tier may keep it as well.
    Hit { found: Found<R>, snapshot: SequenceSnapshot, ends: Ends, age: Age },
    /// The value of the previous flight is still current.
    Confirmed(Found<R>),
    /// The store must be called. If it fails, the expired value may answer.
    Miss { permit: FillPermit, expired: Option<R> },
}

/// The permission to cache the value of a load, from the state before it began.
#[derive(Debug)]
pub(super) struct FillPermit {
    pub(super) started: Moment,
    pub(super) target: FillTarget,
}

/// The tiers that may cache the value of a load.
#[derive(Debug)]
pub(super) enum FillTarget {
    /// No tier: a write is in progress, or its invalidation has not reached Redis.
    Nothing,
    /// No tier, with limited concurrent loads: the shared tier did not answer.
    NothingDegraded,
    /// The local tier for a short time, with limited concurrent loads: the shared tier is unreachable.
    Degraded(SequenceSnapshot),
    /// The local tier of the only instance.
    Local(SequenceSnapshot),
    /// Both tiers; the local one until the earliest pending writer expires at `until`.
    ///
    /// `clocks` are the states of those of the families that the value takes tags from.
    Both {
        snapshot: SequenceSnapshot,
        connection: Arc<Connection>,
        fence: Arc<Fence>,
        clocks: Vec<ScopeState>,
        until: Moment,
    },
}

impl FillTarget {
    pub(super) fn fence(&self) -> Option<Arc<Fence>> {
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

impl<R> Query<R> {
    /// Without an answer the shared tier did not reply.
    fn into_answer(self) -> (EntryKeys, LookUp<R>) {
        let answer = self.answer.unwrap_or_else(|| self.begun.miss(FillTarget::NothingDegraded));
        (self.keys, answer)
    }
}

impl Begun {
    fn expired<R>(self, target: FillTarget, value: R) -> LookUp<R> {
        LookUp::Miss { permit: FillPermit { started: self.started, target }, expired: Some(value) }
    }

    fn miss<R>(self, target: FillTarget) -> LookUp<R> {
        LookUp::Miss { permit: FillPermit { started: self.started, target }, expired: None }
    }
}

impl<R: Cacheable> SharedEntries<R> {
    pub(super) fn new(
        method: &Arc<Method<R>>,
        namespace: usize,
        source: u128,
        method_hash: u64,
        fingerprint: u64,
    ) -> Self {
        let (method, entry_size) = (Arc::clone(method), EntrySize::default());
        Self { method, namespace, source, method_hash, fingerprint, entry_size }
    }

    /// Begins a look-up. What is invalidated from now on does not enter the local tier.
    pub(super) fn query(&self, keys: EntryKeys, accepted: Accepted<R>) -> Query<R> {
        let begun = self.begin(&keys);
        Query { keys, begun, accepted, answer: None }
    }

    pub(super) fn begin(&self, keys: &EntryKeys) -> Begun {
        let started = self.method.process().clock.now();
        Begun { started, snapshot: self.method.snapshot(keys) }
    }

    /// Looks up entries, in as few round trips as their size allows. `progress` runs between two of them.
    ///
    /// The answers are in the order of the queries.
    pub(super) async fn look_up(&self, mut queries: Few<Query<R>>, progress: impl Fn()) -> Few<(EntryKeys, LookUp<R>)> {
        let journal = &self.method.coherence().journal;
        for query in queries.iter_mut().filter(|query| journal.holds(&query.keys.scopes)) {
            query.answer = Some(query.begun.miss(FillTarget::Nothing));
        }
        let mut at_once = None;
        loop {
            let count = self.entry_size.keys_at_once(at_once);
            let mut round: Few<_> = queries.iter_mut().filter(|query| query.answer.is_none()).take(count).collect();
            if round.is_empty() {
                break;
            }
            if at_once.replace(count).is_some() {
                progress();
            }
            let Some((connection, epoch)) = self.readable() else {
                for query in round {
                    query.answer = Some(self.unreachable(query.begun));
                }
                continue;
            };
            // A batch waits for one timeout, not for one in each round trip.
            if self.ask(&connection, epoch, &mut round).await.is_err() {
                break;
            }
        }
        queries.into_iter().map(Query::into_answer).collect()
    }

    /// Returns the connection and epoch to read with, if the shared tier may be read.
    fn readable(&self) -> Option<(Arc<Connection>, Epoch)> {
        let coherence = self.method.coherence();
        // Readers of a strict method must also see the writes of a member that is cut off.
        if self.method.policy.mode == Mode::Strict && coherence.membership.is_incomplete() {
            return None;
        }
        coherence.readable(self.namespace)
    }

    /// The answer without a shared tier.
    fn unreachable(&self, begun: Begun) -> LookUp<R> {
        begun.miss(match self.method.cache.backend() {
            Backend::PassThrough => FillTarget::Nothing,
            Backend::SingleInstance => FillTarget::Local(begun.snapshot),
            Backend::Memory | Backend::Redis => FillTarget::Degraded(begun.snapshot),
        })
    }

    /// Asks for some of the entries, each with the states of its scopes.
    async fn ask(
        &self,
        connection: &Arc<Connection>,
        epoch: Epoch,
        round: &mut [&mut Query<R>],
    ) -> Result<(), TierError> {
        let size = self.entry_size.expected();
        let span = CallSpan::look_up(&self.method.counters, self.method.cache.backend(), round.len());
        let replies = {
            let wanted: Few<_> = round.iter().map(|query| Wanted { scopes: &query.keys.scopes, size }).collect();
            self.fetch(connection, &wanted, &span).await?
        };
        let mut tagged = Vec::new();
        for (query, reply) in round.iter_mut().zip(replies) {
            match self.judge(query, connection, epoch, reply) {
                Verdict::Final(answer) => query.answer = Some(answer),
                Verdict::Tagged(hit) => tagged.push((&mut **query, hit)),
            }
        }
        if !tagged.is_empty() {
            // Boxed: most methods take no tags from values, and it would enlarge the future of every look-up.
            Box::pin(self.confirm(connection, tagged)).await?;
        }
        span.hit(|| round.iter().all(|query| matches!(query.answer, Some(LookUp::Hit { .. } | LookUp::Confirmed(_)))));
        Ok(())
    }

    /// Fetches entries with the states of their scopes in one round trip.
    ///
    /// A second round trip creates generations that are missing. An error is counted, and closes the connection or opens the
    /// circuit unless it concerns only this command.
    async fn fetch(
        &self,
        connection: &Connection,
        wanted: &[Wanted<'_>],
        span: &CallSpan,
    ) -> Result<EntryReplies, TierError> {
        let began = self.method.process().clock.stopwatch();
        let mut replies = self.in_time(connection, span.around(connection.tier.read(wanted))).await;
        if let Ok(found) = &mut replies {
            // A foreign value of any size is received once, and says nothing about the entries.
            let most = self.method.process().settings.max_entry.saturating_add(1);
            self.entry_size.observe(found.iter().map(|reply| reply.bytes.len().min(most)));
            let now = self.method.process().clock.now();
            let is_missing = |state: &ScopeState| self.is_missing(state, connection, now);
            if found.iter().any(|reply| reply.states.iter().any(is_missing)) {
                // Boxed: this is rare, and would enlarge the future of every look-up.
                let created = Box::pin(self.create_missing(connection, wanted, found, is_missing)).await;
                replies = created.and(replies);
            }
        }
        self.method.counters.meter.look_up.record(began.elapsed());
        span.outcome(&replies);
        match &replies {
            Ok(_) => self.method.coherence().succeeded(),
            Err(error) => self.failed(connection, Request::Read, error),
        }
        replies
    }

    /// Creates the generations that are missing, each once: entries share the wider ones.
    async fn create_missing(
        &self,
        connection: &Connection,
        wanted: &[Wanted<'_>],
        replies: &mut EntryReplies,
        is_missing: impl Fn(&ScopeState) -> bool,
    ) -> Result<(), TierError> {
        let scopes = wanted.iter().flat_map(|one| one.scopes);
        let mut missing: HashMap<&str, usize, RandomState> = HashMap::default();
        let mut generations = Vec::new();
        let mut open = Vec::new();
        for (scope, state) in scopes.zip(replies.iter_mut().flat_map(|reply| &mut reply.states)) {
            if is_missing(state) {
                let at = *missing.entry(scope.generation_key()).or_insert_with(|| {
                    generations.push(scope.generation_key());
                    generations.len() - 1
                });
                open.push((at, state));
            }
        }
        let created = self.in_time(connection, connection.tier.init_generations(&generations)).await?;
        for (at, state) in open {
            state.clone_from(&created[at]);
        }
        Ok(())
    }

    async fn in_time<T>(
        &self,
        connection: &Connection,
        asked: impl Future<Output = Result<T, TierError>>,
    ) -> Result<T, TierError> {
        connection.read_in_time(&self.method.process().clock, asked).await
    }

    fn failed(&self, connection: &Connection, request: Request, error: &TierError) {
        self.method.counters.tier_error(error.kind());
        self.method.process().counters.error(request, error.kind());
        // One entry that the server does not accept must not open the circuit for all others.
        if !error.is_of_one_command() {
            self.method.coherence().failed(connection, error);
        }
        tracing::debug!(key = self.method.name(), %error, "a request to the shared tier failed");
    }

    /// Whether a scope needs, or may need, a new generation.
    ///
    /// The server's clock decides whether a pending writer has expired, and its decision is final.
    fn is_missing(&self, state: &ScopeState, connection: &Connection, now: Moment) -> bool {
        match state {
            ScopeState::Missing => true,
            ScopeState::Pending { expiry, .. } => self.end_of_pending(connection.moment_of(*expiry, now)) <= now,
            ScopeState::Locked | ScopeState::Free(_) => false,
        }
    }

    /// The local expiry of an entry with a pending writer.
    fn end_of_pending(&self, until: Moment) -> Moment {
        if self.method.protects(Protection::PendingExpiry) { until } else { Moment::NEVER }
    }

    /// Evaluates the shared tier's reply for one entry.
    fn judge(
        &self,
        query: &mut Query<R>,
        connection: &Arc<Connection>,
        epoch: Epoch,
        EntryReply { bytes: entry, mut states }: EntryReply,
    ) -> Verdict<R> {
        let Query { keys, begun, accepted, .. } = query;
        let (now, Begun { snapshot, .. }) = (self.method.process().clock.now(), *begun);
        let clocks = states.drain(keys.fenced..).collect();
        let Some(Unlocked { generations, until }) = unlocked(states, connection, now) else {
            return Verdict::Final(begun.miss(FillTarget::Nothing));
        };
        let fence = Arc::new(Fence::new(epoch, keys.fenced_scopes(), generations));
        let until = self.end_of_pending(until);
        let opened = match accepted {
            Accepted::Nothing => None,
            Accepted::Entry(_) | Accepted::Young => self.open(keys, &entry, connection.server_now(now), &fence),
        };
        let opened = opened.map(|readable| self.aged(readable, connection, now, until));
        let mut opened = opened.filter(|entry| !matches!(accepted, Accepted::Young) || entry.age == Some(Age::Young));
        // The value that the previous flight loaded is newer than an entry that has reached its end.
        if opened.as_ref().is_none_or(|entry| entry.age.is_none_or(|age| age == Age::Stale))
            && let Some(found) = accepted.carried().filter(|found| found.fence.as_ref() == Some(&fence))
        {
            return Verdict::Final(LookUp::Confirmed(Found { source: Source::Shared, ..found }));
        }
        let is_read = !matches!(accepted, Accepted::Young);
        if let Some(entry) = &mut opened
            && self.is_refreshed_elsewhere(entry)
        {
            entry.age = Some(Age::Young);
        }
        let target = |fence| FillTarget::Both { snapshot, connection: Arc::clone(connection), fence, clocks, until };
        match opened {
            Some(entry) if self.method.has_value_tags() => Verdict::Tagged(TaggedHit { entry, target: target(fence) }),
            Some(Aged { value, age: None, .. }) => Verdict::Final(begun.expired(target(fence), value)),
            Some(Aged { value, ends, age: Some(age), .. }) => {
                Verdict::Final(self.hit(value, (ends, age), Some(fence), snapshot, is_read))
            }
            None => Verdict::Final(begun.miss(target(fence))),
        }
    }

    /// Returns a decoded entry with its age.
    fn aged(
        &self,
        Readable { value, absent, expiry, tags }: Readable<R>,
        connection: &Connection,
        now: Moment,
        limit: Moment,
    ) -> Aged<R> {
        let staleness = self.method.staleness(absent);
        let server_now = connection.server_now(now);
        let left = Duration::from_millis(expiry.soft.saturating_sub(server_now));
        let past = Duration::from_millis(server_now.saturating_sub(expiry.soft));
        let age = if left > staleness.lead {
            Some(Age::Young)
        } else if left > Duration::ZERO {
            Some(Age::Due)
        } else {
            (past < self.method.refreshes.answers_for(staleness, now)).then_some(Age::Stale)
        };
        // Without a moment for the end, which was before the clock began, the local tier must not keep it.
        let ends = match now.checked_before(past) {
            Some(end) => Ends { life: end.after(left), limit },
            None => Ends { life: now, limit: now },
        };
        Aged { value, ends, age, tags }
    }

    /// Whether a read starts no refresh of an entry that is due, since its local copy will start none either.
    fn is_refreshed_elsewhere(&self, entry: &Aged<R>) -> bool {
        let is_absent = || self.method.presence.is_absent(&entry.value);
        entry.age == Some(Age::Due) && self.method.is_refreshed_in_time_only(is_absent())
    }

    /// Returns a hit as the answer, and counts it if it answers a read.
    fn hit(
        &self,
        value: R,
        (ends, age): (Ends, Age),
        fence: Option<Arc<Fence>>,
        snapshot: SequenceSnapshot,
        is_read: bool,
    ) -> LookUp<R> {
        let (counters, is_absent) = (&self.method.counters, self.method.presence.is_absent(&value));
        if is_read {
            Counters::add(if is_absent { &counters.shared_negative_hits } else { &counters.shared_hits });
        }
        if age == Age::Stale {
            Counters::add(&counters.stale_hits);
        }
        LookUp::Hit { found: Found { value, source: Source::Shared, fence }, snapshot, ends, age }
    }

    /// Decodes an entry, if it belongs to this key and is current as far as the fence shows.
    fn open(&self, keys: &EntryKeys, bytes: &[u8], now: u64, fence: &Fence) -> Option<Readable<R>> {
        let counters = &self.method.counters;
        if bytes.is_empty() {
            return None;
        }
        Counters::add_many(&counters.bytes_read, bytes.len());
        if !self.method.protects(Protection::StaleFence) {
            return self.decode(keys, &envelope::refence(bytes, fence), now, fence).ok();
        }
        let decoded = if self.method.protects(Protection::Identity) {
            self.decode(keys, bytes, now, fence)
        } else {
            self.decode(keys, &envelope::readdress(bytes, &self.identity(keys), fence), now, fence)
        };
        match decoded {
            Ok(readable) => Some(readable),
            Err(reason) => {
                counters.unusable(reason);
                self.method.cache.0.ownership.mixups.found(reason, self.method.name());
                None
            }
        }
    }

    fn decode(&self, keys: &EntryKeys, bytes: &[u8], now: u64, fence: &Fence) -> Result<Readable<R>, Unusable> {
        if bytes.len() > self.method.process().settings.max_entry {
            return Err(Unusable::TooLarge);
        }
        let opened = envelope::open(bytes, &self.identity(keys), fence, self.method.value_tags(), now)?;
        let value = self.method.policy.codec.decode(&bytes[opened.payload]).map_err(|_| Unusable::Payload)?;
        // Some codecs encode `Some(())` and `None` alike.
        if self.method.presence.is_absent(&value) != opened.absent {
            return Err(Unusable::Payload);
        }
        Ok(Readable { value, absent: opened.absent, expiry: opened.expiry, tags: opened.tags })
    }

    /// The properties that an entry of this key carries.
    fn identity<'a>(&self, keys: &'a EntryKeys) -> Identity<'a> {
        let (has_owner, has_shape) =
            (self.method.protects(Protection::Owner), self.method.protects(Protection::Fingerprint));
        Identity {
            source: if has_owner { self.source } else { 0 },
            method: if has_owner { self.method_hash } else { 0 },
            codec: if has_shape { self.method.policy.codec.id() } else { 0 },
            fingerprint: if has_shape { self.fingerprint } else { 0 },
            key_hash: keys.hash(),
            full_key: keys.full_key.as_deref(),
        }
    }

    /// Returns the permit for a value that has no store, unless another writer followed the one with this token.
    pub(super) async fn own_permit(&self, keys: &EntryKeys, token: &str) -> Option<FillPermit> {
        let Begun { started, snapshot } = self.begin(keys);
        let (connection, epoch, Unlocked { generations, until }) = self.generations(keys).await?;
        let is_own = generations[0].is_of(token) || !self.method.protects(Protection::PutFence);
        let fence = Arc::new(Fence::new(epoch, keys.fenced_scopes(), generations));
        let target = FillTarget::Both { snapshot, connection, fence, clocks: Vec::new(), until };
        is_own.then_some(FillPermit { started, target })
    }

    /// Returns the current fence of an entry, without the entry.
    ///
    /// There is none if a write of it is in progress, or if the shared tier does not answer.
    pub(super) async fn fence(&self, keys: &EntryKeys) -> Option<Fence> {
        if self.method.coherence().journal.holds(&keys.scopes) {
            return None;
        }
        let (_, epoch, Unlocked { generations, .. }) = self.generations(keys).await?;
        Some(Fence::new(epoch, &keys.scopes, generations))
    }

    /// Returns the generations of an entry's scopes and of the clocks of its value's tags, if none is locked.
    async fn generations(&self, keys: &EntryKeys) -> Option<(Arc<Connection>, Epoch, Unlocked)> {
        let (connection, epoch) = self.method.coherence().readable(self.namespace)?;
        let generations: Vec<&str> = keys.scopes.iter().map(Scope::generation_key).collect();
        let states = self.in_time(&connection, connection.tier.init_generations(&generations)).await.ok()?;
        let unlocked = unlocked(states.into(), &connection, self.method.process().clock.now())?;
        Some((connection, epoch, unlocked))
    }
}

/// An entry that was decoded.
struct Readable<R> {
    value: R,
    absent: bool,
    expiry: Expiry,
    /// The generations of the tags that its value determined when it was filled.
    tags: Vec<(ScopeHash, Generation)>,
}

/// An entry of a known age.
struct Aged<R> {
    value: R,
    ends: Ends,
    /// `None` if it has expired, and may only answer in place of an error.
    age: Option<Age>,
    tags: Vec<(ScopeHash, Generation)>,
}

/// What the reply for one entry decides.
enum Verdict<R> {
    Final(LookUp<R>),
    /// The tags of its value decide.
    Tagged(TaggedHit<R>),
}

/// Current generations, and the local expiry of an entry that is filled under them.
struct Unlocked {
    generations: SmallVec<[Generation; 2]>,
    until: Moment,
}

/// Returns the generations, if no scope is locked and none is missing.
fn unlocked(states: ScopeStates, connection: &Connection, now: Moment) -> Option<Unlocked> {
    let mut until = Moment::NEVER;
    let generation = |state| match state {
        ScopeState::Free(generation) => Some(generation),
        ScopeState::Pending { generation, expiry } => {
            until = connection.moment_of(expiry, now).min(until);
            Some(generation)
        }
        ScopeState::Locked | ScopeState::Missing => None,
    };
    let generations = states.into_iter().map(generation).collect::<Option<_>>()?;
    Some(Unlocked { generations, until })
}
