//! S13: keys and values appear in no log, `Debug` output, statistics or health.
//!
//! That holds for every failure. In Redis keys are readable: see DESIGN.md.

use std::time::Duration;

use cache_core::testing::Operation;
use cache_core::{Error, ReadPolicy, Status};

use super::foreign_bytes::put;
use super::sync_points::until;
use super::world::{Instance, Tier, World};
use crate::logs::Logs;

const CANARY: &str = "canary-7f3a";
/// Short, since a write that Redis refuses waits for the lease.
const LEASE: Duration = Duration::from_millis(500);

async fn use_it(instance: &Instance) {
    let text = instance.store.text(CANARY, CANARY).await.unwrap();
    assert!(text.contains(CANARY), "the value holds it");
    instance.store.touch(CANARY).await.unwrap();
}

async fn output(instance: &Instance) -> String {
    let (cache, store) = (&instance.cache, &instance.store);
    let by_hand = cache.region::<String, String>("race:hand", "made", ReadPolicy::new(Duration::from_mins(1)));
    let _ = by_hand.get_or_load(&CANARY.to_owned(), || async { Ok::<_, Error>(CANARY.to_owned()) }).await;
    let ad_hoc = cache.transparent::<String>("race:hand", "adhoc");
    ad_hoc.set(CANARY, CANARY.to_owned(), Duration::from_mins(1)).await;
    let health = cache.health().await;
    format!("{cache:?} {store:?} {health:?} {:?} {:?} {by_hand:?} {ad_hoc:?}", cache.stats(), instance.chaos)
}

#[tokio::test]
async fn no_key_and_no_value_is_logged() {
    let logs = Logs::start();
    for mut world in [World::memory(None), World::redis(None)] {
        let instance = world.instance_with_lease(LEASE).await;
        let mut outputs = Vec::new();
        use_it(&instance).await;
        outputs.push(output(&instance).await);

        let key = format!("race:test:text:{CANARY}:{CANARY}");
        put(&world, &key, CANARY.as_bytes());
        use_it(&instance).await;
        let operations = [Operation::Read, Operation::Fill, Operation::Lock, Operation::Release, Operation::Invalidate];
        for operation in operations {
            instance.chaos.fail(operation);
            world.passing_time(use_it(&instance)).await;
            outputs.push(world.passing_time(output(&instance)).await);
            // One operation at a time: too many errors would open the circuit.
            instance.chaos.heal(operation);
        }
        match &mut world.tier {
            Tier::Memory(remote, _) => remote.stop(),
            Tier::Redis(server) => server.kill(),
            Tier::Other(_) => unreachable!("the servers of others are not killed"),
        }
        while instance.cache.health().await.status != Status::Degraded {
            tokio::task::yield_now().await;
        }
        world.passing_time(use_it(&instance)).await;
        outputs.push(world.passing_time(output(&instance)).await);
        for output in outputs {
            assert!(!output.contains(CANARY), "{output}");
        }
        instance.cache.shutdown().await;
    }
    let logs = logs.text();
    for expected in ["is connected", "out of reach", "request to the shared tier failed", "has not reached"] {
        assert!(logs.contains(expected), "the logs are captured, and contain `{expected}`: {logs}");
    }
    assert!(!logs.contains(CANARY), "{logs}");
}

/// On a missing right, the server's message names the command and user, but no key.
#[tokio::test]
async fn error_texts_of_the_server_name_no_key() {
    let logs = Logs::start();
    let world = World::redis(None);
    let Tier::Redis(server) = &world.tier else { unreachable!() };
    let instance = world.instance_with_lease(LEASE).await;
    use_it(&instance).await;
    server.raw(&["ACL", "SETUSER", "tests", "resetkeys"]).unwrap();
    use_it(&instance).await;
    let refused = |instance: &Instance| instance.cache.stats().total().errors.get("refused").is_some_and(|&n| n > 0);
    until("something is refused", || refused(&instance)).await;
    let output = output(&instance).await;
    assert!(!output.contains(CANARY) && !logs.text().contains(CANARY), "{output} {}", logs.text());
}
