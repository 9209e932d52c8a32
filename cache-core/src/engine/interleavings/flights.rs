//! R13, R14: whole reads that wait for each other.

use shuttle::future;

use super::{Instance, Row};
use crate::protocol::Protection;
use crate::runtime::explore::many_orders;

/// Reads three times during a write. Returns whether a read began after the acknowledgement and returned the old value.
fn reads_against_a_write(without: Option<Protection>) -> bool {
    let (row, acknowledged) = (Row::new(1), Row::new(1));
    let instance = Instance::single(&row, without);
    let readers = [(); 3].map(|()| {
        let (instance, acknowledged) = (instance.clone(), acknowledged.clone());
        future::spawn(async move {
            let acknowledged = acknowledged.load();
            instance.get().await < acknowledged
        })
    });
    future::block_on(async move {
        instance.set(2).await;
        acknowledged.store(2);
        let mut stale = false;
        for reader in readers {
            stale |= reader.await.unwrap();
        }
        stale
    })
}

#[test]
fn a_read_returns_at_least_the_last_acknowledged_write() {
    let seen = many_orders("reads against a write", || reads_against_a_write(None));
    assert_eq!(seen.into_keys().collect::<Vec<_>>(), [false]);
    let seen = many_orders("reads against a write, any flight", || reads_against_a_write(Some(Protection::NextFlight)));
    assert!(seen.contains_key(&true), "the control must see the stale value: {seen:?}");
}

/// Drops a caller whose load runs in its own call, while two others wait for it. Both receive the value.
fn a_caller_is_dropped() -> Vec<u64> {
    let row = Row::new(1);
    let instance = Instance::single(&row, Some(Protection::LoadTask));
    let [first, second, third] = [(); 3].map(|()| {
        let instance = instance.clone();
        future::spawn(async move { instance.get().await })
    });
    future::block_on(async move {
        first.abort();
        let _ = first.await;
        vec![second.await.unwrap(), third.await.unwrap()]
    })
}

#[test]
fn a_dropped_caller_leaves_no_other_caller_waiting() {
    let seen = many_orders("a caller is dropped", a_caller_is_dropped);
    assert_eq!(seen.into_keys().collect::<Vec<_>>(), [vec![1, 1]]);
}
