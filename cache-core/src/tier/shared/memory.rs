//! A shared tier in memory with the semantics of Redis, for several caches of one process.
//!
//! It is the reference for a shared tier: the scripts of the Redis tier do the same steps. One lock makes each
//! operation atomic, as a script is in Redis, and messages are delivered in the order of the operations. Entries,
//! generations and locks expire by its clock. It has no limit of memory and evicts nothing by itself; a test removes
//! keys on purpose.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};

use super::Remote;
use crate::protocol::{
    Backend, BusSink, EntryReplies, EntryReply, Expired, Fill, GENERATION_TTL, Generation, Heartbeat, HeartbeatReply,
    Member, Members, Message, Released, Reply, Scope, ScopeState, SharedTier, TierConnection, TierError, Wanted,
    WriteScopes,
};
use crate::runtime::sync::{Mutex, MutexGuard, PoisonError};
use crate::runtime::{Clock, Moment, random};

/// An in-process shared tier and bus, for tests and experiments.
///
/// Caches that are built with copies of one `MemoryRemote` behave like instances that share one Redis server. Values
/// are encoded as for Redis, so a type that its codec alters shows this here as well.
///
/// With the feature `testing` it can be stopped and started, emptied, and inspected.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), cache_core::Error> {
/// use std::time::Duration;
/// use cache_core::{Cache, Error, MemoryRemote, ReadPolicy};
///
/// let remote = MemoryRemote::new();
/// let one = Cache::builder().remote(remote.clone()).build()?;
/// let two = Cache::builder().remote(remote).build()?;
/// let [first, second] = [&one, &two]
///     .map(|cache| cache.region::<u64, u64>("demo", "square", ReadPolicy::new(Duration::from_secs(60))));
/// assert!(one.connected(Duration::from_secs(10)).await && two.connected(Duration::from_secs(10)).await);
///
/// first.get_or_load(&3, || async { Ok::<_, Error>(9) }).await?;
/// while one.stats().total().fills == 0 {
///     tokio::task::yield_now().await; // the first instance fills the shared tier in the background
/// }
/// second.get_or_load(&3, || async { Ok::<_, Error>(9) }).await?;
/// assert_eq!(two.stats().total().shared_hits, 1);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct MemoryRemote(Arc<Shared>);

/// Shows only numbers, since keys and values must not be logged.
impl fmt::Debug for MemoryRemote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        let mut shown = f.debug_struct("MemoryRemote");
        shown.field("up", &state.up).field("entries", &state.entries.len()).finish_non_exhaustive()
    }
}

/// The state that all clones share.
struct Shared {
    clock: Clock,
    /// The wall time of the clock's origin: like that of a real server, the time here counts from the Unix epoch.
    origin: Duration,
    state: Mutex<State>,
}

/// The data and the connections of the server.
struct State {
    run_id: String,
    up: bool,
    entries: HashMap<String, Expiring<Vec<u8>>>,
    scopes: HashMap<String, Expiring<Mark>>,
    /// The pending writers of each scope: token, and expiry in milliseconds.
    writers: HashMap<String, HashMap<String, u64>>,
    /// The tokens that have claimed refreshes.
    claims: HashMap<String, Expiring<String>>,
    epochs: HashMap<String, String>,
    members: HashMap<String, Registry>,
    /// Every open connection, with its subscriptions.
    connections: Vec<(u64, BusSink, Vec<String>)>,
    next_connection: u64,
}

/// A value that is absent from this moment on.
struct Expiring<T> {
    value: T,
    until: Moment,
}

/// The lock of one writer.
#[derive(Clone)]
struct Lock {
    until: Moment,
    owner: String,
    /// Whether another change of the scope came while it was there.
    overlapped: bool,
}

/// The state of a scope: a generation, or the locks of writers.
enum Mark {
    Free(Generation),
    Locked(Vec<Lock>),
}

impl Default for State {
    fn default() -> Self {
        Self {
            run_id: random::token_text(),
            up: true,
            entries: HashMap::new(),
            scopes: HashMap::new(),
            writers: HashMap::new(),
            claims: HashMap::new(),
            epochs: HashMap::new(),
            members: HashMap::new(),
            connections: Vec::new(),
            next_connection: 0,
        }
    }
}

impl Shared {
    fn new(clock: Clock) -> Self {
        let origin = clock.unix_time().saturating_sub(clock.now().since(Moment::default()));
        Self { clock, origin, state: Mutex::default() }
    }

