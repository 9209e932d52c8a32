//! Batch reads keep every guarantee of single reads.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use cache_core::Cache;
use cache_core::testing::{Operation, Protection};

use super::register::{CachingRegister, RegisterError, Rows, Stop};
use super::sync_points::until;
use super::world::World;

fn map<const N: usize>(pairs: [(u64, u64); N]) -> BTreeMap<u64, u64> {
    BTreeMap::from(pairs)
}

/// R1 with a batch as the slow reader.
///
/// Returns what a third instance reads for the written key.
async fn slow_fill_of_a_batch(world: World) -> Option<u64> {
    let (reader, writer, third) = (world.instance().await, world.instance().await, world.instance().await);
    world.rows.seed(1, 10);
    world.rows.seed(2, 11);
    let point = world.rows.stop_next(Stop::AfterRead);
    let slow = reader.spawn_get_many(&[1, 2]);
    point.reached().await;
    writer.set(1, 20).await;
    point.open();
    assert_eq!(slow.await.unwrap(), map([(1, 10), (2, 11)]), "it began before the write");
    until("the slow fill is stored", || reader.stats().fills == 2).await;
    assert_eq!(third.get(2).await, Some(11));
    assert_eq!(third.stats().shared_hits, 1, "an absence is an entry like any other");
    third.store.get_many(&[1, 2]).await.unwrap().remove(&1)
}

#[tokio::test]
async fn r1_a_slow_batch_does_not_restore_an_old_value() {
    for world in World::each(None) {
        assert_eq!(slow_fill_of_a_batch(world).await, Some(20));
    }
    for world in World::each(Some(Protection::Fence)) {
        assert_eq!(slow_fill_of_a_batch(world).await, Some(10), "the control must see the stale value");
    }
}

/// R2 and R3: the invalidation overtakes the shared tier's answer to a batch.
///
/// Returns what the reader reads next.
async fn slow_answer_to_a_batch(world: World) -> Option<u64> {
    let (reader, writer) = (world.instance().await, world.instance().await);
    world.rows.seed(1, 10);
    world.rows.seed(2, 11);
    writer.store.get_many(&[1, 2]).await.unwrap();
    until("the values are in the shared tier", || writer.stats().fills == 2).await;
    reader.chaos.hold(Operation::ReadReply);
    let slow = reader.spawn_get_many(&[1, 2]);
    until("the reply is in transit", || reader.chaos.begun(Operation::ReadReply) == 1).await;
    let received = reader.cache.invalidations_received();
    writer.set(1, 20).await;
    until("the invalidation is received", || reader.cache.invalidations_received() > received).await;
    reader.chaos.release(Operation::ReadReply);
    assert_eq!(slow.await.unwrap(), map([(1, 10), (2, 11)]));
    assert_eq!(reader.stats().shared_hits, 2, "the old value came from the shared tier");
    assert_eq!(reader.store.peek_get(2), Some(Some(11)), "the other key was not written");
    reader.get(1).await
}

#[tokio::test]
async fn r3_a_batch_reply_overtaken_by_the_invalidation_does_not_enter_the_local_tier() {
    for world in World::each(None) {
        assert_eq!(slow_answer_to_a_batch(world).await, Some(20));
    }
    for world in World::each(Some(Protection::SequenceCheck)) {
        assert_eq!(slow_answer_to_a_batch(world).await, Some(10), "the control must see the stale value");
    }
}

/// R13: starts a batch after a write, while an older batch holds the previous value.
///
/// The batches share one key. Returns what the second batch reads for it.
async fn batch_after_the_write_meets_an_old_batch(world: World) -> Option<u64> {
    let (reader, writer) = (world.instance().await, world.instance().await);
    world.rows.seed(1, 10);
    world.rows.seed(2, 11);
    let point = world.rows.stop_next(Stop::AfterRead);
    let old = reader.spawn_get_many(&[1, 2]);
    point.reached().await;
    writer.set(1, 20).await;
    let new = reader.spawn_get_many(&[3, 1]);
    until("the second batch has loaded the free keys", || world.rows.batches().contains(&vec![3])).await;
    point.open();
    old.await.unwrap();
    new.await.unwrap().remove(&1)
}

#[tokio::test]
async fn r13_a_batch_begun_after_the_write_does_not_take_an_older_batchs_outcome() {
    for world in World::each(None) {
        assert_eq!(batch_after_the_write_meets_an_old_batch(world).await, Some(20));
    }
    for world in World::each(Some(Protection::NextFlight)) {
        assert_eq!(
            batch_after_the_write_meets_an_old_batch(world).await,
            Some(10),
            "the control must see the old value"
        );
    }
}

