//! R1: a fill of the shared tier, against a write of another instance.

use super::{Instance, Row};
use crate::protocol::Protection;
use crate::runtime::explore::many_orders;
use crate::tier::shared::MemoryRemote;

/// Reads on one instance while another one writes. Returns the lower of the two values that the instances read after
/// the acknowledgement of the write.
fn read_against_a_write(without: Option<Protection>) -> u64 {
    shuttle::future::block_on(async move {
        let (remote, row) = (MemoryRemote::new(), Row::new(1));
        let reader = Instance::of(&remote, &row, without).await;
        let writer = Instance::of(&remote, &row, without).await;
        let reading = {
            let reader = reader.clone();
            shuttle::future::spawn(async move {
                reader.get().await;
                reader
            })
        };
        writer.set(2).await;
        let reader = reading.await.unwrap();
        // This also waits for the fill that follows the reader's result.
        reader.cache.shutdown().await;
        writer.get().await
    })
}

#[test]
fn an_overtaken_fill_is_never_a_hit() {
    let seen = many_orders("read against a write", || read_against_a_write(None));
    assert_eq!(seen.into_keys().collect::<Vec<_>>(), [2]);
    let seen = many_orders("read against a write, no fence", || read_against_a_write(Some(Protection::Fence)));
    assert!(seen.contains_key(&1), "the control must see the stale hit: {seen:?}");
}
