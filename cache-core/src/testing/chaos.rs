//! A shared tier with fault injection.
//!
//! [`ChaosRemote`] wraps a shared tier and passes every call on, after the faults that a test has requested. Holding an
//! operation needs no time and no sleep: the call waits until the test releases it, so a test decides the order of
//! events. It never changes data by itself; a fault that Redis or a network cannot show has no place here.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::sync::watch;

use super::faults::ReplyFaults;
use super::numbers::TokenNumbers;
use crate::protocol::{
    Backend, Bus, BusSink, EntryReplies, Fill, Heartbeat, HeartbeatReply, Message, Released, Reply, Scope, ScopeState,
    SharedTier, TierConnection, TierError, Wanted, WriteScopes,
};
use crate::tier::shared::Remote;
#[cfg(feature = "redis")]
use crate::tier::shared::redis::{Logins, tier};

/// An operation of the shared tier, for [`ChaosRemote`].
///
/// # Examples
///
/// ```
/// use cache_core::MemoryRemote;
/// use cache_core::testing::{ChaosRemote, Operation};
///
/// let chaos = ChaosRemote::new(MemoryRemote::new());
/// assert_eq!(chaos.begun(Operation::Read), 0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// Subscribing to the namespaces.
    Subscribe,
    /// Reading an entry with the state of its scopes.
    Read,
    /// The reply to a read that the server has already executed.
    ReadReply,
    /// Creating the missing generations.
    InitGenerations,
    /// Storing an entry.
    Fill,
    /// Claiming the refresh of entries.
    Claim,
    /// Ending the claims of refreshes that have succeeded.
    Unclaim,
    /// Locking scopes and registering a pending writer before a write.
    Lock,
    /// Ending the locks and registrations after a write.
    Release,
    /// Invalidating scopes at once.
    Invalidate,
    /// A heartbeat.
    Heartbeat,
    /// Leaving the members.
    Leave,
}

/// Wraps a shared tier: holds operations, makes them fail, and delays or drops bus messages.
///
/// Clones share their faults; give each cache of a test its own, so that a fault concerns one instance.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), cache_core::Error> {
/// use std::time::Duration;
/// use cache_core::testing::{ChaosRemote, Operation, Source, trace};
/// use cache_core::{Cache, Error, MemoryRemote, ReadPolicy};
///
/// let chaos = ChaosRemote::new(MemoryRemote::new());
/// let cache = Cache::builder().remote(chaos.clone()).build()?;
/// let squares = cache.region::<u64, u64>("demo", "square", ReadPolicy::new(Duration::from_secs(60)));
/// assert!(cache.connected(Duration::from_secs(10)).await);
///
/// chaos.fail(Operation::Read);
/// let (value, call) = trace(squares.get_or_load(&3, || async { Ok::<_, Error>(9) })).await;
/// assert_eq!((value?, call.source), (9, Some(Source::Store))); // no error reaches the caller
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct ChaosRemote {
    inner: Remote,
    faults: Arc<Faults>,
}

/// The faults of one [`ChaosRemote`] and its clones.
#[derive(Debug)]
struct Faults {
    commands: watch::Sender<Commands>,
    state: Mutex<State>,
    replies: ReplyFaults,
}

/// The faults of operations.
#[derive(Debug, Clone, Default)]
struct Commands {
    held: HashSet<Operation>,
    failing: HashSet<Operation>,
}

#[derive(Debug, Default)]
struct State {
    /// The number of calls of each operation that have begun.
    begun: HashMap<Operation, u64>,
    bus: BusMode,
    /// The number of connections so far.
    connections: u64,
    /// Connections up to this number lose their bus messages.
    lost: u64,
    waiting: Vec<(BusSink, Vec<u8>)>,
    numbers: Option<TokenNumbers>,
}

/// The treatment of messages of the bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum BusMode {
    #[default]
    Deliver,
    Hold,
    HoldInvalidations,
    Lose,
}

impl ChaosRemote {
    /// Wraps a shared tier, without any faults.
    ///
    /// Several of them may wrap clones of one [`MemoryRemote`](crate::MemoryRemote), one for each instance of a test.
    pub fn new(inner: impl Into<Remote>) -> Self {
        let commands = watch::Sender::new(Commands::default());
        Self {
            inner: inner.into(),
            faults: Arc::new(Faults { commands, state: Mutex::default(), replies: ReplyFaults::default() }),
        }
    }

    /// Wraps a Redis server, with the default limit of the size of an entry.
    ///
    /// The address is that of [`CacheBuilder::redis`](crate::CacheBuilder::redis). It does not connect.
    ///
    /// # Panics
    ///
    /// Panics if the address does not parse.
    #[cfg(feature = "redis")]
    pub fn redis(url: &str) -> Self {
        Self::redis_trusting(url, None)
    }

