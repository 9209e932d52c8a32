//! One server, and the ways to reach it.

use redis::aio::{MultiplexedConnection, PubSub};
use redis::{AsyncConnectionConfig, Client, ConnectionInfo, ProtocolVersion, RedisError};

use super::RemoteError;
use super::address::{Address, Kind};
#[cfg(feature = "tls")]
use super::tls::Tls;
use crate::error::Error;

/// What a server does that understands nothing of what it is sent, or takes nobody in.
const HUNG_UP: &str =
    "something listens there and hangs up: check that it is a Redis server, and whether it expects TLS";

pub(super) struct Target {
    pub(super) info: ConnectionInfo,
    /// The library opens every other connection itself.
    #[cfg(feature = "tls")]
    tls: Option<Tls>,
}

impl Target {
    pub(super) fn new(address: Address, roots: &[&str]) -> Result<Self, Error> {
        if !roots.is_empty() && address.kind != Kind::Tls {
            return Err(Error::config("a root certificate of Redis is set, and the address is no rediss:// address"));
        }
        Ok(Self {
            #[cfg(feature = "tls")]
            tls: tls(&address, roots)?,
            info: address.info,
        })
    }

    /// A connection for commands.
    pub(super) async fn commands(
        &self,
        protocol: ProtocolVersion,
        config: AsyncConnectionConfig,
    ) -> Result<MultiplexedConnection, RemoteError> {
        let info = self.speaking(protocol);
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.tls {
            let stream = tls.connect().await?;
            let connecting = MultiplexedConnection::new_with_config(info.redis_settings(), stream, config);
            let (connection, driver) = connecting.await.map_err(not_connected)?;
            // Ends with the connection, or when the last handle of it is dropped.
            tokio::spawn(driver);
            return Ok(connection);
        }
        let client = Client::open(info)?;
        client.get_multiplexed_async_connection_with_config(&config).await.map_err(not_connected)
    }

    /// A connection for messages.
    pub(super) async fn messages(&self, protocol: ProtocolVersion) -> Result<PubSub, RemoteError> {
        let info = self.speaking(protocol);
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.tls {
            return Ok(PubSub::new(info.redis_settings(), tls.connect().await?).await?);
        }
        Ok(Client::open(info)?.get_async_pubsub().await?)
    }

    fn speaking(&self, protocol: ProtocolVersion) -> ConnectionInfo {
        let settings = self.info.redis_settings().clone().set_protocol(protocol);
        self.info.clone().set_redis_settings(settings)
    }
}

fn not_connected(error: RedisError) -> RemoteError {
    let hung_up = error.is_connection_dropped() && !error.is_connection_refusal();
    let error = RemoteError::from(error);
    if hung_up { error.advising(HUNG_UP) } else { error }
}

#[cfg(feature = "tls")]
fn tls(address: &Address, roots: &[&str]) -> Result<Option<Tls>, Error> {
    match address.info.addr() {
        redis::ConnectionAddr::Tcp(host, port) if address.kind == Kind::Tls => Tls::new(host, *port, roots).map(Some),
        _ => Ok(None),
    }
}
