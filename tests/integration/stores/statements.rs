//! Counts SQL statements by the driver's trace events.

use std::cell::Cell;
use std::sync::Once;

use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

thread_local! {
    static SENT: Cell<u64> = const { Cell::new(0) };
}

/// Counts the statements that a future sends on Postgres, on a single-threaded runtime.
///
/// Other drivers emit their events on a thread of their own.
pub(super) async fn count(sends: impl Future<Output = ()>) -> u64 {
    listen();
    let before = SENT.get();
    sends.await;
    SENT.get() - before
}

/// Installs the subscriber for the whole process.
///
/// A thread's own subscriber would miss an event that another thread reached first.
fn listen() {
    static LISTENING: Once = Once::new();
    LISTENING.call_once(|| {
        tracing::subscriber::set_global_default(Statements).expect("no other test listens");
        tracing::callsite::rebuild_interest_cache();
    });
}

struct Statements;

impl Subscriber for Statements {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "sqlx::query"
    }

    fn event(&self, _: &Event<'_>) {
        SENT.set(SENT.get() + 1);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}
