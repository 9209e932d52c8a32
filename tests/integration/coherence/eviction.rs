//! R21: Redis may evict generations. A new generation never repeats an old one, so no stale entry becomes valid again.

use cache_tests::RedisServer;

use super::hammer::{Hammer, Plan, Report};
use super::register::Stop;
use super::sync_points::until;
use super::world::{Tier, World};

/// Fills, writes, and evicts the generations but not the entry.
///
/// Returns what a new instance reads.
async fn evicted_tokens(world: World) -> Option<u64> {
    let (reader, writer) = (world.instance().await, world.instance().await);
    world.rows.seed(1, 10);
    assert_eq!(reader.get(1).await, Some(10));
    until("the value is in the shared tier", || reader.stats().fills == 1).await;
    writer.set(1, 20).await;
    world.evict_scopes();
    world.instance().await.get(1).await
}

#[tokio::test]
async fn r21_an_evicted_generation_does_not_recur() {
    for world in World::each(None) {
        assert_eq!(evicted_tokens(world).await, Some(20));
    }
    for world in World::each(None) {
        assert_eq!(evicted_tokens(world.with_numbers()).await, Some(10), "the control, a counter, must begin anew");
    }
}

/// Fills an old value after a write, a flush and a load with new generations.
///
/// Returns what an instance reads that has nothing of its own.
async fn flushed_during_a_load(world: World) -> Option<u64> {
    let (reader, writer, other) = (world.instance().await, world.instance().await, world.instance().await);
    world.rows.seed(1, 10);
    let point = world.rows.stop_next(Stop::AfterRead);
    let slow = reader.spawn_get(1);
    point.reached().await;
    writer.set(1, 20).await;
    world.tier.flush();
    assert_eq!(other.get(1).await, Some(20));
    until("the new value is in the shared tier", || other.stats().fills == 1).await;
    point.open();
    assert_eq!(slow.await.unwrap(), Some(10));
    until("the slow fill is stored", || reader.stats().fills == 1).await;
    // Connected before the flush: a newcomer would bring a new namespace epoch, which no old entry matches.
    writer.get(1).await
}

#[tokio::test]
async fn r26_a_load_begun_before_a_flush_is_not_current_after_it() {
    for world in World::each(None) {
        assert_eq!(flushed_during_a_load(world).await, Some(20));
    }
    for world in World::each(None) {
        assert_eq!(flushed_during_a_load(world.with_numbers()).await, Some(10), "the control, a counter, begins anew");
    }
}

/// Writes and reads more keys than the server has room for.
async fn under_memory_pressure(numbered: bool) -> (Report, u64) {
    let server = RedisServer::start_with(&["--maxmemory-policy", "allkeys-lru", "--maxmemory-samples", "1"]);
    let world = World::on_redis(server, None);
    let world = if numbered { world.with_numbers() } else { world };
    let Tier::Redis(server) = &world.tier else { unreachable!() };
    let hammer = Hammer::new(&world).await;
    let limit = figure(server, "memory", "used_memory") + 200_000;
    server.raw(&["CONFIG", "SET", "maxmemory", &limit.to_string()]).unwrap();
    let report = hammer.run(Plan { keys: 700, rounds: 1200, writers: 2, readers: 6 }).await;
    (report, figure(server, "stats", "evicted_keys"))
}

/// A number from the server's `INFO` output.
fn figure(server: &RedisServer, section: &str, name: &str) -> u64 {
    let text = server.raw(&["INFO", section]).unwrap();
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    value.unwrap_or_else(|| panic!("{name} in {text}")).trim().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r21_a_server_that_evicts_serves_no_stale_value() {
    let (report, evicted) = under_memory_pressure(false).await;
    assert_eq!(report.too_old, 0, "{report:?}");
    assert!(evicted > 1000 && report.shared_hits > 1000, "{evicted} evicted, {report:?}");
    // Eviction is random: most runs show the stale value, but not every one.
    for _ in 0..10 {
        let (report, _) = under_memory_pressure(true).await;
        if report.too_old > 0 {
            return;
        }
    }
    panic!("the control, a counter, must answer old values");
}
