//! The token is in no log, `Debug` output, error or health.

use cache_core::Cache;
use cache_tests::{RestFault, RestServer};

use super::super::PATIENCE;
use super::{Instance, builder, one_row};
use crate::logs::Logs;

#[tokio::test]
async fn the_token_is_shown_nowhere() {
    let logs = Logs::start();
    let server = RestServer::start();
    let mut outputs = vec![format!("{:?}", builder(&server))];
    let faults = [
        RestFault::Status(401),
        RestFault::Status(429),
        RestFault::ForeignPage,
        RestFault::LoseReplies,
        RestFault::LoseRequests,
        RestFault::NoStreams(404),
    ];
    for fault in faults {
        server.inject(fault);
        let instance = Instance::new(builder(&server), &one_row());
        if !matches!(fault, RestFault::NoStreams(_)) {
            outputs.push(instance.degraded().await);
        }
        outputs.push(format!("{:?} {:?} {:?}", instance.cache, instance.cache.health().await, instance.store));
        server.heal();
        assert!(instance.cache.connected(PATIENCE).await || matches!(fault, RestFault::NoStreams(_)));
        instance.cache.shutdown().await;
    }
    outputs.push(
        Cache::builder().redis(server.url_with_token().replace("http:", "ftp:")).build().unwrap_err().to_string(),
    );
    outputs.push(logs.text());
    assert!(logs.text().contains("redis") || logs.text().contains("shared tier"), "something was logged");
    for output in outputs {
        assert!(!output.contains(server.token()), "{output}");
    }
}
