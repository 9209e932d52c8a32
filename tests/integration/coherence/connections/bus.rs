//! S12: forged messages on the bus cost misses at most.

use std::time::Duration;

use cache_core::{Cache, Status};
use cache_tests::RedisServer;
use redis::{Commands as _, Connection};

use super::{Instance, one_row, until};

const BUS: &str = "race:bus:0";

fn publisher(server: &RedisServer) -> Connection {
    redis::Client::open(server.admin_url()).unwrap().get_connection().unwrap()
}

/// The channel on which an instance receives its own heartbeats.
fn heartbeat_channel(server: &RedisServer) -> String {
    server.raw(&["PUBSUB", "CHANNELS", "race:beat:*"]).unwrap()
}

#[tokio::test]
async fn garbage_is_dropped_and_does_not_extend_the_lease() {
    let server = RedisServer::start();
    let rows = one_row();
    let instance = Instance::connected(Cache::builder().redis(server.url()), &rows).await;
    instance.store.get(1).await.unwrap();
    until("the value is in the shared tier", || instance.stats().fills == 1).await;
    let loads = rows.loads();
    let mut publisher = publisher(&server);
    let long = vec![b'x'; 1024 * 1024];
    let garbage: [&[u8]; 13] = [
        b"",
        b"I",
        b"I ",
        b"B",
        b"B ",
        b"B 1",
        b"B x y",
        b"B 1 epoch",
        b"B 18446744073709551616 e",
        b"\xff\xfe\0",
        b"I \xff\xfe\0",
        b"i race:test:register:1",
        &long,
    ];
    // Long enough that an accepted forged heartbeat would show.
    while last_heartbeat(&instance).await < Duration::from_millis(50) {
        tokio::task::yield_now().await;
    }
    let received = instance.cache.invalidations_received();
    for channel in [BUS, &heartbeat_channel(&server)] {
        for message in garbage {
            let receivers: usize = publisher.publish(channel, message).unwrap();
            assert_eq!(receivers, 1, "{channel}");
        }
    }
    let _: usize = publisher.publish(BUS, "I the-end").unwrap();
    // Two messages of each round count as invalidations: one without scopes, and one that is not text.
    until("all of it has arrived", || instance.cache.invalidations_received() == received + 5).await;
    assert!(last_heartbeat(&instance).await > Duration::from_millis(50), "no forged heartbeat was believed");
    assert_eq!(instance.cache.health().await.status, Status::Healthy);
    assert_eq!(instance.store.get(1).await, Ok(Some(10)));
    assert_eq!(rows.loads(), loads, "the shared tier still has it");
}

async fn last_heartbeat(instance: &Instance) -> Duration {
    instance.cache.health().await.last_heartbeat.expect("a connected instance has had one")
}

/// A flood of forged invalidations costs misses only.
///
/// Each one increments a counter of a fixed table, and an affected entry is read again in one round trip, without the
/// store.
#[tokio::test]
async fn a_flood_of_invalidations_costs_only_misses() {
    const MESSAGES: u64 = 200_000;
    let server = RedisServer::start();
    let rows = one_row();
    let instance = Instance::connected(Cache::builder().redis(server.url()), &rows).await;
    instance.store.get(1).await.unwrap();
    until("the value is in the shared tier", || instance.stats().fills == 1).await;
    let loads = rows.loads();
    let received = instance.cache.invalidations_received();
    let flood = std::thread::spawn(move || {
        let mut publisher = publisher(&server);
        for chunk in 0..MESSAGES / 1000 {
            let mut pipeline = redis::pipe();
            for message in 0..1000 {
                let scope =
                    if message == 0 { "race:test:register:1".to_owned() } else { format!("forged:{chunk}:{message}") };
                pipeline.cmd("PUBLISH").arg(BUS).arg(format!("I {scope}")).ignore();
            }
            let () = pipeline.query(&mut publisher).unwrap();
        }
        server
    });
    while instance.cache.invalidations_received() < received + MESSAGES {
        assert_eq!(instance.store.get(1).await, Ok(Some(10)));
        tokio::task::yield_now().await;
        if flood.is_finished() && instance.cache.health().await.status != Status::Healthy {
            break;
        }
    }
    let _server = flood.join().unwrap();
    assert_eq!(instance.cache.health().await.status, Status::Healthy, "the connection outlasts the flood");
    assert_eq!(instance.cache.invalidations_received(), received + MESSAGES);
    assert_eq!(rows.loads(), loads, "the store was not called");
    assert!(instance.stats().shared_hits > 0, "the flood was felt, as misses of the local tier");
}
