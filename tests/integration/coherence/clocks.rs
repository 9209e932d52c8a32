//! R20: clocks of different machines are never compared.
//!
//! Generations are compared for equality, locks and expiries run on the clock of the server, and everything else on the
//! monotonic clock of one process.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cache_core::testing::{ManualClock, Operation, Protection};

use super::sync_points::until;
use super::world::{Tier, World};

/// The difference between the clocks of the two instances.
const APART: Duration = Duration::from_hours(2);

/// Lets two instances with different clocks read each other's entries.
///
/// Returns the number of shared hits.
async fn shared_hits_with_clocks_apart(world: World) -> u64 {
    let (behind, ahead) = (ManualClock::new(), ManualClock::new());
    ahead.advance(APART);
    let (slow, fast) = (world.instance_at(&behind).await, world.instance_at(&ahead).await);
    world.rows.seed(1, 10);
    world.rows.seed(2, 10);
    assert_eq!((slow.get(1).await, fast.get(2).await), (Some(10), Some(10)));
    until("both are in the shared tier", || slow.stats().fills + fast.stats().fills == 2).await;
    assert_eq!((fast.get(1).await, slow.get(2).await), (Some(10), Some(10)));
    slow.stats().shared_hits + fast.stats().shared_hits
}

#[tokio::test]
async fn r20_instances_with_clocks_hours_apart_share_their_entries() {
    for world in World::each(None) {
        assert_eq!(shared_hits_with_clocks_apart(world).await, 2);
    }
    for world in World::each(Some(Protection::ServerClock)) {
        let hits = shared_hits_with_clocks_apart(world).await;
        assert!(hits < 2, "the control takes an entry for one that has ended");
    }
}

#[tokio::test]
async fn r20_writes_are_seen_at_any_clock_difference() {
    for world in World::each(None) {
        let (behind, ahead) = (ManualClock::new(), ManualClock::new());
        ahead.advance(APART);
        let (slow, fast) = (world.instance_at(&behind).await, world.instance_at(&ahead).await);
        world.rows.seed(1, 0);
        for (value, (writer, reader)) in (1..).zip([(&slow, &fast), (&fast, &slow)].repeat(5)) {
            reader.get(1).await;
            let received = reader.cache.invalidations_received();
            writer.set(1, value).await;
            until("the invalidation is received", || reader.cache.invalidations_received() > received).await;
            assert_eq!(reader.get(1).await, Some(value));
            assert_eq!(world.instance_at(&ManualClock::new()).await.get(1).await, Some(value));
        }
    }
}

/// Lets an instance keep an entry that was filled by one whose clock is ahead.
///
/// Returns what it reads ten minutes after the load, when the row has changed without an invalidation.
async fn after_its_time_to_live(without: Option<Protection>) -> Option<u64> {
    let world = World::memory(without);
    let Tier::Memory(_, server) = &world.tier else { unreachable!() };
    let (behind, ahead) = (ManualClock::new(), ManualClock::new());
    ahead.advance(APART);
    let (slow, fast) = (world.instance_at(&behind).await, world.instance_at(&ahead).await);
    world.rows.seed(1, 10);
    assert_eq!(fast.get(1).await, Some(10));
    until("the value is in the shared tier", || fast.stats().fills == 1).await;
    assert_eq!(slow.get(1).await, Some(10));
    world.rows.seed(1, 20);
    for _ in 0..10 {
        let heartbeats = slow.chaos.begun(Operation::Heartbeat);
        for clock in [server, &behind, &ahead] {
            clock.advance(Duration::from_mins(1));
        }
        until("a heartbeat has returned", || slow.chaos.begun(Operation::Heartbeat) > heartbeats).await;
    }
    assert!(slow.cache.health().await.local, "the local tier may answer");
    slow.get(1).await
}

#[tokio::test]
async fn r20_no_entry_outlives_its_time_to_live_on_an_instance_whose_clock_is_behind() {
    assert_eq!(after_its_time_to_live(None).await, Some(20));
    assert_eq!(
        after_its_time_to_live(Some(Protection::ServerClock)).await,
        Some(10),
        "the control must see the stale value"
    );
}

/// The source lines below a folder that contain one of these words.
fn lines_with(folder: &Path, words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for path in fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            found.extend(lines_with(&path, words));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let lines = text.lines().filter(|line| words.iter().any(|word| line.contains(word)));
            found.extend(lines.map(|line| format!("{}: {line}", path.display())));
        }
    }
    found
}

#[test]
fn r20_only_moments_that_values_name_are_compared_with_a_wall_clock() {
    let sources: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join("cache-core").join("src");
    let found = lines_with(&sources, &["SystemTime::now", "now_utc", "Utc::now", "Local::now", "ClockId::Realtime"]);
    // The only one is for moments that values name themselves (`expires_at`), and is that of the shared tier if there is one.
    assert!(matches!(&found[..], [only] if only.contains("/runtime/clock/mod.rs:")), "{found:#?}");
    assert!(!lines_with(&sources, &["ClockId::MonotonicCoarse"]).is_empty(), "the search finds what is there");
}