    fn now(&self) -> Moment {
        self.clock.now().after(self.origin)
    }
}

impl Default for Shared {
    fn default() -> Self {
        Self::new(Clock::default())
    }
}

impl MemoryRemote {
    /// Creates an empty shared tier that accepts connections, on the system's clock.
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs one operation, if the server is up and the connection still exists.
    fn perform<T>(&self, connection: u64, operation: impl FnOnce(&mut State, Moment) -> T) -> Result<T, TierError> {
        let mut state = self.lock();
        if !state.up || !state.connections.iter().any(|(number, ..)| *number == connection) {
            return Err(TierError::disconnected("the in-memory remote is down"));
        }
        let now = self.0.now();
        Ok(operation(&mut state, now))
    }
}

#[cfg(feature = "testing")]
impl MemoryRemote {
    /// Creates an empty shared tier whose locks and entries expire by this clock.
    ///
    /// Give the same clock to the caches: [`CacheBuilder::clock`](crate::CacheBuilder::clock).
    ///
    /// # Examples
    ///
    /// ```
    /// use cache_core::MemoryRemote;
    /// use cache_core::testing::ManualClock;
    ///
    /// let clock = ManualClock::new();
    /// let remote = MemoryRemote::with_clock(clock.clone());
    /// # let _ = remote;
    /// ```
    pub fn with_clock(clock: impl Into<Clock>) -> Self {
        Self(Arc::new(Shared::new(clock.into())))
    }

    /// Closes every connection and refuses new ones, like a server that was killed. The data is kept.
    ///
    /// Each cache notices at once. Its reads and writes continue with the store.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), cache_core::Error> {
    /// use std::time::Duration;
    /// use cache_core::{Cache, MemoryRemote};
    ///
    /// let remote = MemoryRemote::new();
    /// let cache = Cache::builder().remote(remote.clone()).build()?;
    /// assert!(cache.connected(Duration::from_secs(10)).await);
    /// remote.stop();
    /// assert!(!cache.connected(Duration::ZERO).await);
    /// remote.start();
    /// assert!(cache.connected(Duration::from_secs(10)).await);
    /// # Ok(())
    /// # }
    /// ```
    pub fn stop(&self) {
        let connections = {
            let mut state = self.lock();
            state.up = false;
            std::mem::take(&mut state.connections)
        };
        for (_, bus, _) in connections {
            bus.disconnected();
        }
    }

    /// Accepts connections again, under a new run id, as after a restart.
    ///
    /// The data is that from before, like that of a server with persistence. For one without, call
    /// [`flush_all`](Self::flush_all) first.
    pub fn start(&self) {
        self.resume();
        self.lock().run_id = random::token_text();
    }

    /// Accepts connections again, as after a network outage.
    ///
    /// The server is the same, and so is its data.
    pub fn resume(&self) {
        self.lock().up = true;
    }

    /// Removes every entry, generation and epoch, like `FLUSHALL`. Connections stay open.
    ///
    /// Local tiers follow with their next heartbeat, which finds another epoch.
    pub fn flush_all(&self) {
        let mut state = self.lock();
        state.entries.clear();
        state.scopes.clear();
        state.writers.clear();
        state.claims.clear();
        state.epochs.clear();
        state.members.clear();
    }

    /// Makes every entry stale, as if an operator had deleted the epochs.
    pub fn forget_epochs(&self) {
        self.lock().epochs.clear();
    }

    /// Returns the bytes of an entry, as Redis would store them.
    ///
    /// The bytes begin with an envelope, which is not part of the public interface. An expired entry is still returned
    /// until it is overwritten.
    pub fn raw(&self, key: &str) -> Option<Vec<u8>> {
        self.lock().entries.get(key).map(|entry| entry.value.clone())
    }

    /// Overwrites an entry with these bytes, which do not expire. Bytes that do not decode are a miss.
    pub fn put_raw(&self, key: &str, bytes: Vec<u8>) {
        self.lock().entries.insert(key.to_owned(), Expiring { value: bytes, until: Moment::NEVER });
    }

