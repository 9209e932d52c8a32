//! The TCP and TLS connections under the HTTP client, which are those of this crate.
//!
//! So the trusted authorities, the cryptography provider and the messages about a certificate are the same as for
//! `rediss://` (`tls`), and received bytes are counted as on every other connection.

use std::fmt;
use std::task::{Context, Poll};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use hyper::Uri;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use redis::ConnectionAddr;
use tokio::net::TcpStream;
use tower_service::Service;

use super::super::address::Address;
use super::super::stream::{Bytes, Counted, Received};
use super::super::tls::Tls;
use crate::error::Error;
use crate::protocol::{TierError, TierErrorKind};

/// Opens connections to one server.
#[derive(Clone)]
pub(super) struct Connector {
    host: String,
    port: u16,
    tls: Option<Tls>,
    received: Received,
}

impl Connector {
    /// Prepares connections; `roots` are as for [`Tls::new`].
    pub(super) fn new(address: &Address, roots: &[&str]) -> Result<Self, Error> {
        let (host, port) = match address.info.addr() {
            ConnectionAddr::Tcp(host, port) => (host.clone(), *port),
            _ => return Err(Error::config("the address of Redis over HTTP has no host")),
        };
        if !roots.is_empty() && !address.kind.is_encrypted() {
            return Err(Error::config("a root certificate of Redis is set, and the address is not one over TLS"));
        }
        let tls = if address.kind.is_encrypted() { Some(Tls::new(&host, port, roots)?) } else { None };
        Ok(Self { host, port, tls, received: Received::default() })
    }

    /// The same connections with a count of their own.
    pub(super) fn counting(&self, received: Received) -> Self {
        Self { received, ..self.clone() }
    }

    pub(super) fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    /// The host and the port, as a URL has them.
    pub(super) fn authority(&self) -> String {
        let (host, port) = (&self.host, self.port);
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }

    async fn connect(self) -> Result<TokioIo<Counted>, ConnectError> {
        let stream: Box<dyn Bytes> = match &self.tls {
            Some(tls) => Box::new(tls.connect().await?),
            None => Box::new(plain(&self.host, self.port).await?),
        };
        Ok(TokioIo::new(Counted::new(stream, self.received)))
    }
}

async fn plain(host: &str, port: u16) -> Result<TcpStream, TierError> {
    let lost = |error: std::io::Error| TierError::new(TierErrorKind::Disconnected, error.to_string());
    let stream = TcpStream::connect((host, port)).await.map_err(lost)?;
    stream.set_nodelay(true).map_err(lost)?;
    Ok(stream)
}

impl Service<Uri> for Connector {
    type Response = TokioIo<Counted>;
    type Error = ConnectError;
    type Future = BoxFuture<'static, Result<Self::Response, ConnectError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    /// Connects to the server of the address, which is the only one: redirections are not followed.
    fn call(&mut self, _: Uri) -> Self::Future {
        self.clone().connect().boxed()
    }
}

impl Connection for Counted {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

/// An error of a connection, inside of one of the HTTP client.
#[derive(Debug)]
pub(super) struct ConnectError(pub(super) TierError);

impl From<TierError> for ConnectError {
    fn from(error: TierError) -> Self {
        Self(error)
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for ConnectError {}
