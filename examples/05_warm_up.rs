//! The fifth example: an instance warms its cache before it serves.
//!
//! A deploy replaces instances, and the local tier of a new one is empty. `warm_rate` reads the keys that the service will
//! need, a few at once, so that the first requests do not wait for the store, and the store does not receive them all at
//! one moment. At its end the instance writes the keys in its local tier to a file, and the next one reads them. Needs no server.

use std::fmt;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use cache_core::{Cache, Error, KeySnapshot, Warmed, cached_store};
use indicatif::ProgressBar;

const CURRENCIES: u64 = 2_000;
const AT_ONCE: usize = 32;
/// The time of one read of the store.
const LATENCY: Duration = Duration::from_millis(5);

/// The rates of currencies.
#[cached_store(namespace = "example:warm")]
#[async_trait]
pub trait RateStore: Send + Sync {
    // With the default jitter of 10 %, the entries that are warmed together expire over half a minute.
    /// The rate of a currency.
    #[cached(entity = "rate", key(currency), ttl = "5m", local_capacity = "1MiB")]
    async fn rate(&self, currency: u64) -> Result<u64, Error>;
}

/// A store with the latency of a database.
struct Slow;

#[async_trait]
impl RateStore for Slow {
    async fn rate(&self, currency: u64) -> Result<u64, Error> {
        tokio::time::sleep(LATENCY).await;
        Ok(currency * 100)
    }
}

/// The figures of the program.
struct Screen {
    warmed: Warmed,
    took: Duration,
    first_read: Duration,
    /// Those of the next instance.
    again: Warmed,
}

impl fmt::Display for Screen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { warmed: Warmed { cached, loaded, failed }, took, first_read, again } = self;
        writeln!(f, "warmed {loaded} keys in {took:.2?}; {cached} were cached, {failed} failed")?;
        writeln!(f, "a first request then took {first_read:.2?}, and not {LATENCY:.2?}")?;
        writeln!(f, "the next instance found {} keys in the snapshot of this one", again.total())
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    // Keys may be personal data: a folder that only this user reads.
    let folder = match tempfile::tempdir() {
        Ok(folder) => folder,
        Err(error) => {
            eprintln!("error: no temporary folder: {error}");
            return ExitCode::FAILURE;
        }
    };
    match run(CURRENCIES, &folder.path().join("keys.json")).await {
        Ok(screen) => {
            print!("{screen}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// An instance that writes its keys to the file when it ends, and the next one, which begins with them.
async fn run(currencies: u64, keys: &Path) -> Result<Screen, Box<dyn std::error::Error>> {
    let store = CachingRateStore::new(Arc::new(Slow), &Cache::single_instance());
    let began = Instant::now();
    let warmed = warm(&store, currencies).await;
    let took = began.elapsed();
    let began = Instant::now();
    store.rate(currencies / 2).await?;
    let first_read = began.elapsed();
    std::fs::write(keys, store.snapshot_keys().to_json())?;

    let next = CachingRateStore::new(Arc::new(Slow), &Cache::single_instance());
    let snapshot = KeySnapshot::from_json(&std::fs::read_to_string(keys)?)?;
    let again = next.warm_from(&snapshot, AT_ONCE).await;
    Ok(Screen { warmed, took, first_read, again })
}

/// Warms the store, with a bar that is drawn if this is a terminal.
async fn warm(store: &CachingRateStore<Slow>, currencies: u64) -> Warmed {
    let bar = ProgressBar::new(currencies);
    let mut warming = store.warm_rate(0..currencies, AT_ONCE);
    while let Some(progress) = warming.next().await {
        bar.set_position(progress.total());
    }
    bar.finish();
    warming.progress()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_request_finds_a_warm_cache() {
        let folder = tempfile::tempdir().unwrap();
        let screen = run(100, &folder.path().join("keys.json")).await.unwrap();
        assert_eq!(screen.warmed, Warmed { cached: 0, loaded: 100, failed: 0 });
        assert!(screen.first_read < LATENCY, "{screen}");
        assert_eq!(screen.again, screen.warmed);
    }
}
