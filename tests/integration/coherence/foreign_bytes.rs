//! Foreign bytes under an entry's key count as misses, and the next fill replaces them.

use redis::Commands as _;

use super::kinds::Servers;
use super::sync_points::until;
use super::world::{Tier, World};

const KEY: &str = "race:test:register:1";
const OTHER: &str = "race:test:register:2";

pub(super) fn put(world: &World, key: &str, bytes: &[u8]) {
    if let Tier::Memory(remote, _) = &world.tier {
        remote.put_raw(key, bytes.to_vec());
    }
    if let Some(servers) = world.tier.servers() {
        let _: () = redis(servers, key).set(key, bytes).unwrap();
    }
}

pub(super) fn get(world: &World, key: &str) -> Vec<u8> {
    match (&world.tier, world.tier.servers()) {
        (Tier::Memory(remote, _), _) => remote.raw(key).unwrap(),
        (_, Some(servers)) => redis(servers, key).get(key).unwrap(),
        (_, None) => unreachable!(),
    }
}

fn redis(servers: &dyn Servers, key: &str) -> redis::Connection {
    redis::Client::open(servers.admin_url(key)).unwrap().get_connection().unwrap()
}

fn random(length: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_le_bytes()[7]
    })
    .take(length)
    .collect()
}

#[tokio::test]
async fn foreign_bytes_are_misses_counted_and_repaired() {
    for world in World::each(None) {
        let writer = world.instance().await;
        world.rows.seed(1, 10);
        world.rows.seed(2, 20);
        writer.get(1).await;
        writer.get(2).await;
        until("both are in the shared tier", || writer.stats().fills == 2).await;
        let (good, other) = (get(&world, KEY), get(&world, OTHER));
        let cases = [
            ("empty", Vec::new(), None),
            ("cut off", good[..good.len() - 5].to_vec(), Some("checksum")),
            ("very short", good[..20].to_vec(), Some("truncated")),
            ("random", random(500), Some("magic")),
            ("another entry's envelope", other, Some("key")),
            ("ten megabytes", random(10 * 1024 * 1024), Some("too_large")),
        ];
        for (what, bytes, counted) in cases {
            put(&world, KEY, &bytes);
            let reader = world.instance().await;
            assert_eq!(reader.get(1).await, Some(10), "{what}");
            let stats = reader.stats();
            assert_eq!((stats.shared_hits, stats.loads), (0, 1), "{what}: a miss");
            assert_eq!(
                stats.errors.keys().copied().collect::<Vec<_>>(),
                counted.into_iter().collect::<Vec<_>>(),
                "{what}"
            );
            until("it is repaired", || reader.stats().fills == 1).await;
            let next = world.instance().await;
            assert_eq!(next.get(1).await, Some(10));
            assert_eq!(next.stats().shared_hits, 1, "{what}: repaired");
        }
    }
}

#[tokio::test]
async fn a_key_of_another_type_is_a_miss_and_is_repaired() {
    let world = World::redis(None);
    let Tier::Redis(server) = &world.tier else { unreachable!() };
    world.rows.seed(1, 10);
    for key in [KEY, "g:{race:test:register:1}", "g:{race:test:register:*}"] {
        server.raw(&["DEL", key]).unwrap();
        server.raw(&["LPUSH", key, "garbage"]).unwrap();
        let reader = world.instance().await;
        assert_eq!(reader.get(1).await, Some(10), "{key}");
        until("it is repaired", || reader.stats().fills == 1).await;
        let next = world.instance().await;
        assert_eq!(next.get(1).await, Some(10));
        assert_eq!(next.stats().shared_hits, 1, "{key}");
    }
}
