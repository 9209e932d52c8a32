//! A server of the REST interface of Upstash, in front of a private Redis.
//!
//! It implements the documented interface (<https://upstash.com/docs/redis/features/restapi>), and injects faults on
//! command: lagging replicas, refusals, lost replies. It uses threads only: a runtime under test cannot slow it down.

mod commands;
mod encoding;
mod faults;
mod http;
mod listener;
mod replica;
mod requests;
mod resp;
mod stream;

pub use faults::RestFault;
use listener::Listener;
use replica::Replica;
use requests::Requests;
pub use requests::RestRequest;

use std::sync::Arc;

use crate::RedisServer;
use faults::Faults;

/// The token that the server accepts. It is no word of any other text, so that a test can search for it.
const TOKEN: &str = "AYNgASQgY2FuYXJ5LXRva2Vu";

/// A REST server with its Redis, and perhaps a replica of that.
///
/// Dropping it closes every connection and ends the servers.
#[derive(Debug)]
pub struct RestServer {
    // Dropped before the servers that its connections use.
    listener: Listener,
    shared: Arc<Shared>,
    redis: RedisServer,
}

/// The state that the threads of the server share.
#[derive(Debug)]
struct Shared {
    /// The port of the primary.
    primary: u16,
    replica: Option<Replica>,
    faults: Faults,
    requests: Requests,
}

impl RestServer {
    /// Starts a server whose reads and writes are answered by one Redis.
    ///
    /// # Panics
    ///
    /// If `redis-server` is not installed, or a server does not start.
    pub fn start() -> Self {
        Self::in_front_of(RedisServer::start(), None)
    }

    /// Starts a server whose reads are answered by a replica, as those of Upstash may be
    /// (<https://upstash.com/docs/redis/features/consistency>).
    ///
    /// The replica follows the primary until [`freeze_replica`](Self::freeze_replica).
    ///
    /// # Panics
    ///
    /// As for [`start`](Self::start).
    pub fn start_with_replica() -> Self {
        let redis = RedisServer::start();
        let replica = Replica::of(&redis);
        Self::in_front_of(redis, Some(replica))
    }

    fn in_front_of(redis: RedisServer, replica: Option<Replica>) -> Self {
        let shared =
            Shared { primary: redis.port(), replica, faults: Faults::default(), requests: Requests::default() };
        let shared = Arc::new(shared);
        Self { listener: Listener::start(&shared), shared, redis }
    }

    /// Its address, such as `http://127.0.0.1:40111`.
    pub fn url(&self) -> String {
        format!("http://{}", self.listener.addr())
    }

    /// The address on which it listens, for a proxy in front of it.
    pub fn addr(&self) -> std::net::SocketAddr {
        self.listener.addr()
    }

    /// Its address with the token, such as `http://:token@127.0.0.1:40111`.
    pub fn url_with_token(&self) -> String {
        format!("http://:{TOKEN}@{}", self.listener.addr())
    }

    /// The token that it accepts.
    pub fn token(&self) -> &'static str {
        TOKEN
    }

    /// The Redis behind it: the primary.
    pub fn redis(&self) -> &RedisServer {
        &self.redis
    }

    /// The Redis behind it, to be killed or restarted.
    pub fn redis_mut(&mut self) -> &mut RedisServer {
        &mut self.redis
    }

    /// Injects a fault until [`heal`](Self::heal). It replaces the fault before it.
    pub fn inject(&self, fault: RestFault) {
        self.shared.faults.set(Some(fault));
    }

    /// Ends the fault; requests that it holds continue.
    pub fn heal(&self) {
        self.shared.faults.set(None);
    }

    /// Keeps the replica at its present state: reads are answered from it until [`thaw_replica`](Self::thaw_replica).
    ///
    /// A request with the token of a later state is answered by the primary, since a replica would wait for that state
    /// (<https://upstash.com/docs/redis/howto/readyourwrites>).
    ///
    /// # Panics
    ///
    /// If the server has no replica.
    pub fn freeze_replica(&self) {
        self.replica().freeze();
    }

    /// Lets the replica follow its primary again, and waits until it has caught up.
    ///
    /// # Panics
    ///
    /// If the server has no replica, or it does not catch up.
    pub fn thaw_replica(&self) {
        self.replica().thaw(&self.redis);
    }

    fn replica(&self) -> &Replica {
        self.shared.replica.as_ref().expect("the server was started with a replica")
    }

    /// Closes the streams of the subscribers.
    pub fn end_streams(&self) {
        self.listener.end_streams();
    }

    /// The requests so far, in the order of their arrival.
    pub fn requests(&self) -> Vec<RestRequest> {
        self.shared.requests.all()
    }
}
