//! Servers that Redis Sentinel watches.
//!
//! The sentinels say which server is the primary, and the connection to it is the same as to a single server
//! (`connect`). Each connection begins with the question to the sentinels (`resolve`), and a task watches them until it
//! ends (`watch`): a fail-over closes the connection, and the supervisor in `coherence` opens the next one.
//!
//! The client library has a Sentinel client of its own. It takes the first answer, which may be that of a sentinel that
//! was cut off before a fail-over, and it does not follow one.

mod address;
mod question;
mod resolve;
mod watch;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use redis::RedisConnectionInfo;

pub(super) use address::{PARAMETERS, SentinelAddress};
use resolve::Primary;

use super::connect;
use super::server::Server;
use super::stream::Received;
use super::target::Target;
use crate::error::Error;
use crate::protocol::{BusSink, TierError, TierErrorKind};

/// The sentinels, and what they are asked for.
pub(super) struct Sentinels {
    /// At least one.
    targets: Vec<Target>,
    /// The name under which they watch the primary.
    name: String,
    /// User, password and database on the servers.
    login: RedisConnectionInfo,
    /// The highest configuration epoch that a sentinel has answered.
    newest: AtomicU64,
}

impl Sentinels {
    /// Creates the sentinels of an address without connecting.
    ///
    /// `roots` are certificates in PEM form that are trusted instead of the public authorities. Returns an error if
    /// they do not parse, or if the connections are not encrypted.
    pub(super) fn new(address: SentinelAddress, roots: &[&str]) -> Result<Self, Error> {
        let SentinelAddress { sentinels, name, login } = address;
        let targets = sentinels.into_iter().map(|sentinel| Target::new(sentinel, roots)).collect::<Result<_, _>>()?;
        Ok(Self { targets, name, login, newest: AtomicU64::new(0) })
    }

    pub(super) fn first(&self) -> &Target {
        &self.targets[0]
    }

    /// Connects to the primary, and watches the sentinels for as long as the connection is open.
    pub(super) async fn open(self: &Arc<Self>, bus: BusSink) -> Result<Server, TierError> {
        let primary = self.resolve().await?;
        let target = self.first().at(&primary.address)?.with_login(&self.login);
        // Before the connection: a fail-over during its handshake ends the attempt, whose server may be silent.
        let (bus, switched) = watch::start(self, primary, bus);
        let opening = async {
            let server = connect::open(&target, bus, &Received::default()).await?;
            question::is_primary(&target).await?;
            Ok(server)
        };
        tokio::select! {
            opened = opening => opened,
            () = switched.cancelled() => {
                Err(TierError::new(TierErrorKind::Disconnected, "another server has become the primary"))
            }
        }
    }

    /// Asks the sentinels for the primary.
    async fn resolve(&self) -> Result<Primary, TierError> {
        let answers = resolve::ask_all(&self.targets, &self.name).await;
        let primary = answers.judge(self.newest.load(Ordering::Acquire))?;
        self.newest.store(primary.epoch, Ordering::Release);
        Ok(primary)
    }

    /// Records the epoch that a single sentinel has answered.
    fn heard(&self, epoch: u64) {
        self.newest.fetch_max(epoch, Ordering::AcqRel);
    }
}
