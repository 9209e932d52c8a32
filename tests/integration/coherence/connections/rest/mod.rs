//! Redis over HTTP, against a server with the REST interface of Upstash.

mod encryption;
mod faults;
mod replicas;
mod secrets;
mod streams;

use std::collections::BTreeSet;
use std::sync::Arc;

use cache_core::{Cache, CacheBuilder};
use cache_tests::RestServer;

use super::super::register::Rows;
use super::{Instance, check, one_row, until};

fn builder(server: &RestServer) -> CacheBuilder {
    Cache::builder().redis(server.url()).redis_password(server.token())
}

/// An instance whose row is in both tiers.
async fn filled(server: &RestServer, rows: &Arc<Rows>) -> Instance {
    let instance = Instance::connected(builder(server), rows).await;
    assert_eq!(instance.store.get(1).await, Ok(Some(10)));
    until("the value is in the shared tier", || instance.stats().fills == 1).await;
    instance
}

/// The paths of the subscriptions so far.
fn streams(server: &RestServer) -> Vec<String> {
    let paths = server.requests().into_iter().map(|request| request.path);
    paths.filter(|path| path.starts_with("/subscribe")).collect()
}

/// The requests to the shared tier that failed.
fn errors(instance: &Instance) -> u64 {
    instance.stats().errors.values().sum()
}

#[tokio::test]
async fn both_tiers_work() {
    let server = RestServer::start();
    check([builder(&server), builder(&server)]).await;
    assert_eq!(server.redis().raw(&["ACL", "LOG"]).unwrap(), "", "the documented rights are enough");
}

#[tokio::test]
async fn the_token_may_be_in_the_address() {
    let server = RestServer::start();
    check([Cache::builder().redis(server.url_with_token()), builder(&server)]).await;
}

/// Each instance has one stream, which carries the heartbeats and the invalidations in their order.
#[tokio::test]
async fn one_stream_has_every_channel() {
    let server = RestServer::start();
    let instance = filled(&server, &one_row()).await;
    let streams = streams(&server);
    let last = streams.last().unwrap();
    assert!(last.contains("race:beat:") && last.contains("/race:bus:0"), "{last:?}");
    assert_eq!(server.redis().raw(&["PUBSUB", "NUMSUB", "race:bus:0"]).unwrap(), "race:bus:0\n1", "{streams:?}");
    instance.cache.shutdown().await;
}

/// Without reuse every request would take three more round trips, for TCP and TLS.
#[tokio::test]
async fn connections_are_used_again() {
    let server = RestServer::start();
    let instance = filled(&server, &one_row()).await;
    for value in 0..30 {
        instance.store.set(1, value).await.unwrap();
        assert_eq!(instance.store.get(1).await, Ok(Some(value)));
    }
    let requests = server.requests();
    let connections: BTreeSet<_> = requests.iter().map(|request| request.connection).collect();
    assert!(requests.len() > 90 && connections.len() < 10, "{} over {}", requests.len(), connections.len());
}

/// The server may be restarted, or its scripts flushed, at any time.
#[tokio::test]
async fn forgotten_scripts_are_loaded_again() {
    let server = RestServer::start();
    let instance = filled(&server, &one_row()).await;
    let (fills, before) = (instance.stats().fills, streams(&server).len());
    for value in 1..4 {
        server.redis().command(&["SCRIPT", "FLUSH"]);
        instance.store.set(1, value).await.unwrap();
        server.redis().command(&["SCRIPT", "FLUSH"]);
        assert_eq!(instance.store.get(1).await, Ok(Some(value)));
        until("the value is in the shared tier", || instance.stats().fills == fills + value).await;
    }
    assert_eq!((errors(&instance), streams(&server).len()), (0, before), "the connection is the first one");
}

/// The bytes of an entry are no UTF-8, and a large value is read up to the limit.
#[tokio::test]
async fn a_value_that_is_too_large_is_read_up_to_the_limit() {
    let server = RestServer::start();
    let instance = filled(&server, &one_row()).await;
    let large = "x".repeat(2 * 1024 * 1024);
    for _ in 0..3 {
        server.redis().command(&["SET", "race:test:register:2", &large]);
        assert_eq!(instance.store.get(2).await, Ok(None));
        server.redis().command(&["DEL", "g:{race:test:register:2}"]);
    }
    assert_eq!(instance.stats().shared_hits, 0);
}

/// The entries are in Redis as marked text, and the generations are those of any other connection.
#[tokio::test]
async fn an_instance_of_another_kind_shares_generations_and_no_entry() {
    let server = RestServer::start();
    let rows = one_row();
    let rest = filled(&server, &rows).await;
    let other = Instance::connected(Cache::builder().redis(server.redis().url()), &rows).await;
    assert_eq!(other.store.get(1).await, Ok(Some(10)));
    assert_eq!((other.stats().shared_hits, other.stats().loads), (0, 1), "the stored text is no entry to it");
    other.store.set(1, 20).await.unwrap();
    until("the invalidation is received", || rest.store.peek_get(1).is_none()).await;
    assert_eq!(rest.store.get(1).await, Ok(Some(20)));
}
