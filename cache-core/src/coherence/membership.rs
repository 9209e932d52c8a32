//! Tracks the other members and decides whether this instance may read the shared tier.
//!
//! The rules are in `fleet`, which is pure. Here they meet the replies of heartbeats, for all namespaces of the
//! instance.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use super::fleet::{Barrier, Reply, Rules, View};
use crate::protocol::{Epoch, Expired, HeartbeatReply};
use crate::runtime::Moment;
use crate::runtime::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use crate::runtime::sync::{Mutex, MutexGuard, PoisonError};

/// The recovery barriers of all namespaces of this instance, and their combined result.
#[derive(Debug)]
pub(crate) struct Membership {
    rules: Rules,
    state: Mutex<State>,
    /// Whether this instance is outside the recovery barrier.
    settled: AtomicBool,
    /// Whether a member is silent; methods in mode strict then read as during an outage.
    incomplete: AtomicBool,
    /// The longest lease of any other member, in milliseconds.
    longest_lease: AtomicU64,
    /// Whether another member has requested a heartbeat.
    requested: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    barriers: HashMap<String, Barrier>,
    awaited: BTreeSet<String>,
    isolated: BTreeSet<String>,
    expired: Vec<Expired>,
    /// The earliest moment to settle: instances return to an empty shared tier one after another.
    hold: Moment,
    /// The epochs as of the last reply of any connection.
    epochs: Vec<Epoch>,
    /// The server process of that reply.
    run: Option<String>,
    /// Whether the next reply is the first of a connection.
    is_first: bool,
    /// The number of pending invalidations that the last heartbeat reported.
    pending: u64,
}

/// The state of the shared tier as a connection's first reply shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Return {
    /// Not the first reply of a connection, or the first connection of the process.
    None,
    /// The shared tier has kept its data.
    Kept,
    /// The entries of the shared tier are no longer valid.
    Emptied,
}

/// The changes that a heartbeat reply brought.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Change {
    /// Whether this instance may leave the recovery barrier.
    pub(crate) may_settle: bool,
    /// Whether a member has become silent, or a silent member has returned.
    ///
    /// Both flush the local tier: the reply that shows the return may overtake the invalidations of that member on the
    /// bus.
    pub(crate) completeness_changed: bool,
    /// Whether the server treated the heartbeat as sent before an outage; it is then repeated.
    pub(crate) is_stale: bool,
    /// Members that became isolated with this reply.
    pub(crate) newly_isolated: Vec<String>,
}

impl Membership {
    pub(crate) fn new(me: &str, limit: Duration) -> Self {
        Self {
            rules: Rules { me: me.to_owned(), limit },
            state: Mutex::default(),
            settled: AtomicBool::new(false),
            incomplete: AtomicBool::new(false),
            longest_lease: AtomicU64::new(0),
            requested: AtomicBool::new(false),
        }
    }

    pub(crate) fn is_settled(&self) -> bool {
        self.settled.load(Ordering::Acquire)
    }

    pub(super) fn set_settled(&self, settled: bool) {
        self.settled.store(settled, Ordering::Release);
    }

    pub(crate) fn is_incomplete(&self) -> bool {
        self.incomplete.load(Ordering::Acquire)
    }

    /// The longest lease of any member, including this one.
    pub(crate) fn longest_lease(&self, own: Duration) -> Duration {
        own.max(Duration::from_millis(self.longest_lease.load(Ordering::Acquire)))
    }

    /// Marks the start of a connection; each barrier starts with its first reply.
    pub(super) fn connect(&self) {
        let mut state = self.lock();
        state.barriers.values_mut().for_each(Barrier::connect);
        state.hold = Moment::default();
        state.is_first = true;
    }

    /// Compares a reply's server process and epochs with those of the previous connection.
    pub(super) fn first_epochs(&self, run: &str, epochs: &[Epoch]) -> Return {
        let mut state = self.lock();
        let before = std::mem::replace(&mut state.epochs, epochs.to_vec());
        let run_before = state.run.replace(run.to_owned());
        let is_first = std::mem::take(&mut state.is_first);
        match run_before {
            Some(before_run) if is_first && before_run == run && before.first() == epochs.first() => Return::Kept,
            Some(_) if is_first => Return::Emptied,
            _ => Return::None,
        }
    }

    pub(super) fn set_hold(&self, until: Moment) {
        self.lock().hold = until;
    }

    /// The earliest moment at which this instance may settle.
    pub(super) fn hold(&self) -> Moment {
        self.lock().hold
    }

    /// Processes the reply to a heartbeat for these namespaces.
    pub(super) fn observe(&self, namespaces: &[String], heartbeat: &HeartbeatReply, run: &str, now: Moment) -> Change {
        let mut state = self.lock();
        let (mut all, mut expired) = (View::default(), Vec::new());
        for (place, (namespace, (_, members))) in namespaces.iter().zip(&heartbeat.namespaces).enumerate() {
            let barrier = state.barriers.entry(namespace.clone()).or_insert_with(Barrier::entering);
            let reply = Reply { members, server_time: heartbeat.server_time, run, now };
            let view = barrier.observe(reply, &self.rules);
            let over = view.expired.iter().cloned();
            expired.extend(over.map(|(id, sequence)| Expired { namespace: place, id, sequence }));
            all.add(view);
        }
        let isolated: BTreeSet<String> = all.isolated.into_iter().collect();
        let newly_isolated = isolated.difference(&state.isolated).cloned().collect();
        state.awaited = all.awaited.into_iter().collect();
        (state.isolated, state.expired) = (isolated, expired);
        self.longest_lease.store(all.longest_lease, Ordering::Release);
        let completeness_changed = all.incomplete != self.incomplete.swap(all.incomplete, Ordering::AcqRel);
        let is_stale = all.own_pending > state.pending;
        let may_settle = state.awaited.is_empty() && now >= state.hold && !is_stale;
        Change { may_settle, completeness_changed, is_stale, newly_isolated }
    }

    /// Takes the long-silent members that the next heartbeat removes.
    pub(super) fn take_expired(&self) -> Vec<Expired> {
        std::mem::take(&mut self.lock().expired)
    }

    /// The awaited members and the isolated members.
    pub(crate) fn missing(&self) -> (Vec<String>, Vec<String>) {
        let state = self.lock();
        (state.awaited.iter().cloned().collect(), state.isolated.iter().cloned().collect())
    }

    /// Handles a member's request for heartbeats; returns whether a heartbeat is due.
    pub(super) fn requested(&self, by: &str) -> bool {
        let is_due = by != self.rules.me;
        if is_due {
            self.requested.store(true, Ordering::Release);
        }
        is_due
    }

    /// Handles a member's announcement; returns whether a heartbeat is due, whose reply shows the member's state.
    pub(super) fn announced(&self, by: &str) -> bool {
        by != self.rules.me && !self.is_settled()
    }

    /// Whether other members wait for a heartbeat with this number of pending invalidations.
    pub(super) fn is_awaited(&self, pending: u64) -> bool {
        let before = std::mem::replace(&mut self.lock().pending, pending);
        self.requested.swap(false, Ordering::AcqRel) || before > 0 && pending == 0
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
