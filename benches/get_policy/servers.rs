//! Private servers, pinned to a given processor.

use std::panic::catch_unwind;

use cache_benches::Pinned;
use cache_tests::{PostgresServer, RedisServer};

/// Starts a Redis on this processor; reports and returns `None` if it is not available.
pub(crate) fn redis(core: usize, group: &str) -> Option<RedisServer> {
    start(core, group, RedisServer::start)
}

/// Starts a Postgres on this processor; reports and returns `None` if it is not available.
pub(crate) fn postgres(core: usize, group: &str) -> Option<PostgresServer> {
    start(core, group, PostgresServer::start)
}

fn start<S>(core: usize, group: &str, start: fn() -> S) -> Option<S> {
    // A process inherits the placement of the thread that starts it.
    let _pinned = Pinned::to(core);
    let server = catch_unwind(start).ok();
    if server.is_none() {
        println!("{group}: left out, since its server does not start");
    }
    server
}
