//! R8: a session writes, and its next request reaches an instance without the invalidation.
//!
//! A session token carries the written scopes there.

use cache_core::SessionToken;

use super::register::Stop;
use super::world::{Instance, World};

/// The data that accompanies the next request.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Brings {
    Token,
    Nothing,
}

impl Brings {
    /// Writes here and continues the session there. The token travels as text.
    async fn write(self, here: &Instance, there: &Instance) {
        let ((), token) = here.cache.track(here.set(1, 20)).await;
        let header = token.to_string();
        if self == Self::Token {
            let token: SessionToken = header.parse().unwrap();
            assert!(there.cache.observe(&token), "the write has reached the shared tier");
        }
    }
}

/// Writes on another instance while the bus of one with the old value is slow.
///
/// Returns what the slow one reads for the session.
async fn next_request_elsewhere(world: World, brings: Brings) -> Option<u64> {
    let (here, there) = (world.instance().await, world.instance().await);
    world.rows.seed(1, 10);
    assert_eq!(there.get(1).await, Some(10));
    there.chaos.hold_bus();
    brings.write(&here, &there).await;
    there.get(1).await
}

#[tokio::test]
async fn r8_a_session_reads_its_write_on_another_instance() {
    for world in World::each(None) {
        assert_eq!(next_request_elsewhere(world, Brings::Token).await, Some(20));
    }
    for world in World::each(None) {
        let seen = next_request_elsewhere(world, Brings::Nothing).await;
        assert_eq!(seen, Some(10), "the control, a session without a token, must see the old value");
    }
}

/// The same during a load of the old value, which must not be kept.
async fn next_request_during_a_load(world: World, brings: Brings) -> Option<u64> {
    let (here, there) = (world.instance().await, world.instance().await);
    world.rows.seed(1, 10);
    let point = world.rows.stop_next(Stop::AfterRead);
    let slow = there.spawn_get(1);
    point.reached().await;
    there.chaos.hold_bus();
    brings.write(&here, &there).await;
    point.open();
    assert_eq!(slow.await.unwrap(), Some(10));
    there.get(1).await
}

#[tokio::test]
async fn r8_a_load_begun_before_the_token_was_observed_is_not_cached() {
    for world in World::each(None) {
        assert_eq!(next_request_during_a_load(world, Brings::Token).await, Some(20));
    }
    for world in World::each(None) {
        let seen = next_request_during_a_load(world, Brings::Nothing).await;
        assert_eq!(seen, Some(10), "the control, a session without a token, must see the old value");
    }
}
