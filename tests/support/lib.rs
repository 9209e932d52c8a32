//! Private servers for tests and benchmarks.
//!
//! Each is a separate process on a free port of the loopback interface, with its files in a temporary folder. It ends
//! when its value is dropped, or when the process that started it ends for any reason. A [`FaultProxy`] in front of a
//! server disturbs its connections.

mod acl;
mod binaries;
mod cluster;
mod ports;
#[cfg(feature = "postgres")]
mod postgres;
mod proxy;
mod redis;
#[cfg(feature = "rest")]
mod rest;
mod sentinel;
mod server;

pub use acl::{documented_rules, documented_sentinel_rules};
pub use binaries::missing_servers;
pub use cluster::{PooledCluster, RedisCluster};
#[cfg(feature = "postgres")]
pub use postgres::{PostgresServer, TestDatabase};
pub use proxy::{Direction, FaultProxy};
pub use redis::RedisServer;
#[cfg(feature = "rest")]
pub use rest::{RestFault, RestRequest, RestServer};
pub use sentinel::{Sentinel, SentinelGroup, allow_role, url as sentinel_url, watched_server};
