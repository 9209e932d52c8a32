//! R43: a refresh, against a write of its instance. R44: a value that is to be refreshed, against a write.

use super::{Instance, Row};
use crate::policy::ReadPolicy;
use crate::protocol::Protection;
use crate::runtime::explore::many_orders;

/// Every entry is due from its first moment.
const DUE: fn(ReadPolicy) -> ReadPolicy = |policy| policy.jitter_percent(0).refresh_after_percent(0);

/// Writes while a hit starts a refresh. Returns what a read finds after both.
fn write_against_a_refresh(without: Option<Protection>) -> u64 {
    let row = Row::new(1);
    let instance = Instance::single(&row, without).with_policy(DUE);
    shuttle::future::block_on(async move {
        instance.get().await;
        let reader = {
            let instance = instance.clone();
            shuttle::future::spawn(async move { instance.get().await })
        };
        instance.set(2).await;
        let read = instance.get().await;
        reader.await.unwrap();
        while instance.region.is_refreshing() {
            shuttle::future::yield_now().await;
        }
        read.min(instance.get().await)
    })
}

#[test]
fn a_refresh_never_hides_a_write() {
    let seen = many_orders("write against a refresh", || write_against_a_refresh(None));
    assert_eq!(seen.into_keys().collect::<Vec<_>>(), [2]);
    let seen =
        many_orders("write against a refresh, no check", || write_against_a_refresh(Some(Protection::SequenceCheck)));
    assert!(seen.contains_key(&1), "the control must see the stale value: {seen:?}");
}
