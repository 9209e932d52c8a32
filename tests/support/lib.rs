//! Private servers for tests and benchmarks.
//!
//! Each is a process of its own on a free port of the loopback interface, with its files in a temporary folder. It ends
//! with the value that stands for it, and with the process that started it, however that ends. A [`FaultProxy`] stands
//! in front of one and disturbs what passes.

mod acl;
mod binaries;
mod ports;
mod postgres;
mod proxy;
mod redis;
mod server;

pub use acl::documented_rules;
pub use binaries::missing_servers;
pub use postgres::{PostgresServer, TestDatabase};
pub use proxy::{Direction, FaultProxy};
pub use redis::RedisServer;
