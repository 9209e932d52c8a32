//! The write path: write lock, store, release.
//!
//! A [`WriteGuard`] exists from the lock to the release. Between the two the caller calls the store. Every way out of
//! that is covered: a result, an error that proves that nothing was written, an error of unknown outcome, and a dropped
//! future. In the last two the lock stays, because the store may still apply the write.
//!
//! Invariant: a write never fails because of the shared tier. An announcement that fails is journaled.

use std::collections::HashSet;
use std::sync::Arc;

use foldhash::fast::RandomState;
use futures_util::future::{join, join_all};

use super::announce::{self, Announcement, advance, announce, finished, invalidated};
use super::held::{Held, journal, release_later};
use super::late_acknowledgement::acknowledge;
use super::trace;
use super::update::{AnyUpdate, StoredEntry};
use crate::cache::Cache;
use crate::coherence::{LocalWriter, Unreleased};
use crate::observability::Delivery;
use crate::protocol::{Generation, Mode, Protection, Released, Scope, ScopeState, WriteScopes};
use crate::read_your_writes;
use crate::runtime::{Tasks, random};

/// The outcome of a write, as far as the caller of the store knows it.
///
/// Generated code derives it from the result: `Ok` is [`Written`](Self::Written), an error whose
/// [`WriteError::not_written`](crate::WriteError::not_written) is true is [`NotWritten`](Self::NotWritten), and any
/// other error is [`Unknown`](Self::Unknown).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteOutcome {
    /// It was applied.
    Written,
    /// It was certainly not applied.
    NotWritten,
    /// It may have been applied: the connection was lost, or time ran out.
    Unknown,
}

/// A write in progress.
///
/// The scopes that are known before the call are locked in the shared tier: nothing can fill the entries that the write
/// is about to change. Targets that only the result names cannot be locked. Instead the write is registered as a
/// *pending writer* on their read methods. The entries of such a method stay current as long as the writer lives; if it
/// does not finish, the whole method is invalidated.
///
/// A decorator uses it for each write. `begin_x` of a decorator returns it for a write `x` that the caller commits
/// (`commits = caller`); [`begin`](Self::begin) is for regions without a decorator.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), cache_core::Error> {
/// use std::time::Duration;
/// use cache_core::{Cache, Error, ReadPolicy, WriteGuard};
///
/// # async fn commit() -> Result<(), Error> { Ok(()) }
/// let cache = Cache::single_instance();
/// let squares = cache.region::<u64, u64>("demo", "square", ReadPolicy::new(Duration::from_secs(60)));
///
/// let guard = WriteGuard::begin(&cache, vec![squares.scope(&&3)], Vec::new()).await;
/// match commit().await {
///     Ok(()) => guard.committed().await,
///     Err(error) => {
///         drop(guard); // it may have been applied: the lock stays until it expires
///         return Err(error);
///     }
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Cancellation
///
/// If the guard is dropped without [`committed`](Self::committed) or [`rolled_back`](Self::rolled_back), the outcome
/// counts as unknown: locks stay until they expire, and the methods that the write is registered on are invalidated at
/// once and again when the registration expires.
#[derive(Debug)]
#[must_use = "a write that is not finished leaves its scopes locked until the locks expire"]
pub struct WriteGuard {
    cache: Cache,
    /// The locked scopes.
    scopes: Vec<Scope>,
    /// The methods that the write is registered on.
    methods: Vec<Scope>,
    /// The scopes that the call named in addition to `scopes`.
    found: Vec<Scope>,
    /// The entries that the write stores its value in; their scopes are locked.
    updates: Vec<Arc<dyn StoredEntry>>,
    token: String,
    /// The write in progress, without a shared tier.
    _local: Option<LocalWriter>,
    /// Whether the shared tier has the locks and registrations.
    placed: Delivery,
    /// Whether the store may have been called.
    begun: bool,
    /// Whether a drop has nothing left to do.
    settled: bool,
}

impl WriteGuard {
    /// Places the write lock, in one round trip. Await it before the store is called.
    ///
    /// It locks `scopes`, and registers the write on the whole-method scopes `methods`.
    ///
    /// It waits for the shared tier at most for the write timeout. If the announcement fails, the scopes are journaled,
    /// and delivered once the shared tier is reachable.
    ///
    /// The entries of `scopes` are invalidated, on this instance at once and elsewhere with the message. With a shared
    /// tier, reads of them go to the store until the write ends.
    ///
    /// # Cancellation
    ///
    /// If the future is dropped before it is ready, the store was not called yet, and the locks are withdrawn.
    pub async fn begin(cache: &Cache, scopes: Vec<Scope>, methods: Vec<Scope>) -> Self {
        Self::begin_updating(cache, scopes, methods, Vec::new()).await
    }

