//! The shared tier on Redis. Only this module uses types of the client library.
//!
//! Each connection is two connections to the server: one for commands and one for messages. The atomic steps of the
//! protocol are Lua scripts (`scripts`), so that no other client can act between them. Nothing here reconnects by
//! itself: the supervisor in `coherence` does.

mod address;
mod calls;
mod combine;
mod connect;
mod drivers;
mod fills;
mod heartbeat;
mod look_ups;
mod operations;
mod oversized;
mod scripts;
mod server_error;
mod stream;
mod target;
#[cfg(feature = "tls")]
mod tls;

use std::fmt;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use redis::RedisError;

pub(crate) use address::{Address, Kind};

use server_error::refusal;
use target::Target;

use crate::error::Error;
use crate::protocol::{Backend, BusSink, SharedTier, TierConnection, TierError, TierErrorKind};

/// The namespace of a cache that no store has joined yet.
const HOME: &str = "cache";

/// A Redis server by its address.
pub(crate) struct RedisRemote {
    target: Target,
    /// The namespace of the heartbeats before the first store has joined.
    home: String,
    /// The largest entry that is read or written, in bytes.
    max_entry: usize,
}

impl RedisRemote {
    /// Creates the tier without connecting.
    ///
    /// `roots` are certificates in PEM form that are trusted instead of the public authorities. Returns an error if
    /// they do not parse, or if the connection is not encrypted.
    pub(crate) fn new(address: Address, roots: &[&str], max_entry: usize) -> Result<Self, Error> {
        Ok(Self { target: Target::new(address, roots)?, home: HOME.to_owned(), max_entry })
    }

    /// Adds the prefix to the home namespace; other namespaces already have it.
    pub(crate) fn with_prefix(self, prefix: &str) -> Self {
        Self { home: format!("{prefix}:{HOME}"), ..self }
    }
}

impl fmt::Debug for RedisRemote {
    /// Shows the address without user and password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisRemote").field("address", &self.target.info.addr().to_string()).finish_non_exhaustive()
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
            let session = connect::open(&self.target, instance, bus, &self.home, self.max_entry).await?;
            Ok(Arc::new(session) as Arc<dyn TierConnection>)
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
