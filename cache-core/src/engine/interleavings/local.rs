//! R2: a fill of the local tier, against an invalidation that is received meanwhile.
//!
//! An invalidation advances the sequence of the scope, and then removes its entry. A fill checks the sequence and inserts
//! under the lock that the removal takes.

use shuttle::thread;

use super::{Instance, KEY, Row};
use crate::engine::local::Ends;
use crate::protocol::Protection;
use crate::runtime::Moment;
use crate::runtime::explore::{every_order, many_orders};

/// Fills the local tier from a row that changes and is invalidated meanwhile.
///
/// Returns the local hit afterwards.
fn fill_against_an_invalidation(without: Option<Protection>) -> Option<u64> {
    let row = Row::new(1);
    let instance = Instance::single(&row, without);
    let reader = {
        let (region, row) = (instance.region.clone(), row.clone());
        thread::spawn(move || {
            let begun = region.inner.shared.begin(&region.entry_keys(&KEY));
            let value = row.load();
            region.inner.local.keep(KEY, value, begun.snapshot, Ends { life: Moment::NEVER, limit: Moment::NEVER });
        })
    };
    row.store(2);
    instance.cache.0.coherence.freshness.advance(&instance.scope());
    let found = instance.region.inner.local.find_owned(&KEY).map(|hit| hit.value);
    reader.join().unwrap();
    found.or(instance.region.inner.local.find_owned(&KEY).map(|hit| hit.value))
}

#[test]
fn an_overtaken_local_fill_is_never_read() {
    let seen = every_order("fill against an invalidation", || fill_against_an_invalidation(None));
    assert!(!seen.contains_key(&Some(1)), "a stale hit: {seen:?}");
    assert!(seen.contains_key(&Some(2)) && seen.contains_key(&None), "both ends are reached: {seen:?}");
    let seen = every_order("fill against an invalidation, no check", || {
        fill_against_an_invalidation(Some(Protection::SequenceCheck))
    });
    assert!(seen.contains_key(&Some(1)), "the control must see the stale hit: {seen:?}");
}

#[test]
fn an_invalidation_finds_the_entry_or_is_seen_by_its_fill() {
    let seen = every_order("fill against an invalidation, check before the lock", || {
        fill_against_an_invalidation(Some(Protection::LocalFillOrder))
    });
    assert!(seen.contains_key(&Some(1)), "the control must see the stale hit: {seen:?}");
}

/// Two readers miss while the row changes and is invalidated. Returns the value of a later read.
fn misses_against_an_invalidation(without: Option<Protection>) -> u64 {
    let row = Row::new(1);
    let instance = Instance::single(&row, without);
    let readers = [(); 2].map(|()| {
        let instance = instance.clone();
        shuttle::future::spawn(async move { instance.get().await })
    });
    row.store(2);
    instance.cache.0.coherence.freshness.advance(&instance.scope());
    shuttle::future::block_on(async move {
        for reader in readers {
            reader.await.unwrap();
        }
        instance.get().await
    })
}

#[test]
fn overtaken_reads_leave_no_local_entry() {
    let seen = many_orders("misses against an invalidation", || misses_against_an_invalidation(None));
    assert_eq!(seen.into_keys().collect::<Vec<_>>(), [2]);
    let seen = many_orders("misses against an invalidation, no check", || {
        misses_against_an_invalidation(Some(Protection::SequenceCheck))
    });
    assert!(seen.contains_key(&1), "the control must see the stale hit: {seen:?}");
}
