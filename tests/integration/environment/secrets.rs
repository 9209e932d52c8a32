//! No secret of the environment appears in logs, errors or health.

use std::time::Duration;

use cache_tests::RedisServer;
use stores::{Stores, StoresConfig, TenantId};

use crate::logs::Logs;

/// No error and no `Debug` output repeats a variable's value, whether valid or not.
#[test]
fn no_refusal_and_no_debug_shows_a_secret() {
    let addresses = [
        "canary",
        "u:canary@h",
        "x://canary",
        "redis://:canary@h",
        "redis://canary@h",
        "redis://:canary@h:port",
        "redis://:canary#x@h",
        "redis://h?password=canary",
        "redis-cluster://:canary@h",
        "redis+sentinel://u:canary@h/m",
        "redis+sentinel://h/m?sentinel_password=canary",
        "redis+sentinel://h/canary?sentinel_user=canary",
        "unix:///s?pass=canary",
        "https://canary.upstash.io",
        "postgres://u:canary@h:port/db",
        "postgres://u:canary@h/db?password=canary",
        "postgres://u:p@h/db?pasword=canary",
        "postgres://u:canary@h/db?connect_timeout=canary",
        "postgres://u:canary#x@h/db",
        "postgres://u:can?canary@h/db",
        "sqlite://f?canary=canary",
    ];
    let logs = Logs::start();
    for variable in ["REDIS_URL", "UPSTASH_REDIS_REST_URL", "DATABASE_URL"] {
        for address in addresses {
            let output = output(&[(variable, address)]);
            assert!(!output.contains("canary"), "{variable} = {address}: {output}");
        }
    }
    for secret in ["REDIS_PASSWORD", "REDIS_SENTINEL_USER", "REDIS_SENTINEL_PASSWORD", "UPSTASH_REDIS_REST_TOKEN"] {
        for url in [
            ("REDIS_URL", "redis+sentinel://h/m"),
            ("REDIS_URL", "redis://h"),
            ("REDIS_URL", "https://h"),
            ("UPSTASH_REDIS_REST_URL", "https://h"),
        ] {
            let output = output(&[url, (secret, "canary")]);
            assert!(!output.contains("canary"), "{secret} and {url:?}: {output}");
        }
    }
    assert!(!logs.text().contains("canary"), "{}", logs.text());
    assert!(logs.text().contains("connect_timeout"), "the logs are captured: {}", logs.text());
}

fn output(variables: &[(&str, &str)]) -> String {
    let find = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
    match StoresConfig::from_lookup(find) {
        Ok(config) => format!("{config:?} {config:#?}"),
        Err(error) => format!("{error} {error:?} {error:#?}"),
    }
}

/// A running server rejects the password with its own message, which reaches log and health.
#[tokio::test]
async fn a_refused_password_is_in_no_log_and_no_error() {
    let logs = Logs::start();
    let server = RedisServer::start();
    for (url, password) in [
        (format!("redis://canary-user:canary-secret@127.0.0.1:{}", server.port()), None),
        (server.url(), Some("canary-beside")),
    ] {
        let lookup = |name: &str| match name {
            "REDIS_URL" => Some(url.clone()),
            "REDIS_PASSWORD" => password.map(str::to_owned),
            _ => None,
        };
        let stores = Stores::connect(StoresConfig::from_lookup(lookup).unwrap()).await.unwrap();
        assert!(!stores.cache.connected(Duration::from_millis(100)).await, "{url}");
        let tenant = TenantId::random();
        assert_eq!(stores.policies.get_policy(tenant).await.unwrap(), None, "no reader is affected");
        while stores.cache.health().await.error.is_none() {
            tokio::task::yield_now().await;
        }
        let output = format!("{stores:?} {:?} {:?}", stores.cache.health().await, stores.cache.stats());
        assert!(!output.contains("canary"), "{output}");
        stores.cache.shutdown().await;
    }
    assert!(logs.text().contains("out of reach"), "the logs are captured: {}", logs.text());
    assert!(!logs.text().contains("canary"), "{}", logs.text());
}
