//! The shared tier on Redis. Only this module uses types of the client library.
//!
//! Each connection is two connections to the server: one for commands and one for messages. The atomic steps of the
//! protocol are Lua scripts (`scripts`), so that no other client can act between them. Nothing here reconnects by
//! itself: the supervisor in `coherence` does.

mod address;
mod call;
mod calls;
mod cluster;
mod combine;
mod connect;
mod drivers;
mod fills;
mod heartbeat;
mod look_ups;
mod operations;
mod oversized;
mod scripts;
mod server;
mod server_error;
mod stream;
mod target;
#[cfg(feature = "tls")]
mod tls;
mod transport;

use std::fmt;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use redis::RedisError;

pub(crate) use address::{Address, Kind};

use cluster::Cluster;
use operations::RedisConnection;
use server_error::refusal;
use stream::Received;
use target::Target;
use transport::Transport;

use crate::error::Error;
use crate::protocol::{Backend, BusSink, SharedTier, TierConnection, TierError, TierErrorKind};

/// The namespace of a cache that no store has joined yet.
const HOME: &str = "cache";

/// One Redis server or several by their address.
pub(crate) struct RedisRemote {
    endpoints: Endpoints,
    /// The namespace of the heartbeats before the first store has joined.
    home: String,
    /// The largest entry that is read or written, in bytes.
    max_entry: usize,
}

/// The servers that an address names.
enum Endpoints {
    One(Box<Target>),
    /// Some servers of a cluster, one of which has to be reachable to connect.
    Cluster(Vec<Target>),
}

impl Endpoints {
    fn of(address: Address, roots: &[&str]) -> Result<Self, Error> {
        if !address.kind.is_cluster() {
            return Ok(Self::One(Box::new(Target::new(address, roots)?)));
        }
        let others = address.others.clone();
        let first = Target::new(address, roots)?;
        let others = others.iter().map(|other| first.at(other).map_err(|error| Error::config(error.to_string())));
        let others = others.collect::<Result<Vec<_>, _>>()?;
        Ok(Self::Cluster([vec![first], others].concat()))
    }

    fn first(&self) -> &Target {
        match self {
            Self::One(target) => target,
            Self::Cluster(targets) => &targets[0],
        }
    }
}

impl RedisRemote {
    /// Creates the tier without connecting.
    ///
    /// `roots` are certificates in PEM form that are trusted instead of the public authorities. Returns an error if
    /// they do not parse, or if the connection is not encrypted.
    pub(crate) fn new(address: Address, roots: &[&str], max_entry: usize) -> Result<Self, Error> {
        Ok(Self { endpoints: Endpoints::of(address, roots)?, home: HOME.to_owned(), max_entry })
    }

    /// Adds the prefix to the home namespace; other namespaces already have it.
    pub(crate) fn with_prefix(self, prefix: &str) -> Self {
        Self { home: format!("{prefix}:{HOME}"), ..self }
    }

    fn connection(&self, transport: impl Transport, instance: &str) -> Arc<dyn TierConnection> {
        Arc::new(RedisConnection::new(transport, instance, &self.home, self.max_entry))
    }
}

impl fmt::Debug for RedisRemote {
    /// Shows the address without user and password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisRemote")
            .field("address", &self.endpoints.first().info.addr().to_string())
            .finish_non_exhaustive()
    }
}

impl SharedTier for RedisRemote {
    fn backend(&self) -> Backend {
        Backend::Redis
    }

    fn connect<'a>(
        &'a self,
        instance: &'a str,
        bus: BusSink,
    ) -> BoxFuture<'a, Result<Arc<dyn TierConnection>, TierError>> {
        async move {
            Ok(match &self.endpoints {
                Endpoints::One(target) => {
                    let server = connect::open(target, bus, &Received::default()).await?;
                    self.connection(server, instance)
                }
                Endpoints::Cluster(seeds) => self.connection(Cluster::open(seeds, bus).await?, instance),
            })
        }
        .boxed()
    }
}

impl From<&RedisError> for TierError {
    fn from(error: &RedisError) -> Self {
        if let Some(refused) = refusal(error) {
            return refused;
        }
        let kind = if error.is_timeout() {
            TierErrorKind::Timeout
        } else if error.is_connection_dropped() || error.is_io_error() {
            TierErrorKind::Disconnected
        } else {
            TierErrorKind::Protocol
        };
        Self::new(kind, describe(error))
    }
}

/// The first line of the error message of the library or the system.
fn describe(error: &RedisError) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}

impl From<RedisError> for TierError {
    fn from(error: RedisError) -> Self {
        Self::from(&error)
    }
}
