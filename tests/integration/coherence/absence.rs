//! R9: absence is fenced like a value, and no value passes for one.

use std::sync::Arc;
use std::time::Duration;

use cache_core::testing::Protection;
use cache_core::{Cache, MemoryRemote, cached_store};

use super::gate::until;
use super::register::Stop;
use super::world::World;

/// Fills an old state after the row has changed.
///
/// Returns what a third instance reads.
async fn fill_after(world: World, old: Option<u64>, new: Option<u64>) -> Option<u64> {
    let (reader, writer, third) = (world.instance().await, world.instance().await, world.instance().await);
    if let Some(old) = old {
        world.rows.seed(1, old);
    }
    let gate = world.rows.stop_next(Stop::AfterRead);
    let slow = reader.spawn_get(1);
    gate.reached().await;
    match new {
        Some(new) => writer.set(1, new).await,
        None => writer.store.delete(1).await.unwrap(),
    }
    gate.open();
    assert_eq!(slow.await.unwrap(), old);
    until("the slow fill is stored", || reader.stats().fills == 1).await;
    third.get(1).await
}

#[tokio::test]
async fn r9_a_slow_fill_does_not_bring_a_deleted_row_back() {
    for world in World::each(None) {
        assert_eq!(fill_after(world, Some(10), None).await, None);
    }
    for world in World::each(Some(Protection::Fence)) {
        assert_eq!(fill_after(world, Some(10), None).await, Some(10), "the control must see the deleted row");
    }
}

#[tokio::test]
async fn r9_a_slow_absence_does_not_hide_a_new_row() {
    for world in World::each(None) {
        assert_eq!(fill_after(world, None, Some(10)).await, Some(10));
    }
    for world in World::each(Some(Protection::Fence)) {
        assert_eq!(fill_after(world, None, Some(10)).await, None, "the control must not see the new row");
    }
}

#[tokio::test]
async fn r9_a_cached_absence_ends_with_the_insert() {
    for world in World::each(None) {
        let (reader, writer) = (world.instance().await, world.instance().await);
        assert_eq!(reader.get(1).await, None);
        assert_eq!(reader.get(1).await, None);
        assert_eq!((world.rows.loads(), reader.stats().negative_hits), (1, 1), "the absence was cached");
        let heard = reader.cache.invalidations_received();
        writer.set(1, 10).await;
        until("the invalidation is heard", || reader.cache.invalidations_received() > heard).await;
        assert_eq!(reader.get(1).await, Some(10));
    }
}

/// The known name of a visitor; every ninth one left none.
#[cached_store(namespace = "tests:absence")]
trait Visits: Send + Sync {
    #[cached(entity = "visit", key(who), ttl = "5m", negative_ttl = "5m")]
    async fn visit(&self, who: u64) -> Result<Option<Option<u64>>, String>;
}

struct Everybody;

impl Visits for Everybody {
    async fn visit(&self, who: u64) -> Result<Option<Option<u64>>, String> {
        Ok(Some((!who.is_multiple_of(9)).then_some(who)))
    }
}

/// `MessagePack` writes `Some(None)` as it writes `None`.
///
/// Fails without the comparison of the absence flag in the envelope.
#[tokio::test]
async fn a_value_that_is_written_like_an_absence_does_not_become_one() {
    let remote = MemoryRemote::new();
    let caches = [(); 2].map(|()| Cache::builder().remote(remote.clone()).build().unwrap());
    let [first, second] = caches.each_ref().map(|cache| CachingVisits::new(Arc::new(Everybody), cache));
    for cache in &caches {
        assert!(cache.connected(Duration::from_secs(10)).await);
    }
    let fills = || caches[0].stats().total().fills;
    let altered = || caches[0].stats().total().errors.get("altered").copied().unwrap_or_default();
    // A fill checks the first values of a method and a sample of the later ones, and refuses such a value.
    let mut nameless = None;
    for who in 1..100 {
        let before = fills();
        first.visit(who).await.unwrap();
        until("the entry is stored or refused", || fills() + altered() == who).await;
        nameless = (who % 9 == 0 && fills() > before).then_some(who);
        if nameless.is_some() {
            break;
        }
    }
    assert_eq!(second.visit(nameless.expect("one of them was not checked")).await, Ok(Some(None)));
    let stats = caches[1].stats().total();
    assert_eq!((stats.shared_hits, stats.loads), (0, 1), "such an entry is a miss");
}
