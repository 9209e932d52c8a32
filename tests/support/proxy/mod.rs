//! A proxy that stands between a client and a server, and disturbs what passes on command.
//!
//! It knows bytes and no protocol, and works with threads alone: a runtime under test cannot slow it down.

mod connection;
mod door;
mod flow;
mod relay;
mod shared;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use connection::Ending;
use door::Door;
pub use flow::Direction;
use shared::Shared;

/// A proxy on a port of its own of the loopback interface. Nothing goes wrong until it is told to; dropping it closes every
/// connection.
///
/// The faults can be combined, each stays until [`heal`](Self::heal), and those that concern bytes are for the connections that
/// exist as well.
#[derive(Debug)]
pub struct FaultProxy {
    shared: Arc<Shared>,
    door: Door,
}

impl FaultProxy {
    /// Starts a proxy for the server that listens at `upstream`, which need not run yet.
    ///
    /// # Panics
    ///
    /// When the loopback interface has no free port.
    pub fn start(upstream: impl Into<SocketAddr>) -> Self {
        let shared = Arc::new(Shared::new(upstream.into()));
        let mut door = Door::new();
        door.open(&shared);
        Self { shared, door }
    }

    /// Where it listens. It stays the same, whatever happens.
    pub fn addr(&self) -> SocketAddr {
        self.door.addr()
    }

    /// `url` with this proxy in place of its host and port; user, password and path stay.
    ///
    /// # Panics
    ///
    /// When it has no `://`.
    pub fn url_like(&self, url: &str) -> String {
        let (scheme, rest) = url.split_once("://").expect("an address has a scheme");
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let user = rest[..end].rfind('@').map_or(0, |at| at + 1);
        format!("{scheme}://{}{}{}", &rest[..user], self.addr(), &rest[end..])
    }

    /// Connects to another server from now on. Connections that exist stay with theirs: see
    /// [`drop_connections`](Self::drop_connections).
    pub fn set_upstream(&self, upstream: impl Into<SocketAddr>) {
        self.shared.update(|state| state.upstream = upstream.into());
    }

    /// Holds what flows in this direction for so long. What came together leaves together: nothing waits for what is before it.
    pub fn latency(&self, direction: Direction, latency: Duration) {
        self.shared.update(|state| direction.flows().for_each(|flow| state.rules.latency[flow] = latency));
    }

    /// Forwards every piece of data as pieces of at most `bytes` bytes, so that the receiver sees each by itself.
    ///
    /// # Panics
    ///
    /// When `bytes` is 0.
    pub fn slice(&self, bytes: usize) {
        assert!(bytes > 0, "a piece has bytes");
        self.shared.update(|state| state.rules.slice = Some(bytes));
    }

    /// Forwards nothing in this direction. Connections stay, new ones are accepted, and each end believes that the other one is
    /// silent. What is sent meanwhile arrives after [`heal`](Self::heal), as it does over a network that was parted.
    pub fn half_open(&self, direction: Direction) {
        self.shared.update(|state| direction.flows().for_each(|flow| state.rules.silent[flow] = true));
    }

    /// Lets every request that contains `part` reach the server, and resets the connection in place of what the server sends next.
    /// The client cannot know whether the request was carried out.
    pub fn reset_after_send(&self, part: impl AsRef<[u8]>) {
        self.shared.update(|state| state.rules.reset_after = Some(part.as_ref().into()));
    }

    /// Closes the first connection on which the server has sent so many more bytes, in the middle of whatever that is.
    pub fn close_after(&self, bytes: usize) {
        self.shared.update(|state| state.rules.close_after = Some(bytes));
    }

    /// Closes every connection and refuses new ones. What was under way is lost.
    pub fn cut(&mut self) {
        self.cut_with(Ending::Closed);
    }

    /// Like [`cut`](Self::cut), with a reset (RST) for every client.
    pub fn cut_with_reset(&mut self) {
        self.cut_with(Ending::Reset);
    }

    /// Closes every connection, while new ones are welcome.
    pub fn drop_connections(&self) {
        self.shared.end_all(Ending::Closed);
    }

    /// Ends every fault. What was cut stays lost: the clients connect anew.
    pub fn heal(&mut self) {
        self.shared.update(|state| state.rules = shared::Rules::default());
        self.door.open(&self.shared);
    }

    /// How many connections are open.
    pub fn connections(&self) -> usize {
        self.shared.lock().connections.len()
    }

    /// How many connections ended because a request was to be answered by a reset, or enough bytes had passed.
    pub fn broken(&self) -> u64 {
        self.shared.lock().broken
    }

    fn cut_with(&mut self, ending: Ending) {
        self.door.close();
        self.shared.end_all(ending);
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.cut();
    }
}
