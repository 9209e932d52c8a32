//! Every numeric setting at zero, one and its maximum.
//!
//! Reads and writes stay correct, nothing hangs, and the circuit breaker counts no errors.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use cache_core::{Cache, CacheBuilder, Error, LocalEngine, MemoryRemote, ReadPolicy, Status};
use cache_tests::RedisServer;

use super::register::{CachingRegister, Rows};

const PATIENCE: Duration = Duration::from_secs(20);
const SPANS: [Duration; 4] = [Duration::ZERO, Duration::from_nanos(1), Duration::from_secs(u64::MAX), Duration::MAX];
const COUNTS: [usize; 3] = [0, 1, usize::MAX];

async fn in_time<T>(what: &str, work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work).await.unwrap_or_else(|_| panic!("{what}: no answer"))
}

/// Reads, writes and reads again on two instances.
async fn is_right(what: &str, builders: [CacheBuilder; 2]) {
    let rows = Arc::<Rows>::default();
    rows.seed(1, 10);
    let caches = builders.map(|builder| builder.build().unwrap());
    let stores = caches.each_ref().map(|cache| CachingRegister::new(Arc::clone(&rows), cache));
    let work = async {
        for cache in &caches {
            cache.connected(Duration::from_millis(200)).await;
        }
        for (value, writer) in [(20, 0), (30, 1)] {
            for store in &stores {
                store.get(1).await.unwrap();
            }
            stores[writer].set(1, value).await.unwrap();
            assert_eq!(stores[writer].get(1).await, Ok(Some(value)), "{what}");
        }
        for cache in &caches {
            cache.health().await;
            cache.shutdown().await;
        }
    };
    in_time(what, work).await;
}

#[tokio::test]
async fn every_cache_setting_works_at_its_extremes() {
    type Set<T> = fn(CacheBuilder, T) -> CacheBuilder;
    let server = RedisServer::start();
    let spans: [(&str, Set<Duration>); 8] = [
        ("lease", CacheBuilder::lease),
        ("lock", CacheBuilder::write_lock_ttl),
        ("read_timeout", CacheBuilder::read_timeout),
        ("write_timeout", CacheBuilder::write_timeout),
        ("load_deadline", |builder, span| builder.load_deadline(span.max(Duration::from_secs(1)))),
        ("degraded_ttl", CacheBuilder::degraded_ttl),
        ("recovery_barrier", CacheBuilder::recovery_barrier),
        ("shutdown_timeout", CacheBuilder::shutdown_timeout),
    ];
    let counts: [(&str, Set<usize>); 4] = [
        ("refreshes", CacheBuilder::refreshes),
        ("max_concurrent_loads", CacheBuilder::max_concurrent_loads),
        ("max_entry_bytes", CacheBuilder::max_entry_bytes),
        ("verify_one_in", |builder, count| builder.verify_one_in(u32::try_from(count).unwrap_or(u32::MAX))),
    ];
    let both = |what: &str, set: &dyn Fn(CacheBuilder) -> CacheBuilder| {
        let (remote, url) = (MemoryRemote::new(), server.url());
        let memory = [0, 1].map(|_| set(Cache::builder().remote(remote.clone())));
        let redis = [0, 1].map(|_| set(Cache::builder().redis(url.clone())));
        let what = what.to_owned();
        async move {
            is_right(&format!("{what} in memory"), memory).await;
            is_right(&format!("{what} on Redis"), redis).await;
        }
    };
    for (name, set) in spans {
        for span in SPANS {
            both(&format!("{name} {span:?}"), &|builder| set(builder, span)).await;
        }
    }
    for (name, set) in counts {
        for count in COUNTS {
            both(&format!("{name} {count}"), &|builder| set(builder, count)).await;
        }
    }
}

#[tokio::test]
async fn every_read_option_works_at_its_extremes() {
    let server = RedisServer::start();
    let cache = Cache::builder().redis(server.url()).build().unwrap();
    let minute = ReadPolicy::new(Duration::from_mins(1));
    let other = cache.region::<u64, u64>("race:extremes", "other", minute);
    assert!(cache.connected(PATIENCE).await);
    let mut policies = Vec::new();
    for span in SPANS {
        policies.extend([ReadPolicy::new(span), ReadPolicy::new(span).jitter_percent(0), minute.local_ttl(span)]);
        policies.extend([minute.negative_ttl(span), ReadPolicy::new(span).local_engine(LocalEngine::Moka)]);
    }
    policies.extend([0, 1, u8::MAX].map(|percent| minute.jitter_percent(percent)));
    policies.extend([0, 1, u8::MAX].map(|percent| minute.refresh_after_percent(percent)));
    for span in SPANS {
        policies.extend([minute.refresh_after(span), minute.stale_while_revalidate(span), minute.stale_if_error(span)]);
    }
    for engine in [LocalEngine::Quick, LocalEngine::Moka] {
        policies.extend(COUNTS.map(|entries| minute.local_capacity(entries).local_engine(engine)));
        policies.extend([0, 1, u64::MAX].map(|bytes| minute.local_capacity_bytes(bytes).local_engine(engine)));
        policies.extend(SPANS.map(|span| minute.tti(span).local_engine(engine)));
    }
    for policy in policies {
        let what = format!("{policy:?}");
        let region = cache.region::<u64, u64>("race:extremes", "value", policy);
        let reads = async {
            // Enough to open the circuit if each of them counted as an error.
            for key in 0..10 {
                assert_eq!(region.get_or_load(&key, || async { Ok::<_, Error>(7) }).await.unwrap(), 7, "{what}");
            }
        };
        in_time(&what, reads).await;
        drop(region);
    }
    assert_eq!(other.get_or_load(&1, || async { Ok::<_, Error>(1) }).await.unwrap(), 1);
    let health = cache.health().await;
    assert_eq!((health.status, health.breaker_open), (Status::Healthy, false), "{health}");
    assert_eq!(cache.stats().total().errors.values().sum::<u64>(), 0, "{:?}", cache.stats());
}

/// A value with a TTL beyond the limit of Redis is kept. Fails if the TTL reaches Redis unchanged.
#[tokio::test]
async fn a_custom_value_works_at_every_time_to_live() {
    let server = RedisServer::start();
    let memory = MemoryRemote::new();
    let both = |builder: CacheBuilder| [builder.clone(), builder].map(|builder| builder.build().unwrap());
    let pairs = [both(Cache::builder().remote(memory)), both(Cache::builder().redis(server.url()))];
    for [writing, reading] in pairs {
        let (writer, reader) =
            (writing.transparent::<u64>("race:own", "value"), reading.transparent::<u64>("race:own", "value"));
        for cache in [&writing, &reading] {
            assert!(cache.connected(PATIENCE).await);
        }
        for (value, span) in (0..).zip(SPANS) {
            in_time("a value is set", writer.set("key", value, span)).await;
            let kept = (span > Duration::from_millis(1)).then_some(value);
            assert_eq!(in_time("a value is read", reader.get("key")).await, kept, "{span:?}");
        }
        assert_eq!(writing.health().await.status, Status::Healthy);
    }
}
