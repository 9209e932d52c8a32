//! The link to the shared tier: the current connection and its heartbeats.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use tokio::sync::Notify;

use super::membership::Return;
use super::recovery::{self, Recovery};
use super::{CutOff, Epoch, Gate, Journal, Live, Membership, PendingWriters, ScopeHash, Supervision};
use crate::breaker::Breaker;
use crate::config::Settings;
use crate::observability::{Backend, Tally};
use crate::runtime::sync::atomic::{AtomicU64, Ordering};
use crate::runtime::sync::{Mutex, MutexGuard, PoisonError};
use crate::runtime::{Clock, GRANULARITY, Moment, Stopwatch, chance};
use crate::tier::remote::{Beat, Heartbeat, RemoteError, Session};

/// The most heartbeats in transit. More than two already mean that the connection is probably lost.
const MAX_BEATS: usize = 4;
/// The interval for retrying refused deliveries and for polling awaited members.
const REDELIVERY: Duration = Duration::from_millis(250);

/// The state of the connection, as the supervisor reports it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum LinkState {
    /// The cache has no shared tier.
    #[default]
    Absent,
    Connecting,
    Up,
    Down(String),
    /// The server replies with errors or too late: the circuit is open.
    CircuitOpen(String),
    /// The cache was shut down.
    ShutDown,
}

#[derive(Debug, Default)]
struct Beats {
    /// The number of the connection whose heartbeats count; 0 while there is none.
    session: u64,
    /// The number of subscribed namespaces. While there are more namespaces, a heartbeat proves nothing.
    subscribed: usize,
    under_way: VecDeque<UnderWay>,
    last: Option<LastHeartbeat>,
}

/// A heartbeat that was sent.
#[derive(Debug)]
struct UnderWay {
    nonce: u64,
    sent: Moment,
    watch: Stopwatch,
}

/// The last heartbeat that returned.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LastHeartbeat {
    pub(crate) sent: Moment,
    pub(crate) returned: Moment,
    /// The time between the two, measured with the finer clock.
    pub(crate) lag: Duration,
}

/// The state shared by the engine, the supervisor and the bus.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) gate: Gate,
    pub(crate) journal: Journal,
    /// Registrations of writers whose targets are not known yet.
    pub(super) pending_writers: PendingWriters,
    pub(crate) recovery: Recovery,
    pub(crate) clock: Clock,
    pub(crate) settings: Settings,
    /// The name of this cache among the instances that share a Redis.
    pub(crate) instance: String,
    pub(crate) backend: Backend,
    pub(crate) tally: Tally,
    /// The state of the other members.
    pub(crate) membership: Membership,
    /// Tracks since when writes cannot be announced.
    pub(crate) cut_off: CutOff,
    /// Whether the supervisor's task runs.
    pub(crate) supervision: Supervision,
    /// The number of the last connection.
    sessions: AtomicU64,
    live: ArcSwapOption<Live>,
    /// The moment until which the server counts as responsive, in nanoseconds of the process clock.
    answered_until: AtomicU64,
    beats: Mutex<Beats>,
    namespaces: Mutex<Vec<String>>,
    state: Mutex<LinkState>,
    breaker: Breaker,
    /// The error that opened the breaker, until the supervisor has taken it.
    tripped: Mutex<Option<RemoteError>>,
    /// Notifies the supervisor that a namespace was added, so that it subscribes again.
    pub(super) widened: Notify,
    /// An invalidation is due for delivery, or a heartbeat is due early.
    pub(super) wake: Notify,
    /// The connection is lost.
    pub(super) lost: Notify,
    /// A tier became usable.
    pub(crate) usable: Notify,
    /// Journaled invalidations were delivered, or the state of the connection changed.
    pub(crate) delivered: Notify,
    /// The number of received invalidations, for health and tests.
    pub(crate) invalidations: AtomicU64,
}

