//! R8: somebody writes, and the next request of the same session arrives at another instance, which has not heard of the
//! write yet. A session token says what was written.

use cache_core::SessionToken;
use cache_core::testing::Weakness;

use super::register::Stop;
use super::world::{Instance, World};

/// What the next request brings along.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Brings {
    Token,
    Nothing,
}

impl Brings {
    /// Writes here, and lets the session go on there. The token travels as text.
    async fn write(self, here: &Instance, there: &Instance) {
        let ((), token) = here.cache.track(here.set(1, 20)).await;
        let header = token.to_string();
        if self == Self::Token {
            let token: SessionToken = header.parse().unwrap();
            assert!(there.cache.observe(&token), "the shared tier has heard of the write");
        }
    }
}

/// An instance has the old value and its bus is slow; another one writes. What the first one then reads for the session.
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
    for world in World::each(Weakness::None) {
        assert_eq!(next_request_elsewhere(world, Brings::Token).await, Some(20));
    }
    for world in World::each(Weakness::None) {
        let seen = next_request_elsewhere(world, Brings::Nothing).await;
        assert_eq!(seen, Some(10), "the control, a session without a token, must see the old value");
    }
}

/// The same where a load of the old value is under way there: it must not be kept.
async fn next_request_during_a_load(world: World, brings: Brings) -> Option<u64> {
    let (here, there) = (world.instance().await, world.instance().await);
    world.rows.seed(1, 10);
    let gate = world.rows.stop_next(Stop::AfterRead);
    let slow = there.spawn_get(1);
    gate.reached().await;
    there.chaos.hold_bus();
    brings.write(&here, &there).await;
    gate.open();
    assert_eq!(slow.await.unwrap(), Some(10));
    there.get(1).await
}

#[tokio::test]
async fn r8_a_load_that_began_before_the_token_came_is_not_kept() {
    for world in World::each(Weakness::None) {
        assert_eq!(next_request_during_a_load(world, Brings::Token).await, Some(20));
    }
    for world in World::each(Weakness::None) {
        let seen = next_request_during_a_load(world, Brings::Nothing).await;
        assert_eq!(seen, Some(10), "the control, a session without a token, must see the old value");
    }
}