    /// Returns the keys of all entries, in no particular order.
    ///
    /// They include the key prefix, if there is one.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), cache_core::Error> {
    /// # use std::time::Duration;
    /// use cache_core::{Cache, MemoryRemote};
    ///
    /// let remote = MemoryRemote::new();
    /// let cache = Cache::builder().remote(remote.clone()).key_prefix("staging").build()?;
    /// let carts = cache.transparent::<u64>("shop", "cart");
    /// assert!(cache.connected(Duration::from_secs(10)).await);
    /// carts.set("42", 7, Duration::from_secs(60)).await;
    /// assert_eq!(remote.keys(), ["staging:shop:cart:42"]);
    /// assert!(remote.raw("staging:shop:cart:42").is_some());
    /// # Ok(())
    /// # }
    /// ```
    pub fn keys(&self) -> Vec<String> {
        self.lock().entries.keys().cloned().collect()
    }

    /// Removes the generation or lock of every scope, as an eviction would.
    ///
    /// Every entry is then a miss, since its generations are not current.
    pub fn evict_scopes(&self) {
        self.lock().scopes.clear();
    }

    /// Removes every pending writer, as an eviction of their sets would.
    pub fn evict_writers(&self) {
        self.lock().writers.clear();
    }
}

impl From<MemoryRemote> for Remote {
    fn from(remote: MemoryRemote) -> Self {
        Self(Arc::new(remote))
    }
}

impl SharedTier for MemoryRemote {
    fn backend(&self) -> Backend {
        Backend::Memory
    }

    fn connect<'a>(
        &'a self,
        instance: &'a str,
        bus: BusSink,
    ) -> BoxFuture<'a, Result<Arc<dyn TierConnection>, TierError>> {
        let mut state = self.lock();
        if !state.up {
            return ready(Err(TierError::disconnected("the in-memory remote is down"))).boxed();
        }
        state.next_connection += 1;
        let connected_at = self.0.now().as_millis();
        let (number, instance) = (state.next_connection, instance.to_owned());
        state.connections.push((number, bus, Vec::new()));
        let connection: Arc<dyn TierConnection> = Arc::new(MemoryConnection {
            remote: self.clone(),
            number,
            instance,
            run_id: state.run_id.clone(),
            connected_at,
        });
        ready(Ok(connection)).boxed()
    }
}

impl State {
    /// Sends a message to every connection that has subscribed to the namespace.
    fn publish(&self, namespace: &str, message: Message<'_>) {
        let message = message.to_string();
        for (_, bus, namespaces) in &self.connections {
            if namespaces.iter().any(|joined| joined == namespace) {
                bus.message(message.as_bytes());
            }
        }
    }

    fn publish_all(&self, message: Message<'_>, namespaces: &[String]) {
        for namespace in namespaces {
            self.publish(namespace, message);
        }
    }

    /// Publishes that a scope was invalidated.
    fn invalidate(&self, scope: &Scope) {
        self.publish(scope.bus_namespace(), Message::Invalidated { scope: scope.name().as_bytes() });
    }

    /// Returns the unexpired mark of a scope.
    fn mark(&mut self, key: &str, now: Moment) -> Option<&mut Mark> {
        if self.scopes.get(key).is_some_and(|mark| mark.until <= now) {
            self.scopes.remove(key);
        }
        self.scopes.get_mut(key).map(|mark| &mut mark.value)
    }

    /// Returns the state of a scope as a reader sees it.
    fn state_of(&mut self, key: &str, now: Moment) -> ScopeState {
        match self.mark(key, now) {
            None => ScopeState::Missing,
            Some(Mark::Locked(_)) => ScopeState::Locked,
            Some(Mark::Free(token)) => {
                let generation = token.clone();
                match self.writers.get(key).and_then(|writers| writers.values().min()) {
                    Some(&expiry) => ScopeState::Pending { generation, expiry },
                    None => ScopeState::Free(generation),
                }
            }
        }
    }

    /// Removes the expired pending writers of a scope; returns whether there were any.
    fn drop_expired(&mut self, key: &str, now: Moment) -> bool {
        let Some(writers) = self.writers.get_mut(key) else { return false };
        let before = writers.len();
        writers.retain(|_, expiry| *expiry > now.as_millis());
        let dropped = writers.len() < before;
        if writers.is_empty() {
            self.writers.remove(key);
        }
        dropped
    }

    /// Removes the expired pending writers, and renews the generation if there were any.
    fn renew_expired(&mut self, key: &str, now: Moment) {
        if self.drop_expired(key, now) && !matches!(self.mark(key, now), Some(Mark::Locked(_))) {
            self.renew(key, now);
        }
    }