impl Link {
    pub(crate) fn new(clock: Clock, settings: Settings, backend: Backend) -> Self {
        let instance = chance::token_text();
        Self {
            backend,
            tally: Tally::new(backend),
            gate: Gate::new(),
            journal: Journal::default(),
            pending_writers: PendingWriters::default(),
            recovery: Recovery::default(),
            membership: Membership::new(&instance, settings.recovery_barrier()),
            cut_off: CutOff::new(clock.now()),
            clock,
            settings,
            instance,
            supervision: Supervision::default(),
            sessions: AtomicU64::new(0),
            live: ArcSwapOption::empty(),
            answered_until: AtomicU64::new(0),
            beats: Mutex::default(),
            namespaces: Mutex::default(),
            state: Mutex::default(),
            breaker: Breaker::default(),
            tripped: Mutex::default(),
            widened: Notify::new(),
            wake: Notify::new(),
            lost: Notify::new(),
            usable: Notify::new(),
            delivered: Notify::new(),
            invalidations: AtomicU64::new(0),
        }
    }

    /// Whether this protection is disabled.
    #[cfg(feature = "testing")]
    pub(crate) fn lacks(&self, weakness: crate::testing::Weakness) -> bool {
        self.settings.weakness == weakness
    }

    /// The connection, while its server responds.
    ///
    /// Writes are announced over it, whether this instance may read or not.
    pub(crate) fn open(&self) -> Option<Arc<Live>> {
        let live = self.live.load_full()?;
        (self.clock.now().0 < self.answered_until.load(Ordering::Acquire)).then_some(live)
    }

    /// The connection and epoch for reads of a namespace, if outside the recovery barrier.
    pub(crate) fn readable(&self, namespace: usize) -> Option<(Arc<Live>, Epoch)> {
        let live = self.open().filter(|_| self.membership.is_settled())?;
        let epoch = live.epoch(namespace)?;
        Some((live, epoch))
    }

    /// Whether the shared tier may be read.
    pub(crate) fn is_readable(&self) -> bool {
        let known = self.open().filter(|_| self.membership.is_settled()).map(|live| live.known());
        known.is_some_and(|known| known == lock(&self.namespaces).len())
    }

    /// Whether both tiers may serve reads.
    pub(crate) fn is_usable(&self) -> bool {
        self.is_readable() && self.gate.is_trusted(self.clock.now())
    }

    /// Schedules an early delivery after an announcement failed and was journaled.
    pub(crate) fn deliver_soon(&self) {
        self.cut_off.begin(self.clock.now());
        self.wake.notify_one();
    }

    /// Makes this instance a member of `namespace`; returns its index in order of joining.
    ///
    /// The local tier is not trusted until the bus of a new namespace is subscribed to and a heartbeat sent after that
    /// has returned. Writes are announced meanwhile.
    pub(crate) fn join(&self, namespace: &str) -> usize {
        let mut namespaces = lock(&self.namespaces);
        if let Some(place) = namespaces.iter().position(|known| known == namespace) {
            return place;
        }
        namespaces.push(namespace.to_owned());
        let place = namespaces.len() - 1;
        drop(namespaces);
        if self.backend.has_remote() {
            let beats = lock(&self.beats);
            self.gate.distrust();
            drop(beats);
            self.widened.notify_one();
        }
        place
    }

    /// Whether the connection is subscribed to every namespace.
    pub(super) fn hears_all(&self) -> bool {
        lock(&self.beats).subscribed == lock(&self.namespaces).len()
    }

    /// Records a subscription to the first `count` namespaces; only heartbeats sent after it count.
    pub(crate) fn subscribed(&self, count: usize) {
        let mut beats = lock(&self.beats);
        beats.subscribed = count;
        beats.under_way.clear();
    }

    pub(crate) fn namespaces(&self) -> Vec<String> {
        lock(&self.namespaces).clone()
    }

    pub(crate) fn state(&self) -> LinkState {
        lock(&self.state).clone()
    }

    pub(crate) fn last_heartbeat(&self) -> Option<LastHeartbeat> {
        lock(&self.beats).last
    }

    pub(crate) fn set_state(&self, state: LinkState) {
        *lock(&self.state) = state;
    }

    /// Records a successful command.
    pub(crate) fn succeeded(&self) {
        if self.breaker.is_suspicious() {
            self.breaker.succeeded(self.clock.now());
        }
    }

    /// Records the error of a command.
    ///
    /// A lost connection, or too many errors of other kinds, closes the connection. Errors of commands that were still
    /// in progress on an earlier connection are ignored.
    pub(crate) fn failed(&self, live: &Live, error: &RemoteError) {
        if !self.is_open(live.number) {
            return;
        }
        if !error.is_disconnection() {
            if !error.blames_the_server() || !self.breaker.failed(self.clock.now()) {
                return;
            }
            *lock(&self.tripped) = Some(error.clone());
        }
        self.close_session(live.number);
    }

