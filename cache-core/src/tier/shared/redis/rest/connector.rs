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
use tokio::net::TcpStream;
use tower_service::Service;

use super::super::stream::{Bytes, Counted, Received};
use super::super::tls::Tls;
use super::address::RestAddress;
use crate::error::Error;
use crate::protocol::{TierError, TierErrorKind};

/// Opens connections to one server.
#[derive(Clone)]
pub(super) struct Connector {
    address: RestAddress,
    tls: Option<Tls>,
    received: Received,
}

impl Connector {
    /// Prepares connections; `roots` are as for [`Tls::new`].
    pub(super) fn new(address: RestAddress, roots: &[&str]) -> Result<Self, Error> {
        let tls = if address.is_encrypted { Some(Tls::new(&address.host, address.port, roots)?) } else { None };
        Ok(Self { address, tls, received: Received::default() })
    }

    /// The same connections with a count of their own.
    pub(super) fn counting(&self, received: Received) -> Self {
        Self { received, ..self.clone() }
    }

    pub(super) fn address(&self) -> &RestAddress {
        &self.address
    }

    async fn connect(self) -> Result<TokioIo<Counted>, ConnectError> {
        let stream: Box<dyn Bytes> = match &self.tls {
            Some(tls) => Box::new(tls.connect().await?),
            None => Box::new(plain(&self.address).await?),
        };
        Ok(TokioIo::new(Counted::new(stream, self.received)))
    }
}

async fn plain(address: &RestAddress) -> Result<TcpStream, TierError> {
    let lost = |error: std::io::Error| TierError::new(TierErrorKind::Disconnected, error.to_string());
    let stream = TcpStream::connect((address.host.as_str(), address.port)).await.map_err(lost)?;
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
