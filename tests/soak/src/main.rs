//! Runs very many operations in one process, and compares what it holds at the end with what it held in the middle.
//!
//! `scripts/soak` runs it. Two equal halves read hot and cold keys through a decorator, write, and invalidate the whole
//! method, while the server is paused, restarted, and closes connections. After each half the process is left alone until
//! the cache is connected and idle. A leak of memory, of tasks or of file descriptors shows as a difference between the
//! halves: the first one has already filled every bounded structure.

mod faults;
mod options;
mod rows;
mod usage;
mod work;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cache_core::Cache;
use cache_tests::RedisServer;
use tokio::runtime::Runtime;

use faults::Faults;
use options::Options;
use rows::{CachingRows, Generated};
use usage::Usage;
use work::Work;

/// The memory of the server, which evicts at random beyond it. Ten million keys need more.
const SERVER: [&str; 4] = ["--maxmemory", "512mb", "--maxmemory-policy", "allkeys-lru"];
/// The limit on the time until the cache is connected and idle.
const PATIENCE: Duration = Duration::from_mins(1);

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(message) => {
            eprintln!("soak: {message}");
            return ExitCode::from(2);
        }
    };
    let runtime = Runtime::new().expect("a runtime");
    if runtime.block_on(run(&options)) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Returns whether the second half left nothing behind.
async fn run(options: &Options) -> bool {
    let server = RedisServer::start_with(&SERVER);
    let cache = Cache::builder().redis(server.admin_url()).build().expect("an address that parses");
    let store = Arc::new(CachingRows::new(Arc::new(Generated::new(options.leak)), &cache));
    let began = Instant::now();
    let mut faults = Faults::of(server);
    let mut usages = Vec::new();
    for half in 0..2 {
        connect(&cache).await;
        let running = faults.begin();
        let done = Work::of_half(options, half).run(&store).await;
        faults = running.end().await;
        connect(&cache).await;
        settle(&cache).await;
        let usage = Usage::now();
        println!(
            "half {}: {done} operations, {} faults, after {:.0?}: {usage}",
            half + 1,
            faults.count(),
            began.elapsed()
        );
        usages.push(usage);
    }
    let total = cache.stats().total();
    println!(
        "local hits {}, shared hits {}, loads {}, fills {}",
        total.local_hits, total.shared_hits, total.loads, total.fills
    );
    cache.shutdown().await;
    let growth = usages[1].growth_since(&usages[0]);
    for line in &growth {
        println!("grew: {line}");
    }
    growth.is_empty()
}

async fn connect(cache: &Cache) {
    assert!(cache.connected(PATIENCE).await, "{:?}", cache.health().await);
}

/// Waits until no invalidation is pending, and no task ends any more.
async fn settle(cache: &Cache) {
    let began = Instant::now();
    let mut tasks = usize::MAX;
    loop {
        let (now, pending) = (usage::tasks(), cache.health().await.pending_invalidations);
        if now >= tasks && pending == 0 {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "{now} tasks, {pending} pending invalidations");
        tasks = now;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}
