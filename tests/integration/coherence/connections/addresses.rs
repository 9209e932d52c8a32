//! Every form of address, against a real server.

use std::net::{Ipv6Addr, TcpListener};

use cache_core::Cache;
use cache_tests::RedisServer;

use super::{Instance, check, one_row, until};

/// Adds a user whose password needs escaping and whose access covers every database.
fn add_user(server: &RedisServer) {
    let rules = ["ACL", "SETUSER", "us:er", "on", ">p@ss:/%#?&", "~*", "&*", "+@all"];
    assert_eq!(server.raw(&rules).unwrap(), "OK");
}

async fn check_url(url: &str) {
    check([Cache::builder().redis(url), Cache::builder().redis(url)]).await;
}

#[tokio::test]
async fn an_escaped_password_and_a_database_number_are_decoded() {
    let server = RedisServer::start();
    add_user(&server);
    check_url(&format!("redis://us%3Aer:p%40ss%3A%2F%25%23%3F%26@127.0.0.1:{}/3", server.port())).await;
    let keys = |database: &str| server.raw(&["INFO", "keyspace"]).unwrap().contains(&format!("db{database}:"));
    assert!(keys("3") && !keys("0"), "the database is the one of the address");
}

#[tokio::test]
async fn a_separate_password_is_used_unchanged() {
    let server = RedisServer::start();
    add_user(&server);
    let url = format!("redis://us%3Aer@127.0.0.1:{}", server.port());
    let builder = || Cache::builder().redis_password("p@ss:/%#?&").redis(&url);
    check([builder(), builder()]).await;
}

#[tokio::test]
async fn a_unix_socket_connects_with_and_without_a_user() {
    let server = RedisServer::start();
    add_user(&server);
    let socket = server.socket().display().to_string();
    check_url(&format!("redis+unix://{socket}")).await;
    assert_eq!(server.raw(&["FLUSHALL"]).unwrap(), "OK");
    check_url(&format!("unix://{socket}?db=2&user=us%3Aer&pass=p%40ss%3A%2F%25%23%3F%26")).await;
    assert!(server.raw(&["INFO", "keyspace"]).unwrap().contains("db2:"));
}

#[tokio::test]
async fn an_ipv6_address_connects() {
    if TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_err() {
        eprintln!("left out: this machine has no ::1");
        return;
    }
    let server = RedisServer::start_with(&["--bind", "127.0.0.1", "::1"]);
    check_url(&server.url().replace("127.0.0.1", "[::1]")).await;
}

/// Pub/sub ignores database numbers: a message from another database costs a miss and admits nothing.
#[tokio::test]
async fn two_databases_of_one_server_share_messages_and_no_value() {
    let server = RedisServer::start();
    let [here, there] = [one_row(), one_row()];
    there.seed(1, 99);
    let database = |number: u8| Cache::builder().redis(format!("{}/{number}", server.admin_url()));
    let one = Instance::connected(database(0), &here).await;
    let other = Instance::connected(database(1), &there).await;
    assert_eq!(one.store.get(1).await, Ok(Some(10)));
    until("the value is in the shared tier", || one.stats().fills == 1).await;
    assert_eq!(other.store.get(1).await, Ok(Some(99)), "its own row, not the other database's");
    assert_eq!(other.stats().shared_hits, 0);
    other.store.set(1, 100).await.unwrap();
    until("the invalidation is received", || one.store.peek_get(1).is_none()).await;
    assert_eq!(one.store.get(1).await, Ok(Some(10)));
    assert_eq!((one.stats().loads, one.stats().shared_hits), (1, 1), "the price was a look into the shared tier");
    assert_eq!(other.store.get(1).await, Ok(Some(100)));
}