/// R10, R31: during the write of a key, no fill of it is kept.
#[tokio::test]
async fn a_batch_under_a_write_lock_is_loaded_and_not_cached() {
    for world in World::each(None) {
        let (reader, writer) = (world.instance().await, world.instance().await);
        world.rows.seed(1, 10);
        world.rows.seed(2, 11);
        let point = world.rows.stop_next(Stop::BeforeCommit);
        let write = writer.spawn_set(1, 20);
        point.reached().await;
        assert_eq!(reader.store.get_many(&[1, 2]).await.unwrap(), map([(1, 10), (2, 11)]));
        assert_eq!(reader.store.peek_get(1), None);
        assert_eq!(reader.store.peek_get(2), Some(Some(11)));
        point.open();
        write.await.unwrap();
        assert_eq!(reader.store.get_many(&[1, 2]).await.unwrap(), map([(1, 20), (2, 11)]));
    }
}

#[tokio::test]
async fn overlapping_batches_load_each_key_once() {
    for world in World::each(None) {
        let reader = world.instance().await;
        (0..100).for_each(|key| world.rows.seed(key, key));
        let point = world.rows.stop_next(Stop::AfterRead);
        let first = reader.spawn_get_many(&(0..60).collect::<Vec<_>>());
        point.reached().await;
        let second = reader.spawn_get_many(&(40..100).collect::<Vec<_>>());
        until("the second batch has loaded the free keys", || world.rows.batches().len() == 2).await;
        let single = reader.spawn_get(50);
        point.open();
        assert_eq!(first.await.unwrap().len(), 60);
        assert_eq!(second.await.unwrap(), (40..100).map(|key| (key, key)).collect());
        assert_eq!(single.await.unwrap(), Some(50));
        assert_eq!(world.rows.batches(), [(0..60).collect::<Vec<_>>(), (60..100).collect()]);
    }
}

/// Batches that lead keys which other batches wait for, in a circle.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cyclic_batches_do_not_wait_for_each_other() {
    for without in [None, Some(Protection::NextFlight)] {
        let world = World::memory(without);
        let reader = world.instance().await;
        (0..8).for_each(|key| world.rows.seed(key, key));
        for _ in 0..200 {
            reader.store.invalidate_all().await;
            let batches: Vec<_> = (0..16)
                .map(|turn: u64| {
                    let mut keys: Vec<u64> = (0..8).collect();
                    keys.rotate_left((turn % 8) as usize);
                    if turn % 2 == 1 {
                        keys.reverse();
                    }
                    reader.spawn_get_many(&keys)
                })
                .collect();
            for batch in batches {
                let answer = tokio::time::timeout(Duration::from_mins(1), batch).await;
                assert_eq!(answer.expect("no circle").unwrap(), (0..8).map(|key| (key, key)).collect());
            }
        }
        assert_eq!(reader.store.get(1).await.unwrap(), Some(1));
    }
}

#[tokio::test]
async fn a_batch_reads_each_tier_once_and_shares_its_entries() {
    for world in World::each(None) {
        let (one, two) = (world.instance().await, world.instance().await);
        (0..10).for_each(|key| world.rows.seed(key, key));
        one.get(0).await;
        until("a single read is stored", || one.stats().fills == 1).await;
        let reads = one.chaos.begun(Operation::Read);
        let before = one.stats();

        let wanted: Vec<u64> = (0..10).chain([0, 5, 99]).collect();
        assert_eq!(one.store.get_many(&wanted).await.unwrap(), (0..10).map(|key| (key, key)).collect());
        let stats = one.stats();
        assert_eq!(one.chaos.begun(Operation::Read), reads + 1, "one round trip");
        assert_eq!(world.rows.batches(), [(1..10).chain([99]).collect::<Vec<_>>()], "one call, each key once");
        assert_eq!(stats.local_hits - before.local_hits, 1);
        assert_eq!((stats.misses - before.misses, stats.loads - before.loads), (10, 1));
        until("the batch is stored", || one.stats().fills == 11).await;

        assert_eq!(two.get(7).await, Some(7));
        assert_eq!(two.get(99).await, None);
        assert_eq!(two.store.get_many(&wanted).await.unwrap().len(), 10);
        assert_eq!(two.stats().loads, 0, "single reads and batches find what a batch has stored");
        assert_eq!((two.stats().shared_hits, two.stats().negative_hits), (11, 2));
        assert_eq!(two.chaos.begun(Operation::Read), 3);

        let reads = two.chaos.begun(Operation::Read);
        assert_eq!(two.store.get_many(&wanted).await.unwrap().len(), 10);
        assert_eq!(two.chaos.begun(Operation::Read), reads, "a batch of local hits makes no request");
        assert_eq!(two.store.get_many(&[]).await.unwrap().len(), 0);
        assert_eq!(two.chaos.begun(Operation::Read), reads, "an empty batch makes no request");
    }
}

