//! R13, R14: three tasks arrive at one key, lead or follow flights, and are dropped.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use shuttle::future;

use super::{Arrival, Flights, Found, Outcome, Source};
use crate::runtime::explore::many_orders;

type Table = Flights<u8, u64>;

/// Counts events. The explorer runs one thread at a time, so the counter itself needs no switching point.
#[derive(Debug, Default)]
struct Time(AtomicU64);

impl Time {
    fn pass(&self) -> u64 {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }
}

/// The behaviour of a caller that leads a flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leader {
    Finishes,
    /// Is dropped without an outcome.
    Leaves,
}

/// Reads the key; a flight's value is the time when its look-up began.
///
/// Returns whether the caller took a value from before its arrival.
async fn call(flights: Arc<Table>, time: Arc<Time>, leader: Leader) -> bool {
    let arrived = time.pass();
    loop {
        let (lead, before) = match flights.arrive(&1, false) {
            Arrival::Lead(lead) => (lead, None),
            Arrival::LeadAfter(lead, before) => (lead, Some(before)),
            Arrival::Follow(flight) => match flight.outcome().await {
                Outcome::Found(found) => return found.value < arrived,
                _ => continue,
            },
        };
        if leader == Leader::Leaves {
            return false;
        }
        if let Some(before) = before {
            before.outcome().await;
        }
        let began = time.pass();
        future::yield_now().await;
        lead.finish(Outcome::Found(Found { value: began, source: Source::Store, fence: None }));
        return began < arrived;
    }
}

/// Three callers read one key. Returns whether one of them took a value from before its arrival.
///
/// Every caller must return, and no flight may remain.
fn three_callers(flights: fn() -> Arc<Table>, third: Leader) -> bool {
    let (flights, time) = (flights(), Arc::new(Time::default()));
    let callers = [Leader::Finishes, Leader::Finishes, third]
        .map(|leader| future::spawn(call(Arc::clone(&flights), Arc::clone(&time), leader)));
    let took_older = future::block_on(async {
        let mut took_older = false;
        for caller in callers {
            took_older |= caller.await.unwrap();
        }
        took_older
    });
    assert_eq!(flights.len(), 0, "a flight without a caller");
    took_older
}

#[test]
fn no_caller_takes_an_outcome_from_before_its_arrival() {
    let seen = many_orders("three callers", || three_callers(|| Table::new(true), Leader::Finishes));
    assert_eq!(seen.into_keys().collect::<Vec<_>>(), [false]);
    let seen = many_orders("three callers, any flight", || three_callers(|| Table::new(false), Leader::Finishes));
    assert!(seen.contains_key(&true), "the control must take an older outcome: {seen:?}");
}

/// Fails with a deadlock if an abandoned flight is not ended (`Lead::drop`).
#[test]
fn no_follower_waits_forever_for_a_dropped_leader() {
    let seen = many_orders("three callers, one dropped", || three_callers(|| Table::new(true), Leader::Leaves));
    assert_eq!(seen.into_keys().collect::<Vec<_>>(), [false]);
}