    /// Like [`begin`](Self::begin), for a write that stores entries as well. Their scopes are among `scopes`.
    #[doc(hidden)]
    pub async fn begin_updating(
        cache: &Cache,
        scopes: Vec<Scope>,
        methods: Vec<Scope>,
        updates: Vec<AnyUpdate>,
    ) -> Self {
        cache.revive();
        let updates = updates.into_iter().map(|update| update.0).collect();
        let token = writer_token(cache);
        let methods = if cache.0.process.protects(Protection::PendingWriters) { methods } else { Vec::new() };
        let (cache, found, placed) = (cache.clone(), Vec::new(), Delivery::Unreachable);
        let writers = &cache.0.coherence.local_writers;
        let local = (!cache.has_remote()).then(|| writers.enter(scopes.iter().chain(&methods)));
        let (begun, settled) = (false, false);
        let mut write = Self { cache, scopes, methods, found, updates, token, _local: local, placed, begun, settled };
        write.advance();
        write.placed = if write.updates.is_empty() {
            write.place().await
        } else {
            let prepared = join_all(write.updates.iter().map(|update| update.prepare()));
            join(write.place(), prepared).await.0
        };
        trace::announced(write.is_placed());
        if !write.is_placed() {
            journal(&write.cache, &write.written());
        }
        write.begun = true;
        write
    }

    /// Ends the write, in one round trip.
    ///
    /// It invalidates `found`, the scopes that the call named, and releases the locks and registrations. If the outcome
    /// is unknown they stay, as if the guard were dropped.
    ///
    /// The strongest mode of all its scopes decides how long this waits. If the write could not be announced, it also
    /// waits until the invalidation is delivered, or until no other instance can read the replaced values.
    ///
    /// # Cancellation
    ///
    /// A task completes the release, even if this call is dropped.
    #[doc(hidden)]
    pub async fn finish(mut self, outcome: WriteOutcome, found: Vec<Scope>) {
        self.found = self.not_locked(found);
        if outcome == WriteOutcome::Unknown {
            return;
        }
        self.advance();
        self.settled = true;
        let (cache, written) = (self.cache.clone(), self.written());
        let mode = self.mode();
        let delivered = self.end(mode).await;
        acknowledge(&cache, &written, mode, delivered).await;
        if outcome == WriteOutcome::Written {
            read_your_writes::note(&cache, &written, delivered);
        }
    }

    /// Returns the scopes that are not locked, each once.
    fn not_locked(&self, mut found: Vec<Scope>) -> Vec<Scope> {
        // Most writes find no scope, or one.
        if found.len() < 2 {
            found.retain(|scope| !self.scopes.contains(scope));
            return found;
        }
        let mut known: HashSet<&Scope, RandomState> = self.scopes.iter().collect();
        let is_new: Vec<bool> = found.iter().map(|scope| known.insert(scope)).collect();
        found.into_iter().zip(is_new).filter_map(|(scope, is_new)| is_new.then_some(scope)).collect()
    }

    /// Notes that the store is not called yet: a drop withdraws the locks.
    pub(super) fn pause(&mut self) {
        self.begun = false;
    }

    /// Notes that the store is about to be called.
    pub(super) fn resume(&mut self) {
        self.begun = true;
    }

    /// Ends a write that the caller has committed. Await it after the commit has returned.
    ///
    /// The methods that it is registered on are invalidated as a whole, since no result names the entries that it has
    /// changed.
    pub async fn committed(self) {
        let methods = self.methods.clone();
        self.finish(WriteOutcome::Written, methods).await;
    }

    /// Ends a write that was certainly not applied.
    ///
    /// Its lock is released, and the next reads load its entries again.
    ///
    /// If the outcome of the commit is unknown, drop the guard instead.
    pub async fn rolled_back(self) {
        self.finish(WriteOutcome::NotWritten, Vec::new()).await;
    }

    /// The scopes that the write is known to change.
    fn written(&self) -> Vec<Scope> {
        [&self.scopes[..], &self.found].concat()
    }

    fn mode(&self) -> Mode {
        Scope::strongest_mode(self.scopes.iter().chain(&self.methods).chain(&self.found))
    }

