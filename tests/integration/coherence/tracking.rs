//! R25: the cache does not use Redis client tracking, whose table is bounded.
//!
//! An eviction from that table would invalidate the key on every client. Here the server keeps no state for readers.

use cache_tests::RedisServer;
use redis::Commands as _;

use super::sync_points::until;
use super::world::{Tier, World};

const KEYS: u64 = 100;

/// How many keys the server tracks, and for how many clients.
fn tracked(server: &RedisServer) -> [String; 2] {
    [("stats", "tracking_total_keys:"), ("clients", "tracking_clients:")].map(|(section, name)| {
        let text = server.raw(&["INFO", section]).unwrap();
        text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("{name} in {text}")).to_owned()
    })
}

#[tokio::test]
async fn r25_the_servers_tracking_table_stays_empty() {
    let server = RedisServer::start_with(&["--tracking-table-max-keys", "10"]);
    let world = World::on_redis(server, None);
    let Tier::Redis(server) = &world.tier else { unreachable!() };
    let (one, two) = (world.instance().await, world.instance().await);
    for key in 0..KEYS {
        world.rows.seed(key, key);
        assert_eq!(one.get(key).await, Some(key));
    }
    until("all are in the shared tier", || one.stats().fills == KEYS).await;
    for key in 0..KEYS {
        assert_eq!(two.get(key).await, Some(key));
    }
    assert_eq!(two.stats().shared_hits, KEYS);
    assert_eq!(tracked(server), ["0", "0"], "no state is kept for a reader");
    one.set(1, 1000).await;
    until("the invalidation is received", || two.cache.invalidations_received() == 1).await;
    for key in (0..KEYS).filter(|key| *key != 1) {
        assert_eq!(two.store.peek_get(key), Some(Some(key)), "no other entry ended");
    }

    let client = redis::Client::open(format!("{}/?protocol=resp3", server.admin_url())).unwrap();
    let mut tracking = client.get_connection().unwrap();
    let () = redis::cmd("CLIENT").arg("TRACKING").arg("ON").query(&mut tracking).unwrap();
    for key in 0..KEYS {
        let _: Vec<u8> = tracking.get(format!("race:test:register:{key}")).unwrap();
    }
    let [keys, clients] = tracked(server);
    assert_eq!(clients, "1", "the control: a client that uses it is seen");
    assert_ne!(keys, "0");
}
