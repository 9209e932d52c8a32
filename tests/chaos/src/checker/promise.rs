//! When a write is due, and to which readers.
//!
//! The protocol documents the few exceptions to its promise. Here they are conditions:
//!
//! - The write was not delivered, because the writer alone could not reach Redis: other processes show it once the
//!   journal is delivered. In an outage of all processes there is no exception: a process that reconnects waits for the
//!   others' journals.
//! - The lock did not last until the end of the write (Redis lost its data, or the writer took longer than a lock lives):
//!   the release invalidates entries filled meanwhile, so the lease counts from there and not from the write lock.
//! - The write was not acknowledged (its writer was killed or cancelled, or the database did not answer) but is in the
//!   store: it is due when its lock expires. If the lock was lost before that, nothing is due.

use super::facts::{Facts, Reach};
use crate::history::{Commit, Mode, Outcome, Run, Write};

/// How far the kernel's coarse clock may lag.
const CLOCK_NS: u64 = 10_000_000;

/// The times after which a read must show a write, by tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Due {
    pub(super) own: Option<u64>,
    pub(super) store: Option<u64>,
    pub(super) shared: Option<u64>,
    pub(super) local: Option<u64>,
    pub(super) degraded: Option<u64>,
    /// For a reader that has observed the write's session token.
    pub(super) observed: Option<u64>,
    /// Why it was acknowledged without delivery; `None` if it was delivered.
    pub(super) undelivered: Option<Reach>,
    /// Whether Redis had the lock from its placement to the acknowledgement.
    pub(super) lock_lasted: bool,
}

/// When a committed write is due.
pub(super) fn due(facts: &Facts<'_>, commit: &Commit, mode: Mode) -> Due {
    let write = facts.writes.get(&commit.id).copied();
    match write {
        Some(write) if write.outcome == Outcome::Ok => acknowledged(facts, commit, write, mode),
        Some(write) => abandoned(facts, commit, Some(write.start), write.end),
        None => facts.death(&commit.process).map_or(Due::default(), |death| abandoned(facts, commit, None, death)),
    }
}

fn acknowledged(facts: &Facts<'_>, commit: &Commit, write: &Write, mode: Mode) -> Due {
    let (run, ack) = (facts.run, write.end);
    let lock_lasted = commit.locked && ack < write.start + run.lock_ns && !facts.lock_was_lost(write.start, ack);
    let is_delivered = lock_lasted || write.released == Some(true);
    let delivered = if is_delivered { Some(ack) } else { facts.delivered_after(&write.process, ack) };
    let undelivered = (!is_delivered).then(|| facts.reach(&write.process, write.start, ack, delivered));
    let shared = if undelivered == Some(Reach::Outage) { Some(ack) } else { delivered };
    let local = match mode {
        Mode::Strict if write.released == Some(true) => Some(ack),
        _ if lock_lasted => Some(ack.max(commit.begun + run.lease_ns)),
        _ => shared.map(|shared| shared + run.lease_ns),
    };
    Due {
        own: Some(ack),
        store: Some(ack),
        shared,
        local,
        degraded: Some(ack + degraded_ns(run)),
        observed: delivered,
        undelivered,
        lock_lasted,
    }
}

/// The maximum age of a degraded read, including the lag of the expiry clock.
fn degraded_ns(run: &Run) -> u64 {
    run.degraded_ttl_ns + CLOCK_NS
}

/// A committed write without an acknowledgement. `end` is the end of its caller.
fn abandoned(facts: &Facts<'_>, commit: &Commit, start: Option<u64>, end: u64) -> Due {
    let run = facts.run;
    // The lock was placed before the call of the store, and took no longer than a write waits for Redis.
    let start = start.unwrap_or(commit.begun.saturating_sub(run.write_timeout_ns));
    let over = end + run.lock_ns;
    let is_short = end.saturating_sub(start) < run.lock_ns / 2;
    if !commit.locked || !is_short || facts.lock_was_lost(start, over) {
        return Due::default();
    }
    let degraded = Some(over + degraded_ns(run));
    Due {
        own: None,
        store: Some(over),
        shared: Some(over),
        local: Some(over + run.lease_ns),
        degraded,
        observed: Some(over),
        undelivered: None,
        lock_lasted: true,
    }
}
