//! The end of a connection, against messages that are still arriving over it.

use std::sync::Arc;

use shuttle::thread;

use crate::coherence::{Coherence, Listener};
use crate::config::Settings;
use crate::freshness::MethodEntries as _;
use crate::freshness::probe::Probe;
use crate::process::Process;
use crate::protocol::{Backend, Bus as _, ScopeHash};
use crate::runtime::explore::every_order;
use crate::runtime::{Clock, ManualClock};

const FIRST: u64 = 1;
const SECOND: u64 = 2;

fn instance() -> Arc<Coherence> {
    let process = Process::new(Clock::from(ManualClock::new()), Settings::default(), Backend::Memory);
    Arc::new(Coherence::new(Arc::new(process)))
}

fn is_trusted(instance: &Coherence) -> bool {
    instance.freshness.is_trusted(instance.process.clock.now())
}

/// Sends a heartbeat over this connection; returns the message that carries it back.
fn heartbeat(instance: &Coherence) -> Vec<u8> {
    format!("B {} epoch", instance.heartbeat_sent().0).into_bytes()
}

/// Opens a connection of an instance outside the recovery barrier.
fn open(instance: &Coherence, connection: u64) {
    instance.begin_connection(connection);
    instance.membership.set_settled(true);
}

fn receive(instance: &Arc<Coherence>, connection: u64, message: &[u8]) {
    Listener { coherence: Arc::clone(instance), connection }.message(message);
}

/// Ends a connection while its last heartbeat returns.
///
/// Returns whether the local tier is trusted afterwards, and whether earlier entries may answer.
fn end_against_a_heartbeat() -> (bool, bool) {
    let instance = instance();
    open(&instance, FIRST);
    receive(&instance, FIRST, &heartbeat(&instance));
    let before = Probe::on(&instance.freshness, ScopeHash(2));
    let message = heartbeat(&instance);
    let returning = {
        let instance = Arc::clone(&instance);
        thread::spawn(move || receive(&instance, FIRST, &message))
    };
    instance.close_connection(FIRST);
    let at_once = is_trusted(&instance);
    returning.join().unwrap();
    (at_once || is_trusted(&instance), before.sequence() == 0)
}

/// Fails if the lease is renewed after the lock is released (`Coherence::heartbeat_returned`).
#[test]
fn the_last_heartbeat_does_not_restore_trust() {
    let seen = every_order("end against a heartbeat", end_against_a_heartbeat);
    assert_eq!(seen.into_keys().collect::<Vec<_>>(), [(false, false)]);
}

/// Ends a connection and begins the next one while a heartbeat of the first one returns.
///
/// Returns whether the local tier is trusted before the second connection has had a heartbeat of its own.
fn next_against_a_late_heartbeat() -> bool {
    let instance = instance();
    open(&instance, FIRST);
    let message = heartbeat(&instance);
    let returning = {
        let instance = Arc::clone(&instance);
        thread::spawn(move || receive(&instance, FIRST, &message))
    };
    instance.close_connection(FIRST);
    open(&instance, SECOND);
    heartbeat(&instance);
    returning.join().unwrap();
    is_trusted(&instance)
}

/// Fails if heartbeats in transit survive the end of their connection and its number is not compared.
#[test]
fn a_heartbeat_of_the_previous_connection_proves_nothing() {
    let seen = every_order("the next connection against a late heartbeat", next_against_a_late_heartbeat);
    assert_eq!(seen.into_keys().collect::<Vec<_>>(), [false]);
}

/// Detects a lost connection in two threads, and begins the next one in one of them.
///
/// The first heartbeat of the next connection has returned.
///
/// Returns whether the local tier is trusted.
fn two_ends() -> bool {
    let instance = instance();
    open(&instance, FIRST);
    let other = {
        let instance = Arc::clone(&instance);
        thread::spawn(move || instance.close_connection(FIRST))
    };
    instance.close_connection(FIRST);
    open(&instance, SECOND);
    let message = heartbeat(&instance);
    receive(&instance, SECOND, &message);
    other.join().unwrap();
    is_trusted(&instance)
}

/// Fails if the lease is revoked after the lock is released (`Coherence::close_connection`).
#[test]
fn a_late_disconnect_does_not_affect_the_next_connection() {
    let seen = every_order("two ends of one connection", two_ends);
    assert_eq!(seen.into_keys().collect::<Vec<_>>(), [true]);
}
