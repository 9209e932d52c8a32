//! Refreshes: loads in the background of entries whose values still answer.
//!
//! A refresh is an ordinary fenced load: it reads the generations and the local sequences first, and its value is
//! stored only if they are unchanged. It is no flight, so that a read which finds no usable value does not wait for it.
//!
//! Four things keep refreshes from overrunning the store. A key has one at a time in an instance, and all keys of a
//! cache have a limited number. Each asks the shared tier first, for what another instance has refreshed, and may claim
//! the key there. After a failure the method pauses.

use std::collections::HashMap;
use std::future;
use std::hash::BuildHasher as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use foldhash::fast::RandomState;

use super::announce;
use super::entry_keys::EntryKeys;
use super::load::{Call, CallLimits, Values};
use super::nesting::Frame;
use super::previous::Previous;
use super::read_options::{CacheIf, LoadErrors, ReadOptions};
use super::region::Region;
use super::shared::{Accepted, Few, FillPermit, FillTarget, Loaded, LookUp, SharedFill};
use crate::key::KeyPart;
use crate::observability::Counters;
use crate::policy::Staleness;
use crate::protocol::Scope;
use crate::runtime::sync::atomic::{AtomicU64, Ordering};
use crate::runtime::{Moment, Tasks};
use crate::single_flight::Outcome;
use crate::value::Cacheable;

/// How long a method refreshes nothing after a failure.
pub(super) const PAUSE: Duration = Duration::from_secs(1);
/// How long a key is not refreshed after its refresh failed: it must not take the turns of the others.
const PAUSE_OF_KEY: Duration = Duration::from_secs(10);

/// The number of states beyond which ended pauses are forgotten at once.
const MANY: usize = 1024;

/// The refreshes of one read method.
#[derive(Debug, Default)]
pub(super) struct Refreshes {
    hasher: RandomState,
    /// By the hash of the key: two keys with one hash wait for each other.
    keys: Mutex<HashMap<u64, State>>,
    /// When the pause after the last failure ends.
    resumes: AtomicU64,
    /// When the pause after the last outage of the store ends.
    recovers: AtomicU64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    InProgress,
    PausedUntil(Moment),
}

impl Refreshes {
    /// How long after the end of its life a value answers at this moment.
    pub(super) fn answers_for(&self, staleness: &Staleness, now: Moment) -> Duration {
        let is_out = now.0 < self.recovers.load(Ordering::Relaxed);
        if is_out { staleness.kept() } else { staleness.while_revalidate }
    }

    /// Notes an outage of the store.
    pub(super) fn outage(&self, now: Moment) {
        self.recovers.store(now.after(PAUSE).0, Ordering::Relaxed);
        self.failed(now);
    }

    /// Notes that the store answers: pauses end.
    pub(super) fn works(&self) {
        for pause in [&self.recovers, &self.resumes] {
            if pause.load(Ordering::Relaxed) != 0 {
                pause.store(0, Ordering::Relaxed);
            }
        }
    }

    fn failed(&self, now: Moment) {
        self.resumes.store(now.after(PAUSE).0, Ordering::Relaxed);
    }

