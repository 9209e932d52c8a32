//! One server, and the connections to it.

use std::io;

use redis::aio::{MultiplexedConnection, PubSub};
use redis::{
    AsyncConnectionConfig, ConnectionAddr, ConnectionInfo, Pipeline, ProtocolVersion, RedisConnectionInfo, RedisError,
    Value,
};
use tokio::net::TcpStream;
use tokio_util::task::AbortOnDropHandle;

use super::address::Address;
use super::connect::{Commands, config};
use super::stream::{Bytes, Counted, Received};
#[cfg(feature = "tls")]
use super::tls::Tls;
use crate::error::Error;
use crate::protocol::{BusSink, TierError};

/// The advice for a server that closes the connection at once.
const HUNG_UP: &str =
    "something listens there and hangs up: check that it is a Redis server, and whether it expects TLS";

#[derive(Clone)]
pub(super) struct Target {
    pub(super) info: ConnectionInfo,
    #[cfg(feature = "tls")]
    tls: Option<Tls>,
}

impl Target {
    pub(super) fn new(address: Address, roots: &[&str]) -> Result<Self, Error> {
        if !roots.is_empty() && !address.kind.is_encrypted() {
            return Err(Error::config("a root certificate of Redis is set, and the address is not one over TLS"));
        }
        Ok(Self {
            #[cfg(feature = "tls")]
            tls: tls(&address, roots)?,
            info: address.info,
        })
    }

    /// The target of another server, with the same credentials and certificates.
    #[cfg_attr(not(feature = "tls"), expect(clippy::unnecessary_wraps, reason = "only a name for TLS may be invalid"))]
    pub(super) fn at(&self, (host, port): &(String, u16)) -> Result<Self, TierError> {
        Ok(Self {
            info: self.info.clone().set_addr(ConnectionAddr::Tcp(host.clone(), *port)),
            #[cfg(feature = "tls")]
            tls: self.tls.as_ref().map(|tls| tls.at(host, *port)).transpose()?,
        })
    }

    /// The host of the server; empty for a socket.
    pub(super) fn host(&self) -> &str {
        match self.info.addr() {
            ConnectionAddr::Tcp(host, _) => host,
            _ => "",
        }
    }

    #[cfg_attr(not(feature = "tls"), expect(clippy::unused_self, reason = "without TLS none is"))]
    pub(super) fn is_encrypted(&self) -> bool {
        #[cfg(feature = "tls")]
        return self.tls.is_some();
        #[cfg(not(feature = "tls"))]
        false
    }

    /// The same target with other credentials.
    pub(super) fn with_login(mut self, login: &RedisConnectionInfo) -> Self {
        self.info = self.info.set_redis_settings(login.clone());
        self
    }

    /// Sends commands over a connection of their own, and returns their replies.
    pub(super) async fn ask(&self, commands: &Pipeline) -> Result<Value, TierError> {
        let settings = self.settings(ProtocolVersion::RESP2);
        let connecting = MultiplexedConnection::new_with_config(&settings, self.stream().await?, config());
        let (mut connection, driver) = connecting.await.map_err(not_connected)?;
        tokio::select! {
            replies = commands.query_async(&mut connection) => Ok(replies?),
            () = driver => Err(TierError::disconnected("the connection was closed")),
        }
    }

    /// Opens a connection for commands; `bus` is notified when it ends.
    pub(super) async fn commands(
        &self,
        protocol: ProtocolVersion,
        config: AsyncConnectionConfig,
        bus: BusSink,
        received: &Received,
    ) -> Result<Commands, TierError> {
        let stream = Counted::new(self.stream().await?, received.clone());
        let settings = self.settings(protocol);
        let connecting = MultiplexedConnection::new_with_config(&settings, stream, config);
        let (connection, driver) = connecting.await.map_err(not_connected)?;
        let driver = tokio::spawn(async move {
            driver.await;
            // With both protocols the driver ends as soon as the server has closed the connection.
            bus.disconnected();
        });
        Ok(Commands { connection, received: received.clone(), driver: AbortOnDropHandle::new(driver) })
    }

    /// Opens a connection for messages.
    pub(super) async fn messages(&self, protocol: ProtocolVersion) -> Result<PubSub, TierError> {
        let stream = self.stream().await?;
        PubSub::new(&self.settings(protocol), stream).await.map_err(not_connected)
    }

    async fn stream(&self) -> Result<Box<dyn Bytes>, TierError> {
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.tls {
            return Ok(Box::new(tls.connect().await?));
        }
        plain(self.info.addr()).await.map_err(|error| not_connected(error.into()))
    }

    fn settings(&self, protocol: ProtocolVersion) -> RedisConnectionInfo {
        self.info.redis_settings().clone().set_protocol(protocol)
    }
}

/// Connects without encryption.
async fn plain(addr: &ConnectionAddr) -> io::Result<Box<dyn Bytes>> {
    match addr {
        ConnectionAddr::Tcp(host, port) => {
            let stream = TcpStream::connect((host.as_str(), *port)).await?;
            stream.set_nodelay(true)?;
            Ok(Box::new(stream))
        }
        #[cfg(unix)]
        ConnectionAddr::Unix(path) => Ok(Box::new(tokio::net::UnixStream::connect(path).await?)),
        _ => Err(io::ErrorKind::Unsupported.into()),
    }
}

fn not_connected(error: RedisError) -> TierError {
    let hung_up = error.is_connection_dropped() && !error.is_connection_refusal();
    let error = TierError::from(error);
    if hung_up { error.advising(HUNG_UP) } else { error }
}

#[cfg(feature = "tls")]
fn tls(address: &Address, roots: &[&str]) -> Result<Option<Tls>, Error> {
    match address.info.addr() {
        redis::ConnectionAddr::Tcp(host, port) if address.kind.is_encrypted() => Tls::new(host, *port, roots).map(Some),
        _ => Ok(None),
    }
}