    /// Wraps a Redis server like [`redis`](Self::redis), whose certificate is signed by this one, in PEM form.
    ///
    /// # Panics
    ///
    /// Panics if the address or the certificate does not parse.
    #[cfg(feature = "redis")]
    pub fn redis_trusting(url: &str, certificate: Option<&str>) -> Self {
        let roots: Vec<&str> = certificate.into_iter().collect();
        let remote = tier(url, &Logins::default(), &roots, None, 1024 * 1024);
        Self::new(Remote(remote.expect("the address of a test's own server parses")))
    }

    /// Holds every call of the operation before it is sent, until [`release`](Self::release).
    ///
    /// The caller's own limits still apply: a read that is held goes to the store after
    /// [`read_timeout`](crate::CacheBuilder::read_timeout). With a manual clock it waits as long as the test wants.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), cache_core::Error> {
    /// # use std::time::Duration;
    /// # use cache_core::testing::{ChaosRemote, ManualClock, Operation};
    /// # use cache_core::{Cache, Error, MemoryRemote, ReadPolicy};
    /// # let clock = ManualClock::new();
    /// # let chaos = ChaosRemote::new(MemoryRemote::with_clock(clock.clone()));
    /// # let cache = Cache::builder().remote(chaos.clone()).clock(clock).build()?;
    /// # let squares = cache.region::<u64, u64>("demo", "square", ReadPolicy::new(Duration::from_secs(60)));
    /// # assert!(cache.connected(Duration::from_secs(10)).await);
    /// let before = chaos.begun(Operation::Read);
    /// chaos.hold(Operation::Read);
    /// let read = tokio::spawn(async move { squares.get_or_load(&3, || async { Ok::<_, Error>(9) }).await });
    /// while chaos.begun(Operation::Read) == before {
    ///     tokio::task::yield_now().await;
    /// }
    /// // The look-up has begun and is not sent. Here a test does what is to happen in between.
    /// chaos.release(Operation::Read);
    /// assert_eq!(read.await.unwrap()?, 9);
    /// # Ok(())
    /// # }
    /// ```
    pub fn hold(&self, operation: Operation) {
        self.faults.commands.send_modify(|commands| {
            commands.held.insert(operation);
        });
    }

    /// Lets the calls of the operation continue, those that are held and later ones.
    pub fn release(&self, operation: Operation) {
        self.faults.commands.send_modify(|commands| {
            commands.held.remove(&operation);
        });
    }

    /// Makes every call of the operation fail, as if the server had refused it.
    ///
    /// The server does not execute it. Several failures in a row open the circuit breaker, as in production.
    pub fn fail(&self, operation: Operation) {
        self.faults.commands.send_modify(|commands| {
            commands.failing.insert(operation);
        });
    }

    /// Lets the operation succeed again. If the circuit has opened meanwhile, wait for
    /// [`Cache::connected`](crate::Cache::connected).
    pub fn heal(&self, operation: Operation) {
        self.faults.commands.send_modify(|commands| {
            commands.failing.remove(&operation);
        });
    }

    /// Returns how many calls of the operation have begun, held and failed ones included.
    ///
    /// A test that holds an operation waits until this number has changed.
    pub fn begun(&self, operation: Operation) -> u64 {
        self.lock().begun.get(&operation).copied().unwrap_or(0)
    }

    /// Holds bus messages, in order, until [`deliver_bus`](Self::deliver_bus).
    ///
    /// Heartbeats are held as well: after a lease the instance stops trusting its local tier.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), cache_core::Error> {
    /// # use std::time::Duration;
    /// # use cache_core::testing::ChaosRemote;
    /// # use cache_core::{Cache, MemoryRemote, ReadPolicy};
    /// # let remote = MemoryRemote::new();
    /// # let chaos = ChaosRemote::new(remote.clone());
    /// # let one = Cache::builder().remote(remote).build()?;
    /// # let two = Cache::builder().remote(chaos.clone()).build()?;
    /// # let [squares, _squares] = [&one, &two]
    /// #     .map(|cache| cache.region::<u64, u64>("demo", "square", ReadPolicy::new(Duration::from_secs(60))));
    /// # assert!(one.connected(Duration::from_secs(10)).await && two.connected(Duration::from_secs(10)).await);
    /// let before = two.invalidations_received();
    /// chaos.hold_bus();
    /// squares.invalidate(squares.scope(&&3)).await; // on the first instance
    /// assert_eq!(two.invalidations_received(), before);
    /// chaos.deliver_bus();
    /// assert!(two.invalidations_received() > before);
    /// # Ok(())
    /// # }
    /// ```
    pub fn hold_bus(&self) {
        self.lock().bus = BusMode::Hold;
    }

