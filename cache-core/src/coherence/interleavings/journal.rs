//! Writes while the journal is delivered.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use shuttle::thread;

use crate::coherence::{Due, Journal};
use crate::protocol::Scope;
use crate::runtime::explore::every_order;

/// The times of the scope's last write and its last delivery, from one counter.
///
/// The explorer runs one thread at a time, so the counter itself needs no switching point.
#[derive(Debug, Default)]
struct Times {
    now: AtomicU64,
    written: AtomicU64,
    received: AtomicU64,
}

impl Times {
    fn note(&self, event: &AtomicU64) {
        event.store(self.now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
    }

    /// Whether Redis has executed an invalidation since the last write.
    fn is_received(&self) -> bool {
        self.received.load(Ordering::SeqCst) > self.written.load(Ordering::SeqCst)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Drain {
    AsItIs,
    /// Marks the scopes that are due at the end as delivered, instead of those that were sent.
    Careless,
}

fn drain(journal: &Journal, times: &Times, how: Drain) {
    let Some(due) = journal.due() else { return };
    times.note(&times.received);
    match how {
        Drain::AsItIs => delivered(journal, &due),
        Drain::Careless => delivered(journal, &journal.due().expect("it was due a moment ago")),
    }
}

fn delivered(journal: &Journal, due: &Due) {
    if due.everything {
        journal.epochs_moved(due);
    }
    journal.delivered(&due.scopes, due);
}

/// Delivers a pending scope while it is written again.
///
/// Returns whether the second write is in the journal or was delivered, both when the writer is acknowledged and at the
/// end.
fn write_against_a_drain(others: usize, how: Drain) -> bool {
    let (journal, times) = (Arc::new(Journal::default()), Arc::new(Times::default()));
    let scope = Scope::new("ns:e:1");
    journal.add(std::slice::from_ref(&scope));
    let others: Vec<Scope> = (0..others).map(|number| Scope::new(&format!("ns:e:other:{number}"))).collect();
    let writer = {
        let (journal, times, scope) = (Arc::clone(&journal), Arc::clone(&times), scope.clone());
        thread::spawn(move || {
            times.note(&times.written);
            journal.add(&others);
            journal.add(std::slice::from_ref(&scope));
            journal.holds(std::slice::from_ref(&scope)) || times.is_received()
        })
    };
    drain(&journal, &times, how);
    writer.join().unwrap() && (journal.holds(&[scope]) || times.is_received())
}

#[test]
fn an_addition_during_a_drain_is_not_lost() {
    let seen = every_order("write against a drain", || write_against_a_drain(0, Drain::AsItIs));
    assert_eq!(seen.into_keys().collect::<Vec<_>>(), [true]);
    let seen = every_order("write against a careless drain", || write_against_a_drain(0, Drain::Careless));
    assert!(seen.contains_key(&false), "the control must lose the write: {seen:?}");
}

/// The journal overflows during the delivery.
#[test]
fn an_overflow_during_a_drain_is_not_lost() {
    let seen = every_order("overflow against a drain", || write_against_a_drain(3, Drain::AsItIs));
    assert_eq!(seen.into_keys().collect::<Vec<_>>(), [true]);
    let seen = every_order("overflow against a careless drain", || write_against_a_drain(3, Drain::Careless));
    assert!(seen.contains_key(&false), "the control must lose the write: {seen:?}");
}
