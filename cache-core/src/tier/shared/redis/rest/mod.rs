//! Redis over HTTP, as Upstash offers it (<https://upstash.com/docs/redis/features/restapi>).
//!
//! A batch of commands is one request to `/pipeline`, and the bus is one stream of events. Reads are scripts, which only
//! the primary executes (`reads`): those of a replica would show a state from before an invalidation that has already
//! arrived. `client` and `connector` alone use types of the HTTP library.

mod address;
mod bus;
mod client;
mod connector;
mod events;
mod json;
mod reads;
mod refusal;
mod sync_token;
mod transport;

pub(super) use address::parse;
use client::{Authorization, HttpClient};
use connector::Connector;
use transport::Rest;

use super::address::Address;
use crate::error::Error;
use crate::protocol::{BusSink, TierError};

/// A REST interface, and the token for it.
pub(super) struct RestTarget {
    connector: Connector,
    authorization: Authorization,
}

impl RestTarget {
    /// Prepares connections. `roots` are as for a server over TLS.
    pub(super) fn new(address: &Address, roots: &[&str]) -> Result<Self, Error> {
        let token = address.info.redis_settings().password().unwrap_or_default();
        Ok(Self { authorization: Authorization::bearer(token)?, connector: Connector::new(address, roots)? })
    }

    /// The host and the port.
    pub(super) fn authority(&self) -> String {
        self.connector.authority()
    }

    /// Connects, and checks the token.
    pub(super) async fn open(&self, bus: BusSink) -> Result<Rest, TierError> {
        Rest::open(HttpClient::new(&self.connector, &self.authorization), bus).await
    }
}