    /// Holds invalidations, in order, and lets heartbeats overtake them.
    ///
    /// Redis never does this on one connection. With it a test keeps a local tier trusted and stale, as it is for the
    /// moment before a message arrives.
    pub fn hold_invalidations(&self) {
        self.lock().bus = BusMode::HoldInvalidations;
    }

    /// Drops bus messages, also on later connections, until [`deliver_bus`](Self::deliver_bus).
    pub fn lose_bus(&self) {
        self.lock().bus = BusMode::Lose;
    }

    /// Drops bus messages on the current connections. Later connections receive everything.
    pub fn lose_bus_until_reconnected(&self) {
        let mut state = self.lock();
        state.lost = state.connections;
    }

    /// Returns the number of connections that were attempted so far.
    pub fn connections(&self) -> u64 {
        self.lock().connections
    }

    /// Replaces every generation by its number within its scope, as a counter in Redis would.
    ///
    /// The numbers restart when the scope is removed. Instances that share a tier must share the numbers.
    pub fn number_tokens(&self, numbers: &TokenNumbers) {
        self.lock().numbers = Some(numbers.clone());
    }

    /// Delivers the held messages, and every message from now on.
    pub fn deliver_bus(&self) {
        let waiting = {
            let mut state = self.lock();
            state.bus = BusMode::Deliver;
            std::mem::take(&mut state.waiting)
        };
        for (sink, payload) in waiting {
            sink.message(&payload);
        }
    }

    /// Gives each read the reply to the previous one, like a client that mismatches replies.
    ///
    /// It concerns replies with the same number of scopes, which a reader cannot recognise by their form. It cannot be
    /// reverted.
    pub fn confuse_reads(&self) {
        self.faults.replies.confuse_reads();
    }

    /// Returns heartbeats that the server refuses, as if they were not writes.
    ///
    /// So a replica, or a server that is out of memory, would keep a local tier trusted. It cannot be reverted.
    pub fn answer_heartbeats(&self) {
        self.faults.replies.answer_heartbeats();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.faults.lock()
    }
}

impl Faults {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces the generations by their numbers, if a test has requested that.
    fn number<'a>(&self, keys: impl Iterator<Item = &'a str>, states: &mut [ScopeState]) {
        if let Some(numbers) = &self.lock().numbers {
            keys.zip(states).for_each(|(key, state)| *state = numbers.of(key, state.clone()));
        }
    }

    /// Counts the call, waits while the operation is held, and fails if it is to fail.
    async fn pass(&self, operation: Operation) -> Result<(), TierError> {
        *self.lock().begun.entry(operation).or_default() += 1;
        let mut commands = self.commands.subscribe();
        // The sender lives as long as `self`.
        let now = commands.wait_for(|commands| !commands.held.contains(&operation)).await;
        if now.is_ok_and(|commands| commands.failing.contains(&operation)) {
            let kind = crate::protocol::TierErrorKind::Refused;
            return Err(TierError::new(kind, "refused on command"));
        }
        Ok(())
    }
}

impl From<ChaosRemote> for Remote {
    fn from(remote: ChaosRemote) -> Self {
        Self(Arc::new(remote))
    }
}

impl SharedTier for ChaosRemote {
    fn backend(&self) -> Backend {
        self.inner.0.backend()
    }

    fn connect<'a>(
        &'a self,
        instance: &'a str,
        bus: BusSink,
    ) -> BoxFuture<'a, Result<Arc<dyn TierConnection>, TierError>> {
        async move {
            let faults = Arc::clone(&self.faults);
            let number = {
                let mut state = faults.lock();
                state.connections += 1;
                state.connections
            };
            let heard = Arc::new(ChaosBus { inner: Arc::clone(&bus), faults: Arc::clone(&faults), number });
            let inner = self.inner.0.connect(instance, heard).await?;
            Ok(Arc::new(ChaosConnection { inner, bus, faults }) as Arc<dyn TierConnection>)
        }
        .boxed()
    }
}

/// The bus of one connection, between the server and the cache.
#[derive(Debug)]
struct ChaosBus {
    inner: BusSink,
    faults: Arc<Faults>,
    number: u64,
}

impl Bus for ChaosBus {
    fn message(&self, payload: &[u8]) {
        let mut state = self.faults.lock();
        if self.number <= state.lost {
            return;
        }
        let held = match state.bus {
            BusMode::HoldInvalidations if matches!(Message::parse(payload), Some(Message::Heartbeat { .. })) => {
                BusMode::Deliver
            }
            mode => mode,
        };
        match held {
            BusMode::Deliver => {
                drop(state);
                self.inner.message(payload);
            }
            BusMode::Hold | BusMode::HoldInvalidations => {
                state.waiting.push((Arc::clone(&self.inner), payload.to_vec()));
            }
            BusMode::Lose => {}
        }
    }

    fn missed(&self) {
        self.inner.missed();
    }

    fn disconnected(&self) {
        self.inner.disconnected();
    }
}

