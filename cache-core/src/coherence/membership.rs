//! What this instance knows of the others, and whether it may read from the shared tier beside them.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use super::Epoch;
use super::fleet::{Barrier, Reply, Rules, View};
use crate::runtime::Moment;
use crate::runtime::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use crate::runtime::sync::{Mutex, MutexGuard, PoisonError};
use crate::tier::remote::{Expired, Heartbeat};

/// The barriers of all namespaces of this instance, and what follows from them.
#[derive(Debug)]
pub(crate) struct Membership {
    rules: Rules,
    state: Mutex<State>,
    /// Whether this instance is outside of the recovery barrier.
    settled: AtomicBool,
    /// Whether a member is silent: methods in mode strict read as during an outage.
    incomplete: AtomicBool,
    /// The longest lease of a member, in milliseconds.
    longest_lease: AtomicU64,
    /// Whether another member has asked for a heartbeat.
    requested: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    barriers: HashMap<String, Barrier>,
    awaited: BTreeSet<String>,
    isolated: BTreeSet<String>,
    expired: Vec<Expired>,
    /// Settled no earlier than this: instances that return to an empty shared tier do so one after the other.
    hold: Moment,
    /// The epochs as of the last reply of any connection.
    epochs: Vec<Epoch>,
    /// The server process of that reply.
    run: Option<String>,
    /// Whether the next reply is the first one of a connection.
    is_first: bool,
    /// What the last heartbeat said of the journal.
    pending: u64,
}

/// What the first reply of a connection shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Return {
    /// It is no first reply, or that of the first connection.
    None,
    /// The shared tier has what it had.
    Kept,
    /// What the shared tier had is of no use any more.
    Emptied,
}

/// What a heartbeat changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Change {
    /// Whether every barrier is over.
    pub(crate) may_settle: bool,
    /// Whether a member has become silent, or a silent one is back. What is local is forgotten either way: the reply that
    /// shows the return may overtake the invalidations of that member on the bus.
    pub(crate) completeness_changed: bool,
    /// Whether the server took the heartbeat for one that was sent before an outage: it is repeated.
    pub(crate) is_stale: bool,
    /// Members that count as isolated from now on.
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

    /// The longest time for which a member may read without a heartbeat.
    pub(crate) fn longest_lease(&self, own: Duration) -> Duration {
        own.max(Duration::from_millis(self.longest_lease.load(Ordering::Acquire)))
    }

    /// A connection begins: each barrier starts with its first reply.
    pub(super) fn connect(&self) {
        let mut state = self.lock();
        state.barriers.values_mut().for_each(Barrier::connect);
        state.hold = Moment::default();
        state.is_first = true;
    }

    /// Compares the server process and the epochs of a reply with those of the connection before.
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

    /// Whether a settled state has to wait for this moment.
    pub(super) fn hold(&self) -> Moment {
        self.lock().hold
    }

    /// Takes in the reply to a heartbeat for these namespaces.
    pub(super) fn observe(&self, namespaces: &[String], heartbeat: &Heartbeat, run: &str, now: Moment) -> Change {
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

    /// The members that were silent for so long that the next heartbeat removes them.
    pub(super) fn take_expired(&self) -> Vec<Expired> {
        std::mem::take(&mut self.lock().expired)
    }

    /// The members that the barrier waits for, and those that it waits for no longer.
    pub(crate) fn missing(&self) -> (Vec<String>, Vec<String>) {
        let state = self.lock();
        (state.awaited.iter().cloned().collect(), state.isolated.iter().cloned().collect())
    }

    /// A message of the bus that concerns members: returns whether a heartbeat is due.
    pub(super) fn hear(&self, message: Message<'_>) -> bool {
        match message {
            Message::Requested(by) if by != self.rules.me => {
                self.requested.store(true, Ordering::Release);
                true
            }
            Message::Announced(by) => by != self.rules.me && !self.is_settled(),
            Message::Requested(_) => false,
        }
    }

    /// Whether other members wait for a heartbeat that says that this many invalidations are pending.
    pub(super) fn is_awaited(&self, pending: u64) -> bool {
        let before = std::mem::replace(&mut self.lock().pending, pending);
        self.requested.swap(false, Ordering::AcqRel) || before > 0 && pending == 0
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a member says on the bus.
#[derive(Debug, Clone, Copy)]
pub(super) enum Message<'a> {
    /// This one asks for heartbeats.
    Requested(&'a str),
    /// This one has sent a heartbeat that others may wait for, or has left.
    Announced(&'a str),
}