#[tokio::test]
async fn a_large_batch_takes_a_round_trip_for_each_thousand_keys() {
    for world in World::each(None) {
        let reader = world.instance().await;
        let keys: Vec<u64> = (0..3_000).collect();
        for key in &keys {
            world.rows.seed(*key, *key);
        }
        // After this read the cache knows the size of an entry.
        reader.get(0).await;
        until("an entry is stored", || reader.stats().fills == 1).await;
        let reads = reader.chaos.begun(Operation::Read);
        assert_eq!(reader.store.get_many(&keys).await.unwrap().len(), 3_000);
        assert_eq!(reader.chaos.begun(Operation::Read), reads + 3);
        assert_eq!(world.rows.batches().len(), 1, "and one call of the store");
        until("everything is stored", || reader.stats().fills == 3_000).await;
    }
}

/// R14: followers of a batch that is dropped, panics or fails receive an answer.
#[tokio::test]
async fn a_dropped_caller_of_a_batch_neither_ends_nor_repeats_its_load() {
    for world in World::each(None) {
        let reader = world.instance().await;
        world.rows.seed(1, 10);
        let point = world.rows.stop_next(Stop::AfterRead);
        let gone = reader.spawn_get_many(&[1, 2]);
        point.reached().await;
        gone.abort();
        assert!(gone.await.unwrap_err().is_cancelled());
        let waits = reader.spawn_get(1);
        point.open();
        assert_eq!(waits.await.unwrap(), Some(10));
        assert_eq!(world.rows.loads(), 1);
    }
}

#[tokio::test]
async fn a_batch_dropped_before_its_load_leaves_no_caller_waiting() {
    for world in World::each(None) {
        let reader = world.instance().await;
        world.rows.seed(1, 10);
        reader.chaos.hold(Operation::Read);
        let gone = reader.spawn_get_many(&[1, 2]);
        until("the batch has sent its read", || reader.chaos.begun(Operation::Read) == 1).await;
        let waits = reader.spawn_get(1);
        let waits_too = reader.spawn_get_many(&[2, 1]);
        gone.abort();
        assert!(gone.await.unwrap_err().is_cancelled());
        reader.chaos.release(Operation::Read);
        assert_eq!(waits.await.unwrap(), Some(10));
        assert_eq!(waits_too.await.unwrap(), map([(1, 10)]));
    }
}

#[tokio::test]
async fn a_panic_or_an_error_of_a_batch_reaches_all_followers_and_is_not_cached() {
    for world in World::each(None) {
        let reader = world.instance().await;
        world.rows.seed(1, 10);
        world.rows.panics.store(true, Ordering::SeqCst);
        let error = reader.store.get_many(&[1, 2]).await.unwrap_err();
        assert!(matches!(&error, RegisterError::Cache(text) if text.contains("panics on command")), "{error:?}");
        world.rows.fails.store(true, Ordering::SeqCst);
        assert_eq!(reader.store.get_many(&[1, 2]).await.unwrap_err(), RegisterError::Lost);
        world.rows.fails.store(false, Ordering::SeqCst);
        assert_eq!(reader.store.get_many(&[1, 2]).await.unwrap(), map([(1, 10)]));
        assert_eq!(reader.stats().load_errors, 2);
    }
}

#[tokio::test]
async fn without_a_shared_tier_a_batch_is_one_call_of_the_store() {
    let dead = World::memory(None).instance().await;
    dead.chaos.fail(Operation::Read);
    for cache in [Cache::pass_through(), Cache::single_instance(), dead.cache] {
        let rows = Arc::<Rows>::default();
        rows.seed(1, 10);
        let store = CachingRegister::new(Arc::clone(&rows), &cache);
        assert_eq!(store.get_many(&[1, 2, 1]).await.unwrap(), map([(1, 10)]));
        assert_eq!(rows.batches(), [vec![1, 2]]);
        assert_eq!(store.get_many(&[2, 1]).await.unwrap(), map([(1, 10)]));
        let calls = if cache.backend() == cache_core::Backend::SingleInstance { 1 } else { 2 };
        assert_eq!(rows.loads(), calls, "{:?}", cache.backend());
    }
}
