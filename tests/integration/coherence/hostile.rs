//! Entries moved or damaged in the shared tier, and key parts that look like commands.

use redis::Commands as _;

use super::foreign_bytes::{get, put};
use super::sync_points::until;
use super::world::{Tier, World};

const ONE: &str = "race:test:register:1";
const TWO: &str = "race:test:register:2";

/// S7: each of two valid entries is stored under the key of the other.
///
/// Both rows have changed since, so a hit would show.
#[tokio::test]
async fn swapped_values_are_misses() {
    for world in World::each(None) {
        let writer = world.instance().await;
        world.rows.seed(1, 10);
        world.rows.seed(2, 20);
        writer.get(1).await;
        writer.get(2).await;
        until("both are in the shared tier", || writer.stats().fills == 2).await;
        let (one, two) = (get(&world, ONE), get(&world, TWO));
        put(&world, ONE, &two);
        put(&world, TWO, &one);
        world.rows.seed(1, 11);
        world.rows.seed(2, 21);
        let reader = world.instance().await;
        assert_eq!((reader.get(1).await, reader.get(2).await), (Some(11), Some(21)));
        assert_eq!((reader.stats().shared_hits, reader.stats().errors["key"]), (0, 2));
    }
}

/// S20: if any byte of an entry is damaged, a reader returns the store's value.
///
/// The undamaged entry holds another value, so a hit would show.
#[tokio::test]
async fn a_damaged_byte_makes_the_read_a_load() {
    for world in World::each(None) {
        let writer = world.instance().await;
        world.rows.seed(1, 10);
        writer.get(1).await;
        until("the value is in the shared tier", || writer.stats().fills == 1).await;
        let good = get(&world, ONE);
        world.rows.seed(1, 11);
        for at in 0..good.len() {
            let mut damaged = good.clone();
            damaged[at] = !damaged[at];
            put(&world, ONE, &damaged);
            let reader = world.instance().await;
            assert_eq!(reader.get(1).await, Some(11), "byte {at}");
            reader.cache.shutdown().await;
        }
        put(&world, ONE, &good);
        assert_eq!(world.instance().await.get(1).await, Some(10), "the control: undamaged, it is a hit");
    }
}

/// S14: scripts receive keys, generations and channels as arguments, never as part of their code.
#[tokio::test]
async fn key_parts_that_look_like_commands_are_plain_text() {
    let parts = [
        "a\r\nFLUSHALL\r\n",
        "*1\r\n$8\r\nFLUSHALL\r\n",
        "'",
        "\"",
        "]]",
        "') redis.call('FLUSHALL') --",
        "\\",
        "$(id)",
        "%s%d",
        "\0",
        "}:{",
        "I race:test:text:*",
    ];
    for world in World::each(None) {
        let (one, two) = (world.instance().await, world.instance().await);
        if let Some(server) = world.tier.servers() {
            let mut connection = redis::Client::open(server.admin_url("race:untouched")).unwrap().get_connection().unwrap();
            let _: () = connection.set("race:untouched", 1).unwrap();
        }
        for (touched, part) in parts.into_iter().enumerate() {
            for instance in [&one, &two] {
                assert_eq!(instance.store.text(part, part).await.unwrap(), format!("{touched}/{part}/{part}"));
            }
            let received = two.cache.invalidations_received();
            one.store.touch(part).await.unwrap();
            until("the invalidation is received", || two.cache.invalidations_received() > received).await;
            for instance in [&one, &two] {
                let expected = format!("{}/{part}/{part}", touched + 1);
                assert_eq!(instance.store.text(part, part).await.unwrap(), expected);
            }
        }
        if let Some(server) = world.tier.servers() {
            assert_eq!(server.raw(&["GET", "race:untouched"]).unwrap(), "1");
        }
    }
}
