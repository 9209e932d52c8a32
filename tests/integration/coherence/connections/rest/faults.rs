//! Each fault of the interface: no reader notices, health has the reason, and the instance notices the end of the fault.

use cache_core::Status;
use cache_tests::{RestFault, RestServer};

use super::super::PATIENCE;
use super::{Instance, builder, errors, filled, one_row, until};

/// The beginning of the error in health, for each fault.
const FAULTS: [(RestFault, &str); 8] = [
    (RestFault::Status(401), "HTTP 401"),
    (RestFault::Status(429), "HTTP 429: ERR max requests limit exceeded"),
    (RestFault::Status(400), "HTTP 400: ERR syntax error"),
    (RestFault::Status(405), "HTTP 405: ERR method not allowed"),
    (RestFault::Status(500), "HTTP 500"),
    (RestFault::ForeignPage, "the reply is not that of a REST interface of Redis"),
    (RestFault::LoseRequests, "the connection was lost"),
    (RestFault::LoseReplies, "the connection was lost"),
];

#[tokio::test]
async fn a_fault_before_the_connection_degrades_with_a_reason() {
    for (fault, words) in FAULTS {
        let server = RestServer::start();
        server.inject(fault);
        let instance = Instance::new(builder(&server), &one_row());
        let error = instance.degraded().await;
        assert!(error.starts_with(words), "{fault:?}: {error}");
        server.heal();
        assert!(instance.cache.connected(PATIENCE).await, "{fault:?}: {:?}", instance.cache.health().await);
        assert_eq!(instance.cache.health().await.status, Status::Healthy);
    }
}

/// The lease outlasts the test: without the errors of the reads the instance would not notice the fault.
#[tokio::test]
async fn a_fault_of_a_working_connection_reaches_no_reader() {
    for (fault, _) in FAULTS {
        let server = RestServer::start();
        let instance = filled(&server, &one_row()).await;
        server.inject(fault);
        for key in 100..120 {
            assert_eq!(instance.store.get(key).await, Ok(None), "{fault:?}");
        }
        assert!(errors(&instance) > 0, "{fault:?}");
        server.heal();
        assert!(instance.cache.connected(PATIENCE).await, "{fault:?}: {:?}", instance.cache.health().await);
        let fills = instance.stats().fills;
        instance.store.set(1, 10).await.unwrap();
        assert_eq!(instance.store.get(1).await, Ok(Some(10)));
        until("the shared tier is filled again", || instance.stats().fills > fills).await;
    }
}

/// A lock whose reply is lost was placed: its scope is bypassed until the journal has delivered.
#[tokio::test]
async fn a_write_whose_replies_are_lost_is_seen_everywhere() {
    let server = RestServer::start();
    let rows = one_row();
    let writer = filled(&server, &rows).await;
    let reader = Instance::connected(builder(&server), &rows).await;
    assert_eq!(reader.store.get(1).await, Ok(Some(10)));
    server.inject(RestFault::LoseReplies);
    let write = writer.store.set(1, 20);
    let heal = async {
        until("the write is in the store", || rows.row(1) == Some(20)).await;
        server.heal();
    };
    let (written, ()) = tokio::join!(write, heal);
    written.unwrap();
    assert_eq!(writer.store.get(1).await, Ok(Some(20)));
    assert!(reader.cache.connected(PATIENCE).await);
    until("the invalidation is received", || reader.store.peek_get(1).is_none()).await;
    assert_eq!(reader.store.get(1).await, Ok(Some(20)));
}

/// A server that answers nothing: the read goes to the store after its own limit.
#[tokio::test]
async fn a_request_that_is_held_ends_with_the_limit_of_a_read() {
    let server = RestServer::start();
    let rows = one_row();
    let cache = builder(&server).build().unwrap();
    let store = super::super::CachingRegister::new(std::sync::Arc::clone(&rows), &cache);
    assert!(cache.connected(PATIENCE).await);
    server.inject(RestFault::Hold);
    assert_eq!(store.get(1).await, Ok(Some(10)));
    server.heal();
    assert!(cache.connected(PATIENCE).await, "{:?}", cache.health().await);
    assert_eq!(store.get(1).await, Ok(Some(10)));
}

/// A server closes a connection that was unused for a while just when a request is on its way.
#[tokio::test]
async fn a_read_over_a_connection_that_was_closed_is_repeated() {
    let server = RestServer::start();
    let instance = filled(&server, &one_row()).await;
    for key in 100..110 {
        server.inject(RestFault::LoseOneRequest);
        assert_eq!(instance.store.get(key).await, Ok(None));
        until("the absence is in the shared tier", || instance.stats().fills == key - 98).await;
    }
    assert_eq!(errors(&instance), 0);
}

#[tokio::test]
async fn a_restarted_redis_is_noticed() {
    let mut server = RestServer::start();
    let instance = filled(&server, &one_row()).await;
    server.redis_mut().restart();
    until("the loss is noticed", || instance.store.peek_get(1).is_none()).await;
    assert!(instance.cache.connected(PATIENCE).await, "{:?}", instance.cache.health().await);
    assert_eq!(instance.store.get(1).await, Ok(Some(10)));
}