    /// Registers a pending writer on a method.
    fn register(&mut self, method: &Scope, token: &str, hold: Duration, now: Moment) {
        let (key, expiry) = (method.generation_key(), now.after(hold).as_millis());
        self.renew_expired(key, now);
        self.writers.entry(key.to_owned()).or_default().insert(token.to_owned(), expiry);
        self.publish(
            method.bus_namespace(),
            Message::Registered { expiry, writer: token, method: method.name().as_bytes() },
        );
    }

    /// Ends the registration of a pending writer.
    fn finish(&mut self, method: &Scope, token: &str, now: Moment) {
        let key = method.generation_key();
        if let Some(writers) = self.writers.get_mut(key) {
            writers.remove(token);
        }
        self.renew_expired(key, now);
        if self.writers.get(key).is_some_and(HashMap::is_empty) {
            self.writers.remove(key);
        }
        self.publish(method.bus_namespace(), Message::Finished { writer: token, method: method.name().as_bytes() });
    }

    /// Gives a scope a new generation.
    fn renew(&mut self, key: &str, now: Moment) -> Option<Generation> {
        self.renew_as(key, &random::token_text(), now)
    }

    /// Gives a scope a new generation that ends in `token`, which removes its locks.
    fn renew_as(&mut self, key: &str, token: &str, now: Moment) -> Option<Generation> {
        let token = format!("U{}-{token}", now.0 / 1000);
        // Expired registrations are obsolete: no entry of the new generation was filled before their writes. Others
        // stay.
        self.drop_expired(key, now);
        // The text begins with U and is shorter than the limit.
        let generation = Generation::from_bytes(token.as_bytes())?;
        self.set_mark(key, Mark::Free(generation.clone()), now.after(GENERATION_TTL));
        Some(generation)
    }

    fn set_mark(&mut self, key: &str, value: Mark, until: Moment) {
        self.scopes.insert(key.to_owned(), Expiring { value, until });
    }

    /// Takes the unexpired locks of other writers, which are overlapped from now on, and the lock of `token`.
    fn take_locks(&mut self, key: &str, token: &str, now: Moment) -> (Vec<Lock>, Option<Lock>) {
        let Some(Mark::Locked(locks)) = self.mark(key, now) else { return (Vec::new(), None) };
        let (own, mut others): (Vec<_>, Vec<_>) =
            std::mem::take(locks).into_iter().partition(|lock| lock.owner == token);
        others.retain(|lock| lock.until > now);
        for lock in &mut others {
            lock.overlapped = true;
        }
        (others, own.into_iter().next())
    }

    /// Adds a lock of this writer, and publishes the invalidation.
    fn lock_scope(&mut self, scope: &Scope, token: &str, hold: Duration, now: Moment) {
        let key = scope.generation_key();
        let (mut locks, own) = self.take_locks(key, token, now);
        let overlapped = !locks.is_empty() || own.is_some_and(|own| own.overlapped);
        locks.push(Lock { until: now.after(hold), owner: token.to_owned(), overlapped });
        self.set_locks(key, locks);
        self.invalidate(scope);
    }

    /// Stores locks, which expire together with the last of them.
    fn set_locks(&mut self, key: &str, locks: Vec<Lock>) {
        let until = locks.iter().map(|lock| lock.until).max().unwrap_or_default();
        self.set_mark(key, Mark::Locked(locks), until);
    }

    /// Removes the lock of this writer; the last one to leave renews the generation.
    ///
    /// Returns the new generation if no other change of the scope has overlapped the write.
    fn release_scope(&mut self, scope: &Scope, token: &str, now: Moment) -> Option<Generation> {
        let key = scope.generation_key();
        let (others, own) = self.take_locks(key, token, now);
        if own.is_none() {
            self.invalidate(scope);
        }
        if !others.is_empty() {
            self.set_locks(key, others);
            return None;
        }
        let generation = self.renew(key, now);
        generation.filter(|_| own.is_some_and(|own| !own.overlapped))
    }

    /// Renews the generation of a scope that is not locked, and publishes the invalidation.
    fn bump_scope(&mut self, scope: &Scope, token: &str, now: Moment) {
        let key = scope.generation_key();
        match &*self.take_locks(key, "", now).0 {
            [] => drop(self.renew_as(key, token, now)),
            locks => self.set_locks(key, locks.to_vec()),
        }
        self.invalidate(scope);
    }

