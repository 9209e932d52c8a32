//! The bus over a stream of events, and servers without one.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cache_core::Cache;
use cache_tests::{FaultProxy, RestFault, RestServer};

use super::super::super::register::Stop;
use super::super::PATIENCE;
use super::{Instance, builder, filled, one_row, until};

/// A server or a proxy without streams costs the local tier, and nothing else.
#[tokio::test]
async fn without_a_stream_the_local_tier_is_off() {
    let buffered = [RestFault::BufferedStreams, RestFault::OneChannel];
    for fault in [RestFault::NoStreams(404), RestFault::NoStreams(400)].into_iter().chain(buffered) {
        let server = RestServer::start();
        server.inject(fault);
        let rows = one_row();
        let [writer, reader] = [(); 2].map(|()| Instance::new(builder(&server), &rows));
        for instance in [&writer, &reader] {
            shared(instance).await;
            let health = instance.cache.health().await;
            assert!(health.shared && !health.local && health.last_heartbeat.is_none(), "{fault:?}: {health:?}");
        }
        writer.store.set(1, 20).await.unwrap();
        assert_eq!(reader.store.get(1).await, Ok(Some(20)), "{fault:?}");
        assert_eq!(reader.store.peek_get(1), None, "{fault:?}");
    }
}

/// Reads until the shared tier has answered.
async fn shared(instance: &Instance) {
    let began = Instant::now();
    while instance.stats().shared_hits == 0 {
        assert!(began.elapsed() < PATIENCE, "{:?}", instance.cache.health().await);
        assert_eq!(instance.store.get(1).await, Ok(Some(10)));
        tokio::task::yield_now().await;
    }
}

/// A refusal for another reason, such as a limit, is one of the connection.
#[tokio::test]
async fn a_stream_that_is_refused_for_now_is_tried_again() {
    let server = RestServer::start();
    server.inject(RestFault::NoStreams(429));
    let instance = Instance::new(builder(&server), &one_row());
    assert!(instance.degraded().await.starts_with("HTTP 429"));
    server.heal();
    assert!(instance.cache.connected(PATIENCE).await, "{:?}", instance.cache.health().await);
    assert!(instance.cache.health().await.local);
}

/// Messages may be lost with a stream: the local tier is flushed, and has a bus again.
#[tokio::test]
async fn the_end_of_a_stream_flushes_the_local_tier() {
    let server = RestServer::start();
    let rows = one_row();
    let reader = filled(&server, &rows).await;
    assert_eq!(reader.store.peek_get(1), Some(Some(10)));
    server.end_streams();
    until("the loss is noticed", || reader.store.peek_get(1).is_none()).await;
    assert!(reader.cache.connected(PATIENCE).await, "{:?}", reader.cache.health().await);
    assert_eq!(reader.store.get(1).await, Ok(Some(10)));
    let writer = Instance::connected(builder(&server), &rows).await;
    writer.store.set(1, 20).await.unwrap();
    until("the invalidation is received", || reader.store.peek_get(1).is_none()).await;
}

/// The pieces in which a stream arrives have nothing to do with its lines.
#[tokio::test]
async fn a_stream_may_arrive_in_any_pieces() {
    let server = RestServer::start();
    let proxy = FaultProxy::start(server.addr());
    proxy.slice(40);
    let address = || Cache::builder().redis(proxy.url_like(&server.url())).redis_password(server.token());
    super::check([address(), address()]).await;
}

/// A load that outlives its cache does not keep the stream.
#[tokio::test]
async fn a_closed_cache_has_no_stream() {
    let server = RestServer::start();
    let rows = one_row();
    let closing = builder(&server).shutdown_timeout(Duration::from_millis(50));
    let instance = Arc::new(Instance::connected(closing, &rows).await);
    let point = rows.stop_next(Stop::AfterRead);
    let reader = Arc::clone(&instance);
    let slow = tokio::spawn(async move { reader.store.get(1).await });
    point.reached().await;
    instance.cache.shutdown().await;
    let subscribers = || server.redis().raw(&["PUBSUB", "NUMSUB", "race:bus:0"]).unwrap();
    until("the stream is closed", || subscribers() == "race:bus:0\n0").await;
    point.open();
    assert!(slow.await.unwrap().is_ok());
}
