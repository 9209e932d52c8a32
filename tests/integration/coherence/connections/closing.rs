//! The two connections to Redis are closed together, over both protocols and however they end.

use std::sync::Arc;
use std::time::Duration;

use cache_core::Cache;
use cache_tests::RedisServer;

use super::super::register::Stop;
use super::{Instance, one_row, until};

/// One connection for commands and one for the bus.
const CONNECTIONS: usize = 2;
const LOSSES: usize = 20;

/// A RESP2-only server and a current one.
fn servers() -> [RedisServer; 2] {
    [RedisServer::start_with(&["--rename-command", "HELLO", ""]), RedisServer::start()]
}

/// The connections of the test user: the id of each, and whether it is subscribed.
fn connections(server: &RedisServer) -> Vec<(String, bool)> {
    let list = server.raw(&["CLIENT", "LIST"]).unwrap();
    let ours = list.lines().filter(|line| line.contains("user=tests"));
    let id = |line: &str| line.split(' ').find_map(|part| part.strip_prefix("id=")).unwrap().to_owned();
    ours.map(|line| (id(line), !line.contains(" sub=0 "))).collect()
}

/// Kills connections and returns their ids.
fn kill(server: &RedisServer, which: impl Fn(bool) -> bool) -> Vec<String> {
    let killed = connections(server).into_iter().filter(|(_, is_subscribed)| which(*is_subscribed));
    let killed: Vec<String> = killed.map(|(id, _)| id).collect();
    for id in &killed {
        // The server may have closed it already.
        server.raw(&["CLIENT", "KILL", "ID", id]).unwrap();
    }
    killed
}

/// The loss of either connection closes the other one.
#[tokio::test]
async fn no_connection_outlives_its_successor() {
    for server in servers() {
        let lost: [fn(bool) -> bool; 3] = [|is_subscribed| !is_subscribed, |is_subscribed| is_subscribed, |_| true];
        for which in lost {
            let instance = Instance::connected(Cache::builder().redis(server.url()), &one_row()).await;
            for _ in 0..LOSSES {
                let killed = kill(&server, which);
                until("the connections are new", || {
                    let now = connections(&server);
                    now.len() >= CONNECTIONS && killed.iter().all(|id| now.iter().all(|(other, _)| other != id))
                })
                .await;
                assert!(instance.cache.connected(super::PATIENCE).await);
            }
            until("only one set of connections is left", || connections(&server).len() == CONNECTIONS).await;
            drop(instance);
            until("no connection is left", || connections(&server).is_empty()).await;
        }
    }
}

/// A load that outlives its connections does not keep them open.
#[tokio::test]
async fn a_load_does_not_keep_lost_connections_open() {
    for server in servers() {
        let rows = one_row();
        let instance = Arc::new(Instance::connected(Cache::builder().redis(server.url()), &rows).await);
        let point = rows.stop_next(Stop::AfterRead);
        let reader = Arc::clone(&instance);
        let slow = tokio::spawn(async move { reader.store.get(1).await });
        point.reached().await;
        let before = connections(&server);
        kill(&server, |is_subscribed| is_subscribed);
        until("the connections are new", || {
            let now = connections(&server);
            now.len() == CONNECTIONS && now.iter().all(|one| !before.contains(one))
        })
        .await;
        point.open();
        assert_eq!(slow.await.unwrap(), Ok(Some(10)));
    }
}

/// The server accepts connections and refuses a command of every handshake.
#[tokio::test]
async fn a_refused_attempt_leaves_no_connection() {
    for server in servers() {
        server.change_rights(&["-info"]);
        let instance = Instance::new(Cache::builder().redis(server.url()), &one_row());
        for _ in 0..5 {
            let error = instance.degraded().await;
            assert!(error.contains("NOPERM"), "{error}");
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        assert!(connections(&server).len() <= CONNECTIONS, "{:?}", connections(&server));
    }
}

/// The server accepts connections and answers too late.
#[tokio::test]
async fn a_slow_attempt_leaves_no_connection() {
    // Without a password, both connections open before the first reply is needed.
    let server = RedisServer::start_with(&["--rename-command", "HELLO", ""]);
    let clients = || server.raw(&["CLIENT", "LIST"]).unwrap().lines().count();
    let alone = clients();
    // Two attempts take this long.
    server.command(&["CLIENT", "PAUSE", "4500", "ALL"]);
    let cache = Cache::builder().redis(server.admin_url()).build().unwrap();
    until("the pause is over", || server.raw(&["PING"]).is_ok_and(|pong| pong == "PONG")).await;
    assert!(cache.connected(super::PATIENCE).await);
    until("only one set of connections is left", || clients() == alone + CONNECTIONS).await;
}

/// Nor does a load keep the connections of a cache that has shut down.
#[tokio::test]
async fn a_load_does_not_keep_connections_open_after_a_shutdown() {
    let server = RedisServer::start();
    let rows = one_row();
    let builder = Cache::builder().redis(server.url()).shutdown_timeout(Duration::from_millis(50));
    let instance = Arc::new(Instance::connected(builder, &rows).await);
    let point = rows.stop_next(Stop::AfterRead);
    let reader = Arc::clone(&instance);
    let slow = tokio::spawn(async move { reader.store.get(1).await });
    point.reached().await;
    instance.cache.shutdown().await;
    until("no connection is left", || connections(&server).is_empty()).await;
    point.open();
    assert!(slow.await.unwrap().is_ok());
}
