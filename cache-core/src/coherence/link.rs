//! The link to the shared tier: which connection is current, and when its beats came back.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use tokio::sync::Notify;

use super::recovery::Recovery;
use super::{Epoch, Gate, Journal, Live, PendingWriters, ScopeHash};
use crate::breaker::Breaker;
use crate::config::Settings;
use crate::observability::{Backend, Tally};
use crate::runtime::sync::atomic::AtomicU64;
use crate::runtime::sync::{Mutex, MutexGuard, PoisonError};
use crate::runtime::{Clock, GRANULARITY, Moment, Stopwatch, chance};
use crate::tier::remote::{RemoteError, Session};

/// Beats that are under way at once. More than two means that the connection is as good as lost.
const MAX_BEATS: usize = 4;

/// What the supervisor says of the connection.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum LinkState {
    /// There is no shared tier in this cache.
    #[default]
    Absent,
    Connecting,
    Up,
    Down(String),
    /// It is there and answers badly: the breaker is open.
    LeftAlone(String),
}

#[derive(Debug, Default)]
struct Beats {
    /// The number of the connection that beats may count for; 0 while there is none.
    session: u64,
    /// How many namespaces the connection is subscribed to. While there are more, a beat proves nothing.
    subscribed: usize,
    under_way: VecDeque<UnderWay>,
    /// The namespace epochs as the last beat told them.
    namespace_epoch: Option<String>,
    last: Option<LastBeat>,
}

/// A beat that was sent.
#[derive(Debug)]
struct UnderWay {
    nonce: u64,
    sent: Moment,
    watch: Stopwatch,
}

/// The last beat that came back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LastBeat {
    pub(crate) sent: Moment,
    pub(crate) returned: Moment,
    /// From the one to the other, measured with the finer clock.
    pub(crate) lag: Duration,
}

/// Shared by the engine, the supervisor and the bus.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) gate: Gate,
    pub(crate) journal: Journal,
    /// Registrations of writers whose targets are not known yet.
    pub(super) pending_writers: PendingWriters,
    pub(crate) recovery: Recovery,
    pub(crate) clock: Clock,
    pub(crate) settings: Settings,
    /// Names this cache among the instances that share a Redis.
    pub(crate) instance: String,
    pub(crate) backend: Backend,
    pub(crate) tally: Tally,
    live: ArcSwapOption<Live>,
    beats: Mutex<Beats>,
    namespaces: Mutex<BTreeSet<String>>,
    state: Mutex<LinkState>,
    breaker: Breaker,
    /// The error that opened the breaker, until the supervisor has seen it.
    tripped: Mutex<Option<RemoteError>>,
    /// A namespace was added: the supervisor subscribes again.
    pub(super) widened: Notify,
    /// A beat came back.
    pub(super) beat_back: Notify,
    /// The connection is gone.
    pub(super) lost: Notify,
    /// The shared tier became usable.
    pub(crate) usable: Notify,
    /// News of a scope arrived: counted for health and tests.
    pub(crate) invalidations: AtomicU64,
}

impl Link {
    pub(crate) fn new(clock: Clock, settings: Settings, backend: Backend) -> Self {
        Self {
            backend,
            tally: Tally::new(backend),
            gate: Gate::new(),
            journal: Journal::default(),
            pending_writers: PendingWriters::default(),
            recovery: Recovery::default(),
            clock,
            settings,
            instance: chance::token_text(),
            live: ArcSwapOption::empty(),
            beats: Mutex::default(),
            namespaces: Mutex::default(),
            state: Mutex::default(),
            breaker: Breaker::default(),
            tripped: Mutex::default(),
            widened: Notify::new(),
            beat_back: Notify::new(),
            lost: Notify::new(),
            usable: Notify::new(),
            invalidations: AtomicU64::new(0),
        }
    }

    /// Whether this protection was taken out.
    #[cfg(feature = "testing")]
    pub(crate) fn lacks(&self, weakness: crate::testing::Weakness) -> bool {
        self.settings.weakness == weakness
    }

    /// The shared tier, while it may be used: connected, and a beat came back within the lease.
    pub(crate) fn live(&self) -> Option<Arc<Live>> {
        let live = self.live.load_full()?;
        self.gate.is_trusted(self.clock.now()).then_some(live)
    }

    /// Makes sure that news about `namespace` reach this instance.
    ///
    /// Until the bus of a new namespace is subscribed to, and a beat that was sent after that is back, nothing is
    /// trusted.
    pub(crate) fn join(&self, namespace: &str) {
        if lock(&self.namespaces).insert(namespace.to_owned()) && self.backend.has_remote() {
            let beats = lock(&self.beats);
            self.gate.distrust();
            drop(beats);
            self.widened.notify_one();
        }
    }

    /// Whether the connection is subscribed to every namespace.
    pub(super) fn hears_all(&self) -> bool {
        lock(&self.beats).subscribed == lock(&self.namespaces).len()
    }

    /// The connection is subscribed to the first `count` namespaces there were; only beats from here on count.
    pub(crate) fn subscribed(&self, count: usize) {
        let mut beats = lock(&self.beats);
        beats.subscribed = count;
        beats.under_way.clear();
    }

    pub(crate) fn namespaces(&self) -> Vec<String> {
        lock(&self.namespaces).iter().cloned().collect()
    }

    pub(crate) fn state(&self) -> LinkState {
        lock(&self.state).clone()
    }

    pub(crate) fn last_beat(&self) -> Option<LastBeat> {
        lock(&self.beats).last
    }

    pub(super) fn set_state(&self, state: LinkState) {
        *lock(&self.state) = state;
    }

    /// A command was answered as it should be.
    pub(crate) fn succeeded(&self) {
        if self.breaker.is_suspicious() {
            self.breaker.succeeded(self.clock.now());
        }
    }

