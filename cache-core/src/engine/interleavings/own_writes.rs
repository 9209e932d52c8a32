//! T4: an instance reads what it has written, even if a load was in progress.

use super::{Instance, Row};
use crate::protocol::Protection;
use crate::runtime::explore::many_orders;

/// Writes while another task of the instance reads. Returns the lowest value that the writer reads afterwards.
fn write_against_a_load(without: Option<Protection>) -> u64 {
    let row = Row::new(1);
    let instance = Instance::single(&row, without);
    let reader = {
        let instance = instance.clone();
        shuttle::future::spawn(async move { instance.get().await })
    };
    shuttle::future::block_on(async move {
        instance.set(2).await;
        let read = instance.get().await;
        reader.await.unwrap();
        // The load may end after the first read of the writer: it must not store the old value again.
        read.min(instance.get().await)
    })
}

#[test]
fn a_load_never_hides_a_write_of_its_own_instance() {
    let seen = many_orders("write against a load", || write_against_a_load(None));
    assert_eq!(seen.into_keys().collect::<Vec<_>>(), [2]);
    let seen =
        many_orders("write against a load, no advance", || write_against_a_load(Some(Protection::LocalInvalidation)));
    assert!(seen.contains_key(&1), "the control must see the stale value: {seen:?}");
}