    /// Releases the locks, in mode fast in a task.
    ///
    /// Returns whether the shared tier knows of the write.
    async fn end(self, mode: Mode) -> bool {
        if !self.has_remote() || self.is_empty() {
            self.release_begins();
            self.store_updates(&[]).await;
            return true;
        }
        if mode == Mode::Fast { self.release_behind() } else { self.released().await }
    }

    /// Releases the locks and waits for the reply; returns whether the release was delivered.
    ///
    /// Until then the scopes that the call named are held. They have no lock: if the caller is dropped meanwhile, this
    /// instance could otherwise read their old values from the shared tier.
    async fn released(self) -> bool {
        let (cache, held) = (self.cache.clone(), Held::new(&self.cache, self.found.clone()));
        let released = finished(&cache, self.release(held)).await.unwrap_or(false);
        trace::released(released);
        released
    }

    /// Releases the locks in a task; returns whether the shared tier has the locks.
    ///
    /// Until then all scopes are held: if the lock was lost, the shared tier may hold an old value that this instance
    /// must not read. The model in `tests/model` found this case.
    fn release_behind(self) -> bool {
        let (placed, held) = (self.is_placed(), Held::new(&self.cache, self.written()));
        let tasks = self.cache.0.process.tasks.clone();
        tasks.spawn(self.release(held));
        placed
    }

    /// Sends the release; returns whether it was delivered.
    ///
    /// If it was not, the journal invalidates the written scopes, and releases the locks and registrations later.
    async fn release(self, held: Held) -> bool {
        if !self.protects(Protection::LostLock) && self.has_lost_its_lock().await {
            held.end();
            return true;
        }
        self.release_begins();
        let released = announce::release(&self.cache, self.all(), &self.token).await;
        let delivered = released.is_some();
        if !delivered {
            journal(&self.cache, &self.written());
            self.release_later();
        }
        let generations = self.alone(released.unwrap_or_default());
        self.advance_after(&generations);
        held.end();
        self.store_updates(&generations).await;
        delivered
    }

    /// Returns the generations of the locks that were there from before the call until the release.
    ///
    /// A lock without a reply may have been executed after the call, when another write had come and gone. The model in
    /// `tests/model` found this case.
    fn alone(&self, released: Released) -> Released {
        if self.is_placed() { released } else { Vec::new() }
    }

    /// Invalidates the local entries again, except those that this write stores.
    ///
    /// A read that began since the first time may have stored an old value, if the lock was lost. The lock of an entry
    /// with a generation was there all the time.
    fn advance_after(&self, generations: &[Option<Generation>]) {
        if !self.protects(Protection::LocalInvalidation) {
            return;
        }
        let is_stored = |at: usize, scope: &Scope| {
            generations.get(at).is_some_and(Option::is_some)
                && self.updates.iter().any(|update| update.scope() == scope)
        };
        let others = self.scopes.iter().enumerate().filter(|(at, scope)| !is_stored(*at, scope));
        others
            .map(|(_, scope)| scope)
            .chain(&self.found)
            .for_each(|scope| self.cache.0.coherence.freshness.advance(scope));
    }

    fn release_begins(&self) {
        self.updates.iter().for_each(|update| update.release_begins());
    }

    /// Stores the values of the updates, under the generations of the locked scopes.
    async fn store_updates(&self, generations: &[Option<Generation>]) {
        for update in &self.updates {
            let at = self.scopes.iter().position(|scope| scope == update.scope());
            let generation = at.and_then(|at| generations.get(at)?.clone());
            update.store(generation).await;
        }
    }

    /// Leaves the release to the journal, if the shared tier may have the locks and registrations.
    fn release_later(&self) {
        if self.placed != Delivery::Unreachable {
            let (token, locked, methods) = (self.token.clone(), self.scopes.clone(), self.methods.clone());
            release_later(&self.cache, Unreleased { token, locked, methods });
        }
    }

    fn protects(&self, protection: Protection) -> bool {
        self.cache.0.process.protects(protection)
    }

    fn has_remote(&self) -> bool {
        self.cache.has_remote()
    }

    fn is_empty(&self) -> bool {
        self.scopes.is_empty() && self.methods.is_empty() && self.found.is_empty()
    }