    /// An error of a command: one that tells of a lost connection ends the session, and so does one too many of any
    /// other kind. What is still under way on an earlier connection says nothing about this one.
    pub(crate) fn failed(&self, live: &Live, error: &RemoteError) {
        if !self.is_open(live.number) {
            return;
        }
        if !error.is_disconnection() {
            if !self.breaker.failed(self.clock.now()) {
                return;
            }
            *lock(&self.tripped) = Some(error.clone());
        }
        self.close_session(live.number);
    }

    /// The error that opened the breaker since the last call, and how long to leave the shared tier alone.
    pub(super) fn take_trip(&self) -> Option<(RemoteError, Duration)> {
        let error = lock(&self.tripped).take()?;
        Some((error, self.breaker.pause()))
    }

    /// How long the first beat of a connection may take. After the breaker has opened it has to be as fast as a read.
    pub(super) fn patience_with_probe(&self) -> Duration {
        if self.breaker.is_wary(self.clock.now()) { self.settings.read_timeout } else { self.settings.connect_timeout }
    }

    /// Ends whatever connection there is, for good.
    pub(crate) fn shut(&self) {
        let session = lock(&self.beats).session;
        self.close_session(session);
        self.gate.distrust();
    }

    /// Notes what the server's clock said when it was asked at `asked_at`.
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

    /// From here on beats of this connection count.
    pub(crate) fn open_session(&self, session: u64) {
        let mut beats = lock(&self.beats);
        *beats = Beats { session, ..Beats::default() };
    }

    /// Begins to use a connection, unless it is closed already. Its epoch is that of the last beat: namespaces may have moved
    /// since the first one, when there was no connection in use to tell. The model in `tests/model` found that.
    pub(super) fn set_live(&self, live: Arc<Live>) {
        let beats = lock(&self.beats);
        if beats.session != live.number {
            return;
        }
        if let Some(namespace_epoch) = &beats.namespace_epoch {
            self.move_epoch(&live, namespace_epoch);
        }
        self.live.store(Some(live));
        drop(beats);
        self.usable.notify_waiters();
    }

    /// The connection is not to be used any more: nothing local may answer from here on, and nothing that was there
    /// before may come back. Does nothing where another connection has taken its place.
    pub(crate) fn close_session(&self, session: u64) {
        let mut beats = lock(&self.beats);
        if beats.session != session {
            return;
        }
        beats.session = 0;
        beats.under_way.clear();
        let was_trusted = beats.last.is_some();
        self.live.store(None);
        self.gate.distrust();
        drop(beats);
        // An attempt that came to nothing leaves what was loaded without it.
        if was_trusted {
            self.forget_local();
        }
        self.lost.notify_one();
    }

    /// Forgets everything local: news may have been missed.
    pub(super) fn forget_local(&self) {
        #[cfg(feature = "testing")]
        if self.lacks(crate::testing::Weakness::KeepLocal) {
            return;
        }
        self.pending_writers.clear();
        self.gate.flush();
    }

    /// A writer was registered on a method; `expiry` is in milliseconds of the server's clock.
    pub(super) fn writer_registered(&self, method: ScopeHash, token: &str, expiry: u64) {
        let now = self.clock.now();
        // Without a connection in use the server's time is not known, and the local tier is not trusted.
        let expiry = self.live.load_full().map_or(now, |live| live.moment_of(expiry, now));
        self.pending_writers.add(&self.gate, method, token, expiry, now);
    }

    /// Forgets the methods whose pending writers did not finish in time.
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

    /// Notes that a beat is about to be sent. It counts from here, not from its return: what was invalidated before
    /// the sending has been heard when it is back, what came later has not.
    pub(crate) fn beat_sent(&self) -> (u64, Moment) {
        let nonce = chance::token();
        let now = self.clock.now();
        let mut beats = lock(&self.beats);
        if beats.under_way.len() == MAX_BEATS {
            beats.under_way.pop_front();
        }
        beats.under_way.push_back(UnderWay { nonce, sent: now, watch: self.clock.stopwatch() });
        (nonce, now)
    }

    /// The namespace epochs as the current connection last told them.
    pub(super) fn namespace_epoch(&self) -> Option<String> {
        lock(&self.beats).namespace_epoch.clone()
    }

    pub(super) fn beat_returned(&self, session: u64, nonce: u64, namespace_epoch: &str) {
        let mut beats = lock(&self.beats);
        let Some(at) = beats.under_way.iter().position(|known| known.nonce == nonce) else { return };
        if beats.session != session || beats.subscribed != lock(&self.namespaces).len() {
            return;
        }
        let Some(UnderWay { sent, watch, .. }) = beats.under_way.drain(..=at).next_back() else { return };
        if beats.namespace_epoch.as_deref() != Some(namespace_epoch) {
            self.namespace_moved(&mut beats, namespace_epoch);
        }
        beats.last = Some(LastBeat { sent, returned: self.clock.now(), lag: watch.elapsed() });
        // Under the lock: a connection that is closed at this moment must not be trusted by its last beat.
        self.gate.trust_until(self.trust_of_a_beat(sent));
        drop(beats);
        self.beat_back.notify_one();
        self.usable.notify_waiters();
    }

    /// Until when a beat that was sent then lets the local tier answer.
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

    /// What is current on the server of this connection.
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

    fn move_epoch(&self, live: &Live, namespace_epoch: &str) {
        live.move_to(self.epoch_of(&*live.session, namespace_epoch));
    }

    fn namespace_moved(&self, beats: &mut Beats, namespace_epoch: &str) {
        beats.namespace_epoch = Some(namespace_epoch.to_owned());
        if let Some(live) = self.live.load_full() {
            self.move_epoch(&live, namespace_epoch);
        }
        self.forget_local();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
