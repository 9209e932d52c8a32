//! Key parts with a meaning elsewhere cause no collision and no error.

use super::world::World;

#[tokio::test]
async fn hostile_parts_neither_collide_nor_fail() {
    let long = "x".repeat(10_000);
    let longer = format!("{long}y");
    let parts = [
        "", ":", "%", "%3A", "{}", "{", "}", "\0", "\n", "\r\n", "*", "a:b", "a", "b", "🦀", "é", "e\u{301}", " ",
        "%-", "%+", "%h", "g:{a}", &long, &longer,
    ];
    for world in World::each(None) {
        let (one, two) = (world.instance().await, world.instance().await);
        for group in parts {
            for text in parts {
                assert_eq!(one.store.text(group, text).await.unwrap(), format!("0/{group}/{text}"));
            }
        }
        assert_eq!(world.rows.loads(), (parts.len() * parts.len()) as u64);
        one.cache.shutdown().await;
        // The other instance finds only its own entries in the shared tier.
        for group in parts {
            for text in parts {
                assert_eq!(two.store.text(group, text).await.unwrap(), format!("0/{group}/{text}"));
            }
        }
        assert_eq!(world.rows.loads(), (parts.len() * parts.len()) as u64, "all of them were shared hits");
    }
}