    fn all(&self) -> WriteScopes<'_> {
        WriteScopes { locked: &self.scopes, methods: &self.methods, found: &self.found }
    }

    /// Invalidates the local entries of this instance, and rejects fills in progress.
    fn advance(&self) {
        if self.protects(Protection::LocalInvalidation) {
            advance(&self.cache, &self.scopes);
            advance(&self.cache, &self.found);
        }
    }

    fn is_placed(&self) -> bool {
        self.placed == Delivery::Delivered
    }

    async fn place(&self) -> Delivery {
        if !self.has_remote() || self.is_empty() || !self.protects(Protection::WriteLock) {
            return Delivery::Delivered;
        }
        let ttl = self.cache.0.process.settings.write_lock_ttl;
        announce(&self.cache, Announcement::Lock { write: self.all(), token: &self.token, ttl }).await
    }
}

impl Drop for WriteGuard {
    fn drop(&mut self) {
        if self.settled {
            return;
        }
        if !self.protects(Protection::UnknownOutcome) {
            self.release_unknown();
        }
        if !self.begun {
            self.withdraw();
            return;
        }
        // The write may have changed any entry of its methods, or may do so until its registration expires.
        self.found.append(&mut self.methods);
        if self.is_placed() && self.has_remote() {
            self.advance();
            if !self.found.is_empty() {
                self.invalidate_found();
            }
            return;
        }
        // Journaled first: values that are read between the two steps are not kept.
        journal(&self.cache, &self.written());
        self.advance();
        self.repeat_later();
    }
}

impl WriteGuard {
    /// Withdraws the locks and registrations of a caller that was dropped before its store call.
    ///
    /// They may still be on their way. Callers that are cancelled often must cost neither the entries of a method nor
    /// bypasses.
    fn withdraw(&self) {
        if !self.has_remote() || self.is_empty() || !Tasks::can_spawn() {
            return;
        }
        let cache = self.cache.clone();
        let (token, locked, methods) = (self.token.clone(), self.scopes.clone(), self.methods.clone());
        self.cache.0.process.tasks.spawn(async move {
            let write = WriteScopes { locked: &locked, methods: &methods, found: &[] };
            if announce(&cache, Announcement::Release { write, token: &token }).await != Delivery::Delivered {
                release_later(&cache, Unreleased { token, locked, methods });
            }
        });
    }

    /// Invalidates the scopes that the dropped call may have changed.
    ///
    /// Outside a runtime no task can be spawned: the journal then delivers them.
    fn invalidate_found(&mut self) {
        let (cache, scopes) = (self.cache.clone(), std::mem::take(&mut self.found));
        if Tasks::can_spawn() {
            let tasks = cache.0.process.tasks.clone();
            tasks.spawn(invalidated(cache, scopes, random::token_text()));
        } else {
            journal(&cache, &scopes);
            advance(&cache, &scopes);
        }
    }

    /// Invalidates the scopes again when a lock would have expired.
    ///
    /// The store may apply the write until then.
    fn repeat_later(&mut self) {
        // Outside a runtime nothing can wait; the entries' time to live is then the bound.
        if !Tasks::can_spawn() || self.is_empty() {
            return;
        }
        let (coherence, scopes) = (Arc::clone(&self.cache.0.coherence), self.written());
        self.cache.0.process.tasks.spawn_daemon(async move {
            let process = &coherence.process;
            process.clock.sleep(process.settings.write_lock_ttl).await;
            if process.backend.has_remote() {
                coherence.journal.add(&scopes);
                coherence.deliver_soon();
            }
            for scope in &scopes {
                coherence.freshness.advance(scope);
            }
        });
    }

    /// Releases although the outcome of the write is unknown.
    fn release_unknown(&self) {
        let (cache, scopes, token) = (self.cache.clone(), self.scopes.clone(), self.token.clone());
        self.cache.0.process.tasks.spawn(async move {
            let write = WriteScopes { locked: &scopes, methods: &[], found: &[] };
            announce(&cache, Announcement::Release { write, token: &token }).await
        });
    }

    /// Whether no scope of this write is locked any more.
    async fn has_lost_its_lock(&self) -> bool {
        let Some(connection) = self.cache.0.coherence.connection() else { return false };
        let states = connection.tier.states(&self.scopes).await;
        states.is_ok_and(|states| !states.contains(&ScopeState::Locked))
    }
}

/// Returns a token of this writer's own.
fn writer_token(cache: &Cache) -> String {
    if cache.0.process.protects(Protection::WriterTokens) { random::token_text() } else { "shared".to_owned() }
}