    /// Returns the epoch of a namespace, which it creates if there is none.
    fn epoch(&mut self, namespace: &str) -> String {
        self.epochs.entry(namespace.to_owned()).or_insert_with(random::token_text).clone()
    }
}

/// One connection of one cache.
#[derive(Debug)]
struct MemoryConnection {
    remote: MemoryRemote,
    number: u64,
    instance: String,
    run_id: String,
    connected_at: u64,
}

impl MemoryConnection {
    /// Returns the reply of an operation, which is ready at once.
    fn reply<'a, T: Send + 'a>(&self, operation: impl FnOnce(&mut State, Moment) -> T) -> Reply<'a, T> {
        ready(self.remote.perform(self.number, operation)).boxed()
    }
}

impl Drop for MemoryConnection {
    fn drop(&mut self) {
        let number = self.number;
        self.remote.lock().connections.retain(|(other, ..)| *other != number);
    }
}

impl TierConnection for MemoryConnection {
    fn run_id(&self) -> &str {
        &self.run_id
    }

    fn connected_at(&self) -> u64 {
        self.connected_at
    }

    fn subscribe<'a>(&'a self, namespaces: &'a [String]) -> Reply<'a, ()> {
        self.reply(|state, _| {
            for (number, _, joined) in &mut state.connections {
                if *number == self.number {
                    joined.clone_from(&namespaces.to_vec());
                }
            }
        })
    }

