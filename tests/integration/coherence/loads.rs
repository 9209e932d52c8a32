//! R14: a load belongs to the cache, not to a caller.
//!
//! Callers may leave, and panics, errors and hangs of a load end at its callers.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Waker};
use std::time::Duration;

use cache_core::Cache;
use cache_core::testing::{ManualClock, Protection};

use super::register::{CachingRegister, RegisterError, Rows, Stop};
use super::sync_points::until;
use super::world::World;

/// Drops the caller that started a load while another waits; returns the load count.
async fn loads_when_the_first_caller_leaves(world: World) -> u64 {
    let reader = world.instance().await;
    world.rows.seed(1, 10);
    let point = world.rows.stop_next(Stop::AfterRead);
    let first = reader.spawn_get(1);
    point.reached().await;
    let second = reader.spawn_get(1);
    tokio::task::yield_now().await;
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    point.open();
    assert_eq!(second.await.unwrap(), Some(10));
    world.rows.loads()
}

#[tokio::test]
async fn r14_a_dropped_caller_neither_ends_nor_repeats_the_load() {
    for world in World::each(None) {
        assert_eq!(loads_when_the_first_caller_leaves(world).await, 1);
    }
    for world in World::each(Some(Protection::LoadTask)) {
        assert_eq!(loads_when_the_first_caller_leaves(world).await, 2, "the control must load again");
    }
}

#[tokio::test]
async fn r14_the_others_get_their_outcome_if_a_caller_is_dropped_at_any_poll() {
    for polls in 1..8 {
        let world = World::memory(None);
        let reader = world.instance().await;
        world.rows.seed(1, 10);
        let point = world.rows.stop_next(Stop::AfterRead);
        let mut leaving: Vec<_> = (0..3).map(|_| Box::pin(reader.store.get(1))).collect();
        let staying = reader.spawn_get(1);
        for _ in 0..polls {
            for call in &mut leaving {
                let _ = call.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            }
            tokio::task::yield_now().await;
        }
        drop(leaving);
        point.open();
        assert_eq!(staying.await.unwrap(), Some(10), "dropped after {polls} polls");
        assert!(world.rows.loads() <= 2, "{} loads", world.rows.loads());
    }
}

#[tokio::test]
async fn r14_a_panic_is_an_error_for_all_callers_and_the_next_call_loads_again() {
    for world in World::each(None) {
        let reader = world.instance().await;
        world.rows.seed(1, 10);
        world.rows.panics.store(true, Ordering::SeqCst);
        let error = reader.store.get(1).await.unwrap_err();
        assert!(
            matches!(&error, RegisterError::Cache(text) if text.contains("the store panics on command")),
            "{error:?}"
        );
        assert_eq!(reader.get(1).await, Some(10));
        assert_eq!(reader.stats().load_errors, 1);
    }
}

#[tokio::test]
async fn r14_an_error_reaches_every_follower_and_is_not_cached() {
    for world in World::each(None) {
        let reader = world.instance().await;
        world.rows.seed(1, 10);
        world.rows.fails.store(true, Ordering::SeqCst);
        let point = world.rows.stop_next(Stop::AfterRead);
        let call = || {
            let store = Arc::clone(&reader.store);
            tokio::spawn(async move { store.get(1).await })
        };
        let callers: Vec<_> = (0..1000).map(|_| call()).collect();
        point.reached().await;
        point.open();
        for caller in callers {
            assert_eq!(caller.await.unwrap(), Err(RegisterError::Lost));
        }
        assert!(world.rows.loads() <= 2, "no storm of retries: {} loads", world.rows.loads());
        world.rows.fails.store(false, Ordering::SeqCst);
        assert_eq!(reader.get(1).await, Some(10));
    }
}

#[tokio::test]
async fn r14_a_load_that_hangs_ends_with_an_error_and_frees_the_key() {
    let clock = ManualClock::new();
    let rows = Arc::<Rows>::default();
    let cache = Cache::single_instance_with_clock(clock.clone());
    let store = Arc::new(CachingRegister::new(Arc::clone(&rows), &cache));
    let point = rows.stop_next(Stop::AfterRead);
    let hanging = tokio::spawn({
        let store = Arc::clone(&store);
        async move { store.get(1).await }
    });
    point.reached().await;
    clock.advance(Duration::from_secs(31));
    let error = hanging.await.unwrap().unwrap_err();
    assert!(matches!(&error, RegisterError::Cache(text) if text.contains("did not end within 30s")), "{error:?}");
    assert_eq!(store.get(1).await, Ok(None));
    until("no flight is left", || cache.stats().total().loads == 2).await;
}