    /// Returns those of the keys whose refresh begins now.
    fn begin<K: KeyPart>(self: &Arc<Self>, keys: Vec<K>, now: Moment) -> Vec<Running<K>> {
        if now.0 < self.resumes.load(Ordering::Relaxed) {
            return Vec::new();
        }
        let hashed: Vec<_> = keys.into_iter().map(|key| (self.hasher.hash_one(&key), key)).collect();
        let mut states = self.lock();
        let is_over = |state: &State| matches!(state, State::PausedUntil(moment) if *moment <= now);
        if states.len() > MANY {
            states.retain(|_, state| !is_over(state));
        }
        let free = hashed.into_iter().filter(|(hash, _)| {
            let is_free = states.get(hash).is_none_or(is_over);
            if is_free {
                states.insert(*hash, State::InProgress);
            }
            is_free
        });
        free.map(|(hash, key)| Running { refreshes: Arc::clone(self), hash, key, paused: None }).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, State>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A refresh in progress. It ends when this is dropped.
pub(super) struct Running<K> {
    refreshes: Arc<Refreshes>,
    hash: u64,
    pub(super) key: K,
    /// When the next one may begin.
    paused: Option<Moment>,
}

impl<K> Running<K> {
    pub(super) fn pause(&mut self, now: Moment, span: Duration) {
        self.paused = Some(now.after(span));
    }
}

impl<K> Drop for Running<K> {
    fn drop(&mut self) {
        let mut states = self.refreshes.lock();
        match self.paused {
            Some(moment) => states.insert(self.hash, State::PausedUntil(moment)),
            None => states.remove(&self.hash),
        };
    }
}

/// A key whose value is loaded while no caller waits for it.
pub(super) struct Wanted<K> {
    pub(super) key: K,
    pub(super) keys: EntryKeys,
    pub(super) permit: FillPermit,
    /// Unless the load began for a caller.
    pub(super) running: Option<Running<K>>,
}

impl<K> Wanted<K> {
    fn pause(&mut self, now: Moment, span: Duration) {
        if let Some(running) = &mut self.running {
            running.pause(now, span);
        }
    }
}

impl<K: KeyPart, R: Cacheable> Region<K, R> {
    /// Refreshes these keys in a task of its own, as far as the limits allow.
    pub(super) fn refresh<E: Send + 'static>(
        &self,
        keys: Vec<K>,
        options: &ReadOptions<'_, K, R, E>,
        load: &Arc<Call<'static, K, R, E>>,
    ) {
        let method = self.method();
        if !Tasks::can_spawn() {
            return;
        }
        let running = method.refreshes.begin(keys, method.process().clock.now());
        if running.is_empty() {
            return;
        }
        let Ok(permit) = Arc::clone(&method.cache.0.refreshes).try_acquire_owned() else {
            Counters::add_many(&method.counters.refreshes_skipped, running.len());
            return;
        };
        let (region, load) = (self.clone(), Arc::clone(load));
        let (errors, cache_if, previous) = (options.errors, options.cache_if.clone(), options.previous.clone());
        method.process().tasks.spawn_daemon(async move {
            let (running, claim) = region.claim(running).await;
            let succeeded = region.refresh_now(running, errors, (cache_if.as_ref(), previous.as_ref()), &*load).await;
            region.end_claim(claim, if succeeded { Duration::ZERO } else { PAUSE_OF_KEY }).await;
            drop(permit);
        });
    }

    /// Whether a refresh is in progress.
    #[cfg(all(test, shuttle))]
    pub(super) fn is_refreshing(&self) -> bool {
        !self.method().refreshes.lock().is_empty()
    }

    /// Loads the keys that no other instance has refreshed; returns whether none has failed.
    async fn refresh_now<E: Send + 'static>(
        &self,
        running: Vec<Running<K>>,
        errors: LoadErrors<E>,
        (cache_if, previous): (Option<&CacheIf<R>>, Option<&Previous<R>>),
        load: &Call<'static, K, R, E>,
    ) -> bool {
        let wanted = self.not_refreshed_elsewhere(running).await;
        if wanted.is_empty() {
            return true;
        }
        let method = self.method();
        if let (Some(previous), [one]) = (previous, &wanted[..]) {
            previous.set(self.inner.local.find_owned(&one.key).map(|hit| hit.value));
        }
        Counters::add_many(&method.counters.refreshes, wanted.len());
        let keys: Vec<K> = wanted.iter().map(|one| one.key.clone()).collect();
        let frame = Frame::new(self.address(), keys.clone(), Vec::new());
        let limits = CallLimits { degraded: false, frame, urgent: future::pending() };
        let process = method.process();
        let called = method.call_store(limits, errors, || load(keys));
        // Also for an error type that cannot report an exceeded deadline: there is no caller to report it to.
        match process.clock.timeout(method.load_deadline, called).await {
            Some(Outcome::Found(values)) => {
                Counters::add_many(&method.counters.refreshed, wanted.len());
                method.revalidated(previous);
                self.replace(wanted, &values, cache_if).await;
                true
            }
            outcome => {
                let now = process.clock.now();
                Counters::add_many(&method.counters.refresh_errors, wanted.len());
                if outcome.is_none_or(|outcome| errors.is_outage(method.name(), &outcome)) {
                    method.refreshes.outage(now);
                } else {
                    method.refreshes.failed(now);
                }
                for mut one in wanted {
                    one.pause(now, PAUSE_OF_KEY);
                }
                false
            }
        }
    }

