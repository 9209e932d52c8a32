//! R9: absence is fenced like a value, and no value passes for one.

use std::sync::Arc;
use std::time::Duration;

use cache_core::testing::Protection;
use cache_core::{Cache, MemoryRemote, cached_store};

use super::register::Stop;
use super::sync_points::until;
use super::world::World;

/// Fills an old state after the row has changed.
///
/// Returns what a third instance reads.
async fn fill_after(world: World, old: Option<u64>, new: Option<u64>) -> Option<u64> {
    let (reader, writer, third) = (world.instance().await, world.instance().await, world.instance().await);
    if let Some(old) = old {
        world.rows.seed(1, old);
    }
    let point = world.rows.stop_next(Stop::AfterRead);
    let slow = reader.spawn_get(1);
    point.reached().await;
    match new {
        Some(new) => writer.set(1, new).await,
        None => writer.store.delete(1).await.unwrap(),
    }
    point.open();
    assert_eq!(slow.await.unwrap(), old);
    until("the slow fill is stored", || reader.stats().fills == 1).await;
    third.get(1).await
}

#[tokio::test]
async fn r9_a_slow_fill_does_not_restore_a_deleted_row() {
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
        let received = reader.cache.invalidations_received();
        writer.set(1, 10).await;
        until("the invalidation is received", || reader.cache.invalidations_received() > received).await;
        assert_eq!(reader.get(1).await, Some(10));
    }
}

/// The known name of a visitor; every ninth one left none.
#[cached_store(namespace = "tests:absence")]
trait Visits: Send + Sync {
    #[cached(entity = "visit", key(visitor), ttl = "5m", negative_ttl = "5m")]
    async fn visit(&self, visitor: u64) -> Result<Option<Option<u64>>, String>;
}

struct Visitors;

impl Visits for Visitors {
    async fn visit(&self, visitor: u64) -> Result<Option<Option<u64>>, String> {
        Ok(Some((!visitor.is_multiple_of(9)).then_some(visitor)))
    }
}

/// `MessagePack` writes `Some(None)` as it writes `None`.
///
/// Fails without the comparison of the absence flag in the envelope.
#[tokio::test]
async fn a_value_encoded_like_an_absence_stays_a_value() {
    let remote = MemoryRemote::new();
    let caches = [(); 2].map(|()| Cache::builder().remote(remote.clone()).build().unwrap());
    let [first, second] = caches.each_ref().map(|cache| CachingVisits::new(Arc::new(Visitors), cache));
    for cache in &caches {
        assert!(cache.connected(Duration::from_secs(10)).await);
    }
    let fills = || caches[0].stats().total().fills;
    let altered = || caches[0].stats().total().errors.get("altered").copied().unwrap_or_default();
    // A fill checks the first values of a method and a sample of the later ones, and refuses such a value.
    let mut nameless = None;
    for visitor in 1..100 {
        let before = fills();
        first.visit(visitor).await.unwrap();
        until("the entry is stored or refused", || fills() + altered() == visitor).await;
        nameless = (visitor % 9 == 0 && fills() > before).then_some(visitor);
        if nameless.is_some() {
            break;
        }
    }
    assert_eq!(second.visit(nameless.expect("one of them was not checked")).await, Ok(Some(None)));
    let stats = caches[1].stats().total();
    assert_eq!((stats.shared_hits, stats.loads), (0, 1), "such an entry is a miss");
}