/// One connection, with the faults in front of it.
#[derive(Debug)]
struct ChaosConnection {
    inner: Arc<dyn TierConnection>,
    bus: BusSink,
    faults: Arc<Faults>,
}

impl ChaosConnection {
    /// Runs `call` after the faults of the operation.
    fn after<'a, T: Send + 'a>(
        &'a self,
        operation: Operation,
        call: impl FnOnce() -> Reply<'a, T> + Send + 'a,
    ) -> Reply<'a, T> {
        async move {
            self.faults.pass(operation).await?;
            call().await
        }
        .boxed()
    }
}

impl TierConnection for ChaosConnection {
    fn run_id(&self) -> &str {
        self.inner.run_id()
    }

    fn connected_at(&self) -> u64 {
        self.inner.connected_at()
    }

    fn received(&self) -> u64 {
        self.inner.received()
    }

    fn close(&self) {
        self.inner.close();
    }

    fn subscribe<'a>(&'a self, namespaces: &'a [String]) -> Reply<'a, ()> {
        self.after(Operation::Subscribe, move || self.inner.subscribe(namespaces))
    }

    fn read<'a>(&'a self, wanted: &'a [Wanted<'a>]) -> Reply<'a, EntryReplies> {
        async move {
            self.faults.pass(Operation::Read).await?;
            let answer = self.inner.read(wanted).await;
            self.faults.pass(Operation::ReadReply).await?;
            let mut found = self.faults.replies.read(answer?);
            for (Wanted { scopes, .. }, found) in wanted.iter().zip(&mut found) {
                self.faults.number(scopes.iter().map(Scope::generation_key), &mut found.states);
            }
            Ok(found)
        }
        .boxed()
    }

    fn states<'a>(&'a self, scopes: &'a [Scope]) -> Reply<'a, Vec<ScopeState>> {
        async move {
            self.faults.pass(Operation::Read).await?;
            let answer = self.inner.states(scopes).await;
            self.faults.pass(Operation::ReadReply).await?;
            let mut states = answer?;
            self.faults.number(scopes.iter().map(Scope::generation_key), &mut states);
            Ok(states)
        }
        .boxed()
    }

    fn init_generations<'a>(&'a self, generations: &'a [&'a str]) -> Reply<'a, Vec<ScopeState>> {
        async move {
            self.faults.pass(Operation::InitGenerations).await?;
            let mut states = self.inner.init_generations(generations).await?;
            self.faults.number(generations.iter().copied(), &mut states);
            Ok(states)
        }
        .boxed()
    }

    fn fill<'a>(&'a self, fills: Vec<Fill<'a>>) -> Reply<'a, ()> {
        self.after(Operation::Fill, move || self.inner.fill(fills))
    }

    fn claim<'a>(&'a self, generations: &'a [&'a str], token: &'a str, ttl: Duration) -> Reply<'a, Vec<bool>> {
        self.after(Operation::Claim, move || self.inner.claim(generations, token, ttl))
    }

    fn unclaim<'a>(&'a self, generations: &'a [&'a str], token: &'a str, rest: Duration) -> Reply<'a, ()> {
        self.after(Operation::Unclaim, move || self.inner.unclaim(generations, token, rest))
    }

    fn lock<'a>(&'a self, write: WriteScopes<'a>, token: &'a str, hold: Duration) -> Reply<'a, ()> {
        self.after(Operation::Lock, move || self.inner.lock(write, token, hold))
    }

    fn release<'a>(&'a self, write: WriteScopes<'a>, token: &'a str) -> Reply<'a, Released> {
        self.after(Operation::Release, move || self.inner.release(write, token))
    }

    fn invalidate<'a>(&'a self, scopes: &'a [Scope], token: &'a str) -> Reply<'a, ()> {
        self.after(Operation::Invalidate, move || self.inner.invalidate(scopes, token))
    }

    fn move_epoch<'a>(&'a self, namespaces: &'a [String]) -> Reply<'a, ()> {
        self.inner.move_epoch(namespaces)
    }

    fn heartbeat<'a>(&'a self, beat: &'a Heartbeat) -> Reply<'a, HeartbeatReply> {
        async move {
            self.faults.pass(Operation::Heartbeat).await?;
            let (answer, said) = self.faults.replies.heartbeat(beat.nonce, self.inner.heartbeat(beat).await);
            if let Some(said) = said {
                self.bus.message(said.as_bytes());
            }
            answer
        }
        .boxed()
    }

    fn request_heartbeats<'a>(&'a self, namespaces: &'a [String]) -> Reply<'a, ()> {
        self.inner.request_heartbeats(namespaces)
    }

    fn leave<'a>(&'a self, namespaces: &'a [String]) -> Reply<'a, ()> {
        self.after(Operation::Leave, move || self.inner.leave(namespaces))
    }
}
