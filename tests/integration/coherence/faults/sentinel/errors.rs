//! What is wrong with an address of sentinels is told by health.

use std::net::TcpListener;

use cache_core::{Cache, CacheBuilder, Status};
use cache_tests::{Sentinel, sentinel_url, watched_server};

use super::super::super::register::CachingRegister;
use super::*;
use crate::logs::Logs;

const NAME: &str = "service";

/// The error of a cache that does not connect. No reader notices it.
async fn error(builder: CacheBuilder) -> String {
    let cache = builder.build().unwrap();
    let rows = Arc::new(Rows::default());
    rows.seed(1, 10);
    let store = CachingRegister::new(rows, &cache);
    let health = loop {
        let health = cache.health().await;
        if health.status == Status::Degraded {
            break health;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(store.get(1).await, Ok(Some(10)));
    cache.shutdown().await;
    health.error.expect("a degraded cache reports its error")
}

/// Each advice is in the log, and no secret and no part of the address is.
#[tokio::test]
async fn what_is_wrong_is_told_with_advice() {
    let logs = Logs::start();
    let (server, sentinel) = (watched_server(), Sentinel::start());
    sentinel.watch(NAME, server.port(), 1);
    let url = || sentinel_url(NAME, &[sentinel.port()]);
    let nobody = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    for (builder, expected, advice) in [
        (
            Cache::builder().redis(sentinel_url("canary", &[sentinel.port()])),
            "a sentinel: ERR: No such master with that name",
            "compare the name in the address",
        ),
        (
            Cache::builder().redis(sentinel_url(NAME, &[nobody])),
            "a sentinel: Connection refused (os error 111)",
            "check that the sentinels run",
        ),
        (
            Cache::builder().redis(url()).redis_sentinel_password("canary"),
            "a sentinel: Password authentication failed",
            "the sentinels do not accept the user and the password",
        ),
        (
            Cache::builder().redis(url()).redis_sentinel_user("canary"),
            "a sentinel: Password authentication failed",
            "the sentinels do not accept the user and the password",
        ),
        (
            Cache::builder().redis(sentinel_url(NAME, &[server.port()])),
            "a sentinel: ERR: unknown command 'SENTINEL'",
            "the address is not that of a sentinel",
        ),
        (
            Cache::builder().redis(url()).redis_password("canary"),
            "WRONGPASS: invalid username-password pair or user is disabled.",
            "the server does not accept the user and the password",
        ),
    ] {
        assert_eq!(error(builder).await, expected);
        assert!(logs.text().contains(advice), "{advice}: {}", logs.text());
    }
    assert!(!logs.text().contains("canary") && !logs.text().contains(&nobody.to_string()), "{}", logs.text());
}

/// One sentinel that answers is enough, whatever the others do.
#[tokio::test]
async fn sentinels_that_do_not_answer_are_not_waited_for() {
    let (server, sentinel, mut frozen) = (watched_server(), Sentinel::start(), Sentinel::start());
    sentinel.watch(NAME, server.port(), 1);
    frozen.pause();
    let nobody = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let url = sentinel_url(NAME, &[nobody, frozen.port(), sentinel.port()]);
    let instance = connected(&url, &Arc::default(), None, LEASE, Tiers::Both).await;
    instance.rows_are_shared().await;
}

impl Instance {
    async fn rows_are_shared(&self) {
        self.store.backing().seed(1, 10);
        assert_eq!(self.get(1).await, Some(10));
        until("the value is in the shared tier", || self.stats().fills == 1).await;
    }
}
