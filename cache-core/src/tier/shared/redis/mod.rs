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
#[cfg(feature = "upstash")]
mod rest;
mod scripts;
mod sentinel;
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

pub(crate) use address::{Kind, Logins};

use address::Address;
use cluster::Cluster;
use operations::RedisConnection;
use sentinel::{SentinelAddress, Sentinels};
use server_error::refusal;
use stream::Received;
use target::Target;
use transport::Transport;

use crate::error::Error;
use crate::protocol::{Backend, BusSink, SharedTier, TierConnection, TierError, TierErrorKind};

/// The namespace of a cache that no store has joined yet.
const HOME: &str = "cache";

/// Creates the tier of an address of any supported kind, without connecting.
///
/// `roots` are certificates in PEM form that are trusted instead of the public authorities. Returns an error if the
/// address or one of them does not parse, or if there are some and the connection is not encrypted.
pub(crate) fn tier(
    url: &str,
    logins: &Logins,
    roots: &[&str],
    prefix: Option<&str>,
    max_entry: usize,
) -> Result<Arc<dyn SharedTier>, Error> {
    let home = prefix.map_or_else(|| HOME.to_owned(), |prefix| format!("{prefix}:{HOME}"));
    let endpoints = Endpoints::of(Parsed::of(url, logins)?, roots)?;
    Ok(Arc::new(RedisRemote { endpoints, home, max_entry }))
}

/// Returns an error if [`tier`] would not accept the address.
pub(crate) fn check(url: &str, logins: &Logins) -> Result<(), Error> {
    Parsed::of(url, logins).map(drop)
}

/// An address, by what it leads to.
enum Parsed {
    Servers(Address),
    Sentinels(SentinelAddress),
}

impl Parsed {
    fn of(url: &str, logins: &Logins) -> Result<Self, Error> {
        if Kind::of(url)?.is_sentinel() {
            return SentinelAddress::parse(url, logins).map(Self::Sentinels);
        }
        Address::parse(url, logins.password()).map(Self::Servers)
    }
}

/// One Redis server or several by their address.
struct RedisRemote {
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
    /// The sentinels that name the primary.
    Sentinels(Arc<Sentinels>),
    #[cfg(feature = "upstash")]
    Rest(Box<rest::RestTarget>),
}

impl Endpoints {
    fn of(address: Parsed, roots: &[&str]) -> Result<Self, Error> {
        let address = match address {
            Parsed::Servers(address) => address,
            Parsed::Sentinels(address) => return Ok(Self::Sentinels(Arc::new(Sentinels::new(address, roots)?))),
        };
        #[cfg(feature = "upstash")]
        if address.kind.is_http() {
            return Ok(Self::Rest(Box::new(rest::RestTarget::new(&address, roots)?)));
        }
        if !address.kind.is_cluster() {
            return Ok(Self::One(Box::new(Target::new(address, roots)?)));
        }
        let others = address.others.clone();
        let first = Target::new(address, roots)?;
        let others = others.iter().map(|other| first.at(other).map_err(|error| Error::config(error.to_string())));
        let others = others.collect::<Result<Vec<_>, _>>()?;
        Ok(Self::Cluster([vec![first], others].concat()))
    }

    /// The host and the port of the first server, or its socket.
    fn shown(&self) -> String {
        match self {
            Self::One(target) => target.info.addr().to_string(),
            Self::Cluster(targets) => targets[0].info.addr().to_string(),
            Self::Sentinels(sentinels) => sentinels.first().info.addr().to_string(),
            #[cfg(feature = "upstash")]
            Self::Rest(target) => target.authority(),
        }
    }
}

impl RedisRemote {
    fn connection(&self, transport: impl Transport, instance: &str) -> Arc<dyn TierConnection> {
        Arc::new(RedisConnection::new(transport, instance, &self.home, self.max_entry))
    }
}

impl fmt::Debug for RedisRemote {
    /// Shows the address without user and password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisRemote").field("address", &self.endpoints.shown()).finish_non_exhaustive()
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
                Endpoints::Sentinels(sentinels) => self.connection(sentinels.open(bus).await?, instance),
                Endpoints::Cluster(seeds) => self.connection(Cluster::open(seeds, bus).await?, instance),
                #[cfg(feature = "upstash")]
                Endpoints::Rest(target) => self.connection(target.open(bus).await?, instance),
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