    /// Returns the keys that no other instance has refreshed, with permits from before their load.
    ///
    /// A value that could not be stored is not loaded: a write is in progress, or the shared tier is unreachable. Such a
    /// key pauses.
    async fn not_refreshed_elsewhere(&self, running: Vec<Running<K>>) -> Vec<Wanted<K>> {
        let shared = &self.inner.shared;
        let queries: Few<_> =
            running.iter().map(|one| shared.query(self.entry_keys(&one.key), Accepted::Young)).collect();
        let mut wanted = Vec::new();
        let now = self.method().process().clock.now();
        for (mut running, (keys, answer)) in running.into_iter().zip(shared.look_up(queries, || ()).await) {
            match answer {
                LookUp::Hit { found, snapshot, ends, .. } => {
                    self.inner.local.keep_copy(&running.key, &found.value, snapshot, ends);
                }
                LookUp::Miss { permit, .. }
                    if matches!(permit.target, FillTarget::Both { .. } | FillTarget::Local(_)) =>
                {
                    wanted.push(Wanted { key: running.key.clone(), keys, permit, running: Some(running) });
                }
                LookUp::Miss { .. } => running.pause(now, PAUSE),
                LookUp::Confirmed(_) => {}
            }
        }
        wanted
    }

    /// Stores the values in both tiers. Those that must not be cached end their entries.
    pub(super) async fn replace(&self, mut wanted: Vec<Wanted<K>>, values: &Values<R>, cache_if: Option<&CacheIf<R>>) {
        let method = self.method();
        if method.has_value_tags() {
            let loaded = wanted.iter_mut().zip(values).filter_map(|(one, value)| {
                let Wanted { keys, permit, .. } = one;
                Some(Loaded { keys, permit, value: value.as_ref()? })
            });
            self.inner.shared.tag(loaded.collect()).await;
        }
        method.refreshes.works();
        let now = method.process().clock.now();
        let (mut encoded, mut ended, mut held) = (Vec::new(), Vec::<Scope>::new(), Vec::new());
        for (mut one, value) in wanted.into_iter().zip(values) {
            let cached = value.as_ref().and_then(|value| Some((value, method.lifetime(value, cache_if, &one.permit)?)));
            let Some((value, lifetime)) = cached else {
                ended.push(one.keys.scopes[0].clone().of_mode(method.policy.mode));
                continue;
            };
            if one.permit.target.is_bypass() {
                // A tag of the value was invalidated meanwhile. The entry stays, and must not be loaded at every hit.
                one.pause(now, PAUSE);
            }
            let Wanted { key, keys, permit, running } = one;
            self.inner.local.fill(key, value, &permit, lifetime);
            encoded.extend(self.inner.shared.encode(SharedFill { keys, permit, lifetime }, value));
            held.push(running);
        }
        if !ended.is_empty() {
            announce::invalidate(&method.cache, ended).await;
        }
        self.inner.shared.store(encoded).await;
        // Until the values are stored, another refresh of these keys would load them again.
        drop(held);
    }
}