    fn read<'a>(&'a self, wanted: &'a [Wanted<'a>]) -> Reply<'a, EntryReplies> {
        self.reply(|state, now| {
            let read = |Wanted { scopes, .. }: &Wanted<'_>| {
                let found = state.entries.get(scopes[0].name()).filter(|found| found.until > now);
                let bytes = found.map(|found| found.value.clone()).unwrap_or_default();
                EntryReply {
                    bytes,
                    states: scopes.iter().map(|scope| state.state_of(scope.generation_key(), now)).collect(),
                }
            };
            wanted.iter().map(read).collect()
        })
    }

    fn states<'a>(&'a self, scopes: &'a [Scope]) -> Reply<'a, Vec<ScopeState>> {
        self.reply(|state, now| scopes.iter().map(|scope| state.state_of(scope.generation_key(), now)).collect())
    }

    fn init_generations<'a>(&'a self, generations: &'a [&'a str]) -> Reply<'a, Vec<ScopeState>> {
        self.reply(|state, now| {
            let mut init = |key: &&str| {
                state.renew_expired(key, now);
                if state.mark(key, now).is_none() {
                    state.renew(key, now);
                }
                state.state_of(key, now)
            };
            generations.iter().map(&mut init).collect()
        })
    }

    fn fill<'a>(&'a self, fills: Vec<Fill<'a>>) -> Reply<'a, ()> {
        self.reply(|state, now| {
            for fill in fills {
                let entry = Expiring { value: fill.bytes.to_vec(), until: now.after(fill.ttl) };
                state.entries.insert(fill.entry.to_owned(), entry);
                for (key, token) in fill.renew {
                    if matches!(state.mark(key, now), Some(Mark::Free(current)) if current == token) {
                        state.set_mark(key, Mark::Free(token.clone()), now.after(GENERATION_TTL));
                    }
                }
            }
        })
    }

    fn claim<'a>(&'a self, generations: &'a [&'a str], token: &'a str, ttl: Duration) -> Reply<'a, Vec<bool>> {
        self.reply(|state, now| {
            state.claims.retain(|_, claim| claim.until > now);
            let mut claim = |generation: &&str| match state.claims.entry((*generation).to_owned()) {
                Entry::Occupied(_) => false,
                Entry::Vacant(free) => {
                    free.insert(Expiring { value: token.to_owned(), until: now.after(ttl) });
                    true
                }
            };
            generations.iter().map(&mut claim).collect()
        })
    }

    fn unclaim<'a>(&'a self, generations: &'a [&'a str], token: &'a str, rest: Duration) -> Reply<'a, ()> {
        self.reply(|state, now| {
            for generation in generations {
                match state.claims.get_mut(*generation) {
                    Some(claim) if claim.value == token && claim.until > now => claim.until = now.after(rest),
                    _ => {}
                }
            }
        })
    }

    fn lock<'a>(&'a self, write: WriteScopes<'a>, token: &'a str, hold: Duration) -> Reply<'a, ()> {
        self.reply(|state, now| {
            write.locked.iter().for_each(|scope| state.lock_scope(scope, token, hold, now));
            let clocks = write.clocks_of_locked();
            write.methods.iter().chain(&clocks).for_each(|method| state.register(method, token, hold, now));
        })
    }

    fn release<'a>(&'a self, write: WriteScopes<'a>, token: &'a str) -> Reply<'a, Released> {
        self.reply(|state, now| {
            write.clocks().iter().for_each(|clock| state.bump_scope(clock, &random::token_text(), now));
            let released = write.locked.iter().map(|scope| state.release_scope(scope, token, now)).collect();
            write.found_elsewhere().for_each(|scope| state.bump_scope(scope, &random::token_text(), now));
            for method in write.methods {
                write.found_in(method).for_each(|scope| state.bump_scope(scope, &random::token_text(), now));
                state.finish(method, token, now);
            }
            write.clocks_of_locked().iter().for_each(|clock| state.finish(clock, token, now));
            released
        })
    }

    fn invalidate<'a>(&'a self, scopes: &'a [Scope], token: &'a str) -> Reply<'a, ()> {
        let clocks = Scope::tag_clocks(scopes);
        self.reply(|state, now| {
            for scope in clocks.iter().chain(scopes) {
                state.bump_scope(scope, token, now);
            }
        })
    }

    fn move_epoch<'a>(&'a self, namespaces: &'a [String]) -> Reply<'a, ()> {
        self.reply(|state, _| {
            for namespace in namespaces {
                state.epochs.insert(namespace.clone(), random::token_text());
            }
        })
    }

    fn heartbeat<'a>(&'a self, beat: &'a Heartbeat) -> Reply<'a, HeartbeatReply> {
        self.reply(|state, now| {
            let server_time = now.as_millis();
            let register = |(place, namespace): (usize, &String)| {
                let members = state.members.entry(namespace.clone()).or_default();
                members.remove(place, &beat.expired);
                let members = members.register(&self.instance, &self.run_id, beat, server_time);
                (state.epoch(namespace), members)
            };
            let namespaces: Vec<_> = beat.namespaces.iter().enumerate().map(register).collect();
            let message = Message::Heartbeat { nonce: beat.nonce }.to_string();
            if let Some((_, bus, _)) = state.connections.iter().find(|(number, ..)| *number == self.number) {
                bus.message(message.as_bytes());
            }
            if beat.announced {
                state.publish_all(Message::Announced { member: &self.instance }, &beat.namespaces);
            }
            HeartbeatReply { server_time, namespaces }
        })
    }

    fn request_heartbeats<'a>(&'a self, namespaces: &'a [String]) -> Reply<'a, ()> {
        self.reply(|state, _| state.publish_all(Message::Requested { member: &self.instance }, namespaces))
    }

    fn leave<'a>(&'a self, namespaces: &'a [String]) -> Reply<'a, ()> {
        self.reply(|state, _| {
            for namespace in namespaces {
                if let Some(members) = state.members.get_mut(namespace) {
                    members.list.remove(&self.instance);
                }
            }
            state.publish_all(Message::Announced { member: &self.instance }, namespaces);
        })
    }
}

/// The members of one namespace.
#[derive(Default)]
struct Registry {
    sequence: u64,
    list: BTreeMap<String, Member>,
}

impl Registry {
    fn remove(&mut self, place: usize, expired: &[Expired]) {
        for over in expired.iter().filter(|over| over.namespace == place) {
            if self.list.get(&over.id).is_some_and(|member| member.sequence == over.sequence) {
                self.list.remove(&over.id);
            }
        }
    }

    fn register(&mut self, id: &str, run: &str, beat: &Heartbeat, now: u64) -> Members {
        self.sequence += 1;
        let lease = u64::try_from(beat.lease.as_millis()).unwrap_or(u64::MAX);
        let is_late = now.saturating_sub(beat.seen) > lease;
        let member = Member {
            id: id.to_owned(),
            sequence: self.sequence,
            last: now,
            pending: if is_late { beat.pending.max(1) } else { beat.pending },
            settled: beat.settled && !is_late,
            run: run.to_owned(),
            lease,
        };
        let knew_me = self.list.insert(id.to_owned(), member).is_some();
        Members { sequence: self.sequence, knew_me, list: self.list.values().cloned().collect() }
    }
}
