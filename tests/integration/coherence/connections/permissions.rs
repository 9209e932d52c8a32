//! The ACL rules of ENVIRONMENT.md grant everything that a service needs, and nothing more.

use std::sync::Arc;
use std::time::Duration;

use cache_core::Cache;
use cache_tests::{RedisServer, documented_rules};

use super::super::ledger::{Accounts, CachingLedger};
use super::{Instance, check, one_row, until};

/// The server's log of refused commands, empty if there were none.
fn refused(server: &RedisServer) -> String {
    server.raw(&["ACL", "LOG"]).unwrap()
}

#[tokio::test]
async fn no_command_of_the_cache_is_refused() {
    let server = RedisServer::start();
    let builder = || Cache::builder().redis(server.url());
    check([builder(), builder()]).await;
    let before_any_store = builder().build().unwrap();
    assert!(before_any_store.connected(super::PATIENCE).await, "{:?}", before_any_store.health().await);
    assert_eq!(refused(&server), "", "the log of refusals");
    assert!(server.raw(&["CLIENT", "LIST"]).unwrap().contains("user=tests"), "the user is the restricted one");
}

/// Without any one of the granted commands, the server refuses something.
#[tokio::test]
async fn every_right_is_needed() {
    let rules = documented_rules();
    let granted: Vec<&str> = rules.iter().copied().filter(|rule| rule.starts_with('+')).collect();
    assert!(granted.len() > 10, "{granted:?}");
    for right in granted {
        let server = RedisServer::start();
        // A rule for a subcommand can only grant it, so this revokes the whole command.
        let command = right.trim_start_matches('+').split('|').next().unwrap();
        assert_eq!(server.raw(&["ACL", "SETUSER", "tests", &format!("-{command}")]).unwrap(), "OK");
        let instance = Instance::new(Cache::builder().redis(server.url()), &one_row());
        let ledger = CachingLedger::new(Arc::new(Accounts::default()), &instance.cache);
        tokio::select! {
            () = use_everything(&instance, &ledger, &server, right) => {}
            () = until("something is refused", || !refused(&server).is_empty()) => {}
        }
    }
}

/// Reads and writes forever, and puts Redis into rare states.
///
/// These are a generation in the second half of its day, which is renewed, a key of another type, which is deleted, and a
/// value that is too large, whose key is then read up to the limit.
async fn use_everything(instance: &Instance, ledger: &CachingLedger<Accounts>, server: &RedisServer, missing: &str) {
    const OLD: &str = "g:{race:test:register:*}";
    const OTHER: &str = "g:{race:test:register:2}";
    let large = "x".repeat(2 * 1024 * 1024);
    loop {
        server.raw(&["SET", "race:test:register:1", &large]).unwrap();
        server.raw(&["SET", OLD, "U1000000-0123456789abcdef", "PX", "60000"]).unwrap();
        server.raw(&["DEL", OTHER]).unwrap();
        server.raw(&["LPUSH", OTHER, "garbage"]).unwrap();
        assert_eq!(instance.store.get(1).await, Ok(Some(10)), "no reader notices that {missing} is missing");
        assert_eq!(instance.store.get(2).await, Ok(None));
        instance.store.set(1, 10).await.unwrap();
        ledger.open(10).await.unwrap();
        // An instance that shuts down removes itself from the members.
        let leaving = Instance::new(Cache::builder().redis(server.url()), &one_row());
        leaving.cache.connected(Duration::from_millis(200)).await;
        leaving.cache.shutdown().await;
    }
}