    /// Takes the error that opened the breaker, and the pause before the next attempt.
    pub(super) fn take_trip(&self) -> Option<(RemoteError, Duration)> {
        let error = lock(&self.tripped).take()?;
        Some((error, self.breaker.pause()))
    }

    /// The time limit of a connection's first heartbeat. After the breaker has opened it is that of a read.
    pub(super) fn patience_with_probe(&self) -> Duration {
        if self.breaker.is_wary(self.clock.now()) { self.settings.read_timeout } else { self.settings.connect_timeout }
    }

    /// A future that removes this instance from the members, if it is one.
    ///
    /// The future holds the session until it completes, and returns it.
    pub(crate) fn leaving(&self) -> Option<impl Future<Output = Arc<dyn Session>> + Send + 'static> {
        // An instance that leaves with pending invalidations must count as crashed.
        let live = self.open().filter(|_| self.journal.pending() == 0)?;
        let (clock, limit, namespaces) = (self.clock.clone(), self.settings.last_step(), self.namespaces());
        Some(async move {
            // A failure is ignored: the other members detect the missing heartbeats.
            let _ = clock.timeout(limit, live.session.leave(&namespaces)).await;
            Arc::clone(&live.session)
        })
    }

    /// Removes this instance from the members.
    pub(crate) async fn leave(&self) {
        if let Some(leaving) = self.leaving() {
            drop(leaving.await);
        }
    }

    /// Ends the use of the current connection permanently, and returns it.
    ///
    /// Unless it is closed, it ends when its remaining users, such as [`leaving`](Self::leaving), are done.
    pub(crate) fn shut(&self) -> Option<Arc<Live>> {
        let session = lock(&self.beats).session;
        let live = self.end_session(session);
        self.gate.distrust();
        live
    }

    /// Records the server's time from a reply to a request that was sent at `asked_at`.
    #[cfg_attr(
        not(feature = "testing"),
        expect(clippy::unused_self, reason = "the version for negative controls needs it")
    )]
    pub(super) fn set_server_time(&self, live: &Live, server_millis: u64, asked_at: Moment) {
        #[cfg(feature = "testing")]
        if self.lacks(crate::testing::Weakness::OwnClock) {
            return;
        }
        live.set_server_time(server_millis, asked_at);
    }

    /// Returns the number of a new connection.
    pub(super) fn next_session(&self) -> u64 {
        self.sessions.fetch_add(1, Ordering::AcqRel) + 1
    }

    /// Starts counting the heartbeats of this connection.
    pub(crate) fn open_session(&self, session: u64) {
        self.cut_off.probe(self.clock.now());
        self.delivered.notify_waiters();
        let mut beats = lock(&self.beats);
        *beats = Beats { session, ..Beats::default() };
    }

    /// Starts announcing writes over this connection, unless it is already closed.
    ///
    /// `asked_at` is the time of the first request to its server.
    pub(super) fn set_live(&self, live: &Arc<Live>, asked_at: Moment) {
        let beats = lock(&self.beats);
        if beats.session == live.number {
            self.set_server_time(live, live.seen(), asked_at);
            self.answered(asked_at);
            self.live.store(Some(Arc::clone(live)));
        }
        drop(beats);
    }

    fn answered(&self, asked_at: Moment) {
        let lease = self.settings.lease.saturating_sub(GRANULARITY);
        self.answered_until.fetch_max(asked_at.after(lease).0, Ordering::AcqRel);
    }

    /// Closes a connection, unless another one has replaced it.
    ///
    /// From then on the local tier is not trusted, and its earlier entries are never returned.
    ///
    /// A load may hold the session for as long as it runs, so the network connections are closed here and not when its
    /// last handle is dropped.
    pub(crate) fn close_session(&self, session: u64) {
        if let Some(live) = self.end_session(session) {
            live.session.close();
        }
    }

    /// Ends the use of a connection, and returns it if there was one.
    fn end_session(&self, session: u64) -> Option<Arc<Live>> {
        let mut beats = lock(&self.beats);
        if beats.session != session {
            return None;
        }
        beats.session = 0;
        beats.under_way.clear();
        let was_trusted = beats.last.is_some();
        let live = self.live.swap(None);
        self.answered_until.store(0, Ordering::Release);
        self.membership.set_settled(false);
        self.cut_off.failed();
        self.cut_off.begin(self.clock.now());
        self.gate.distrust();
        drop(beats);
        self.delivered.notify_waiters();
        // A failed attempt keeps the entries that were loaded without it.
        if was_trusted {
            self.forget_local();
        }
        self.lost.notify_one();
        live
    }

    /// Flushes the local tier, since invalidations may have been missed.
    pub(super) fn forget_local(&self) {
        #[cfg(feature = "testing")]
        if self.lacks(crate::testing::Weakness::KeepLocal) {
            return;
        }
        self.pending_writers.clear();
        self.gate.flush();
    }

    /// Records a writer registered on a method; `expiry` is in milliseconds of the server's clock.
    pub(super) fn writer_registered(&self, method: ScopeHash, token: &str, expiry: u64) {
        let now = self.clock.now();
        // Without a connection the server's time is unknown, and the local tier is not trusted.
        let expiry = self.live.load_full().map_or(now, |live| live.moment_of(expiry, now));
        self.pending_writers.add(&self.gate, method, token, expiry, now);
    }

    /// Invalidates the local entries of methods whose pending writers did not finish in time.
    pub(super) fn forget_expired_writers(&self) {
        #[cfg(feature = "testing")]
        if self.lacks(crate::testing::Weakness::KeepPending) {
            return;
        }
        self.pending_writers.forget_expired(&self.gate, self.clock.now());
    }

    pub(super) fn is_open(&self, session: u64) -> bool {
        lock(&self.beats).session == session
    }

    /// Records that a heartbeat is about to be sent.
    ///
    /// The lease starts at this time, not at its return: all invalidations before it have been received when it
    /// returns, later ones have not.
    pub(crate) fn beat_sent(&self) -> (u64, Moment) {
        let nonce = chance::token();
        let now = self.clock.now();
        let mut beats = lock(&self.beats);
        if beats.under_way.len() == MAX_BEATS {
            beats.under_way.pop_front();
        }
        self.cut_off.probe(now);
        beats.under_way.push_back(UnderWay { nonce, sent: now, watch: self.clock.stopwatch() });
        (nonce, now)
    }

    /// Handles a heartbeat that returned over the bus.
    pub(super) fn beat_returned(&self, session: u64, nonce: u64) {
        let mut beats = lock(&self.beats);
        let Some(at) = beats.under_way.iter().position(|known| known.nonce == nonce) else { return };
        if beats.session != session || beats.subscribed != lock(&self.namespaces).len() {
            return;
        }
        let Some(UnderWay { sent, watch, .. }) = beats.under_way.drain(..=at).next_back() else { return };
        beats.last = Some(LastHeartbeat { sent, returned: self.clock.now(), lag: watch.elapsed() });
        // Under the lock: the last heartbeat of a connection that is being closed must not renew the lease.
        if self.membership.is_settled() {
            self.gate.trust_until(self.trust_of_a_beat(sent));
        }
        drop(beats);
        self.usable.notify_waiters();
    }

    /// Builds the next heartbeat.
    pub(super) fn next_beat(&self, live: &Live, nonce: u64) -> Beat {
        let seen = live.seen();
        let pending = u64::try_from(self.journal.pending()).unwrap_or(u64::MAX);
        if pending == 0 {
            self.cut_off.all_clear(self.clock.now());
        }
        Beat {
            nonce,
            namespaces: self.namespaces(),
            pending,
            settled: self.membership.is_settled(),
            seen,
            lease: self.settings.lease,
            announced: self.membership.is_awaited(pending),
            expired: self.membership.take_expired(),
        }
    }

    /// The time until the next scheduled heartbeat.
    pub(super) fn until_next_beat(&self) -> Duration {
        let half = self.settings.lease / 2;
        if self.journal.pending() > 0 {
            return half.min(REDELIVERY);
        }
        if self.membership.is_settled() {
            return half;
        }
        let held = self.membership.hold().since(self.clock.now());
        if held.is_zero() { (half / 2).min(REDELIVERY) } else { half.min(held) }
    }

    /// The time limit of a heartbeat or a delivery.
    pub(crate) fn patience(&self) -> Duration {
        self.settings.lease.max(self.settings.write_timeout)
    }

    /// Processes the reply to the heartbeat sent at `sent`; returns the newly isolated members.
    pub(super) fn beat_answered(&self, live: &Live, sent: Moment, beat: &Beat, reply: &Heartbeat) -> Vec<String> {
        let beats = lock(&self.beats);
        if beats.session != live.number {
            return Vec::new();
        }
        live.set_seen(reply.server_time);
        self.set_server_time(live, reply.server_time, sent);
        // After a lease without a reply this instance has missed writes of the others, although the connection stayed
        // open.
        if self.open().is_none() {
            self.membership.connect();
            // Before the reply makes the connection usable again: a read in between would be outside the barrier.
            self.settle(&beats, false);
        }
        self.answered(sent);
        let epochs: Vec<Epoch> =
            reply.namespaces.iter().map(|(epoch, _)| self.epoch_of(&*live.session, epoch)).collect();
        self.come_back(live.session.run_id(), &epochs);
        let change = self.membership.observe(&beat.namespaces, reply, live.session.run_id(), self.clock.now());
        // A reply as old as the lease proves nothing: the next one decides.
        let is_settled = change.may_settle && self.open().is_some();
        // Before the new epochs can be read.
        if !is_settled {
            self.settle(&beats, false);
        }
        if live.set_epochs(epochs) || change.completeness_changed {
            self.forget_local();
        }
        self.settle(&beats, is_settled);
        self.cut_off.answered(self.clock.now(), beat.pending > 0);
        if beat.pending == 0 && self.journal.pending() == 0 {
            self.cut_off.end();
        }
        drop(beats);
        self.usable.notify_waiters();
        self.delivered.notify_waiters();
        if change.is_stale {
            self.wake.notify_one();
        }
        change.newly_isolated
    }

    /// Enters or leaves the recovery barrier.
    ///
    /// Both flush the local tier: an invalidation that another member has delivered late may still be in transit on the
    /// bus.
    fn settle(&self, beats: &Beats, settled: bool) {
        if settled == self.membership.is_settled() {
            return;
        }
        if settled {
            self.forget_local();
            self.membership.set_settled(true);
            if let Some(last) = beats.last {
                self.gate.trust_until(self.trust_of_a_beat(last.sent));
            }
        } else {
            self.membership.set_settled(false);
            self.gate.distrust();
            self.forget_local();
        }
    }

    /// Protects the store when all instances return after an outage.
    ///
    /// If the epochs have changed, every entry is stale, and all instances would load from the store at once. A random
    /// pause spreads their loads.
    fn come_back(&self, run: &str, epochs: &[Epoch]) {
        #[cfg(feature = "testing")]
        if self.lacks(crate::testing::Weakness::NoRecovery) {
            return;
        }
        let now = self.clock.now();
        match self.membership.first_epochs(run, epochs) {
            Return::None => {}
            Return::Kept => self.recovery.begin(now),
            Return::Emptied => {
                self.recovery.begin(now);
                self.membership.set_hold(now.after(recovery::pause(self.settings.lease)));
            }
        }
    }

    /// Returns the end of the lease that a heartbeat sent at `sent` grants.
    fn trust_of_a_beat(&self, sent: Moment) -> Moment {
        let lease = self.settings.lease.saturating_sub(GRANULARITY);
        #[cfg(feature = "testing")]
        match self.settings.weakness {
            crate::testing::Weakness::BeatFromReturn => return self.clock.now().after(lease),
            crate::testing::Weakness::NoLease => return Moment::NEVER,
            _ => {}
        }
        sent.after(lease)
    }

    /// Returns the epoch on the server of this connection.
    #[cfg_attr(
        not(feature = "testing"),
        expect(clippy::unused_self, reason = "the version for negative controls needs it")
    )]
    pub(super) fn epoch_of(&self, session: &dyn Session, namespace_epoch: &str) -> Epoch {
        #[cfg(feature = "testing")]
        if self.lacks(crate::testing::Weakness::NoServerEpoch) {
            return Epoch::of("", namespace_epoch);
        }
        Epoch::of(session.run_id(), namespace_epoch)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
