//! A proxy between a client and a server that injects faults on command.
//!
//! It knows bytes and no protocol, and uses threads only: a runtime under test cannot slow it down.

mod connection;
mod flow;
mod listener;
mod relay;
mod shared;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use connection::Ending;
pub use flow::Direction;
use listener::ProxyListener;
use shared::Shared;

/// A proxy on its own port of the loopback interface.
///
/// It forwards undisturbed until a fault is set; dropping it closes every connection. The faults can be combined, each
/// stays until [`heal`](Self::heal), and those that concern bytes affect existing connections as well.
#[derive(Debug)]
pub struct FaultProxy {
    shared: Arc<Shared>,
    listener: ProxyListener,
}

impl FaultProxy {
    /// Starts a proxy for the server that listens at `upstream`, which need not run yet.
    ///
    /// # Panics
    ///
    /// If the loopback interface has no free port.
    pub fn start(upstream: impl Into<SocketAddr>) -> Self {
        let shared = Arc::new(Shared::new(upstream.into()));
        let mut listener = ProxyListener::new();
        listener.open(&shared);
        Self { shared, listener }
    }

    /// The address on which it listens, which never changes.
    pub fn addr(&self) -> SocketAddr {
        self.listener.addr()
    }

    /// Returns `url` with this proxy as its host and port; user, password and path stay.
    ///
    /// # Panics
    ///
    /// If it has no `://`.
    pub fn url_like(&self, url: &str) -> String {
        let (scheme, rest) = url.split_once("://").expect("an address has a scheme");
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let user = rest[..end].rfind('@').map_or(0, |at| at + 1);
        format!("{scheme}://{}{}{}", &rest[..user], self.addr(), &rest[end..])
    }

    /// Connects to another server from now on.
    ///
    /// Existing connections stay with theirs: see [`drop_connections`](Self::drop_connections).
    pub fn set_upstream(&self, upstream: impl Into<SocketAddr>) {
        self.shared.update(|state| state.upstream = upstream.into());
    }

    /// Limits every fault to the connections whose client has sent `part` within its first 512 bytes, such as its
    /// password, until [`heal`](Self::heal).
    ///
    /// [`cut`](Self::cut) then accepts new connections, and ends them once their client has sent that.
    pub fn only(&self, part: impl AsRef<[u8]>) {
        self.shared.update(|state| state.rules.only = Some(part.as_ref().into()));
    }

    /// Delays the data in this direction by `latency`, without a limit on its rate.
    pub fn latency(&self, direction: Direction, latency: Duration) {
        self.shared.update(|state| direction.flows().for_each(|flow| state.rules.latency[flow] = latency));
    }

    /// Forwards all data in pieces of at most `bytes` bytes, which arrive one by one.
    ///
    /// # Panics
    ///
    /// If `bytes` is 0.
    pub fn slice(&self, bytes: usize) {
        assert!(bytes > 0, "a piece has bytes");
        self.shared.update(|state| state.rules.slice = Some(bytes));
    }

    /// Forwards nothing in this direction, while connections stay open and new ones are accepted.
    ///
    /// Each end believes that the other one is silent. Data sent meanwhile arrives after [`heal`](Self::heal), as it
    /// does over a network that was partitioned.
    pub fn half_open(&self, direction: Direction) {
        self.shared.update(|state| direction.flows().for_each(|flow| state.rules.silent[flow] = true));
    }

    /// Forwards each request that contains `part`, and answers it with a reset.
    ///
    /// The reset replaces the next bytes of the server, so the client cannot know whether the request was executed.
    pub fn reset_after_send(&self, part: impl AsRef<[u8]>) {
        self.shared.update(|state| state.rules.reset_after = Some(part.as_ref().into()));
    }

    /// Closes the first connection after `bytes` more bytes from the server, even within a reply.
    pub fn close_after(&self, bytes: usize) {
        self.shared.update(|state| state.rules.close_after = Some(bytes));
    }

    /// Closes every connection and refuses new ones. Data under way is lost.
    pub fn cut(&mut self) {
        self.cut_with(Ending::Closed);
    }

    /// Like [`cut`](Self::cut), with a reset (RST) for every client.
    pub fn cut_with_reset(&mut self) {
        self.cut_with(Ending::Reset);
    }

    /// Closes every connection, and accepts new ones.
    pub fn drop_connections(&self) {
        self.shared.end_all(Ending::Closed);
    }

    /// Ends every fault. Closed connections stay lost: the clients reconnect.
    pub fn heal(&mut self) {
        self.shared.update(|state| state.rules = shared::Rules::default());
        self.listener.open(&self.shared);
    }

    /// The number of open connections.
    pub fn connections(&self) -> usize {
        self.shared.lock().connections.len()
    }

    /// The number of connections ended by a request's reset or a byte limit.
    pub fn broken(&self) -> u64 {
        self.shared.lock().broken
    }

    fn cut_with(&mut self, ending: Ending) {
        if self.shared.lock().rules.only.is_some() {
            self.shared.update(|state| state.rules.refused = Some(ending));
        } else {
            self.listener.close();
        }
        self.shared.end_all(ending);
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.shared.update(|state| state.rules.only = None);
        self.cut();
    }
}
