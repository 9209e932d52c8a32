//! The shared tier on Redis. The only module that names types of the client library.

mod connect;
mod scripts;
mod session;

use std::fmt;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use redis::{Client, ErrorKind, IntoConnectionInfo as _, RedisError, ServerErrorKind};

use super::{RemoteError, RemoteErrorKind, RemoteTier, Session};
use crate::coherence::BusSink;
use crate::error::Error;
use crate::observability::Backend;

/// A Redis server by its address.
pub(crate) struct RedisRemote {
    info: redis::ConnectionInfo,
    /// The largest entry that is read or written, in bytes.
    max_entry: usize,
}

impl RedisRemote {
    /// Parses the address; nothing is connected yet. `password` takes the place of the one in the address.
    pub(crate) fn new(url: &str, password: Option<&str>, max_entry: usize) -> Result<Self, Error> {
        refuse_other_schemes(url)?;
        // The library's message may quote the address, and with it a password.
        let info = url.into_connection_info().map_err(|_| {
            Error::config(
                "the address of Redis does not parse: expected redis://[user[:password]@]host[:port][/database] or \
                 redis+unix:///path/to/socket",
            )
        })?;
        let info = match password {
            Some(password) => {
                let settings = info.redis_settings().clone().set_password(password);
                info.set_redis_settings(settings)
            }
            None => info,
        };
        let tcp = info.tcp_settings().clone().set_nodelay(true);
        Ok(Self { info: info.set_tcp_settings(tcp), max_entry })
    }
}

/// Kinds of Redis that have a form of address of their own and are not supported yet. Their place is beside
/// [`RedisRemote`]: one implementation of [`RemoteTier`] each.
fn refuse_other_schemes(url: &str) -> Result<(), Error> {
    let scheme = url.split("://").next().unwrap_or_default();
    let what = match scheme {
        "redis" | "redis+unix" | "unix" => return Ok(()),
        "rediss" => "TLS (rediss://)",
        "redis+sentinel" | "rediss+sentinel" => "Redis Sentinel (redis+sentinel://)",
        "redis-cluster" | "rediss-cluster" => "Redis Cluster (redis-cluster://)",
        "http" | "https" => "Redis over HTTP (https://)",
        _ => {
            return Err(Error::config(
                "the address of Redis has an unknown scheme: expected redis:// or redis+unix://",
            ));
        }
    };
    Err(Error::config(format!("{what} is not supported yet: expected redis:// or redis+unix://")))
}

impl fmt::Debug for RedisRemote {
    /// The address without user and password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisRemote").field("address", &self.info.addr().to_string()).finish_non_exhaustive()
    }
}

impl RemoteTier for RedisRemote {
    fn backend(&self) -> Backend {
        Backend::Redis
    }

    fn connect<'a>(&'a self, instance: &'a str, bus: BusSink) -> BoxFuture<'a, Result<Arc<dyn Session>, RemoteError>> {
        async move {
            let session = connect::open(&self.info, instance, bus, self.max_entry).await?;
            Ok(Arc::new(session) as Arc<dyn Session>)
        }
        .boxed()
    }
}

fn client(info: &redis::ConnectionInfo) -> Result<Client, RemoteError> {
    Client::open(info.clone()).map_err(|error| RemoteError::from(&error))
}

impl From<&RedisError> for RemoteError {
    fn from(error: &RedisError) -> Self {
        let kind = match error.kind() {
            _ if error.is_timeout() => RemoteErrorKind::Timeout,
            _ if error.is_connection_dropped() || error.is_io_error() => RemoteErrorKind::Disconnected,
            ErrorKind::Server(ServerErrorKind::ResponseError) if error.code().is_none() => RemoteErrorKind::Protocol,
            ErrorKind::Server(_) | ErrorKind::Extension | ErrorKind::AuthenticationFailed => RemoteErrorKind::Refused,
            _ => RemoteErrorKind::Protocol,
        };
        Self::new(kind, describe(error))
    }
}

/// The server's own words, which hold no secrets: its code and the first line of its text.
fn describe(error: &RedisError) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}

impl From<RedisError> for RemoteError {
    fn from(error: RedisError) -> Self {
        Self::from(&error)
    }
}
