//! Private servers, on a processor of their own choice of ours.

use std::panic::catch_unwind;

use cache_benches::Pinned;
use cache_tests::{PostgresServer, RedisServer};

/// A Redis on this processor; `None`, with a line that says so, where it cannot be had.
pub(crate) fn redis(core: usize, group: &str) -> Option<RedisServer> {
    start(core, group, RedisServer::start)
}

/// A Postgres on this processor; `None`, with a line that says so, where it cannot be had.
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
